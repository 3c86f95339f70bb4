"""A telephone network in memory, for interleavings: what really happens, told to the line late, twice or never.

It asks for documents and follows them as the provider does; what is only told (status callbacks) goes into a bag, from
which it is delivered in any order. It remembers who really talked with whom, which is what the rows are judged by.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from sqlalchemy import Engine

from booking_core.clock import Clock
from booking_core.db import in_transaction
from ivr.conversation import LineEvent, hear
from ivr.flow.next_step import Connect, Enqueue, HangUp, Happening, LeaveQueue, Menu, Nothing, Step, Wait
from ivr.provider import ProviderCall, ProviderDown
from ivr.queue.models import Redirect
from ivr.queue.progress import Arrival
from tests.factories import done


class Phase(StrEnum):
    """Where a caller really is."""

    MENU = "menu"
    QUEUE = "queue"
    RINGING = "ringing"
    TALKING = "talking"
    OVER = "over"


@dataclass
class Leg:
    """One caller. `connected` counts how often she really talked, `cut` how often a talk was cut by our own request."""

    sid: str
    phase: Phase = Phase.MENU
    offer: int = 0
    account: int = 0
    operator_leg: str = ""
    operator_status: str = ""
    redirect: int | None = None  # an offer whose redirect has been taken on and not yet carried out
    connected: int = 0
    cut: int = 0


@dataclass
class NetworkModel:
    """The network. Keeps the contract of `ivr.provider.Provider`; every step of it is one transaction of ours."""

    engine: Engine
    clock: Clock
    random: Random
    legs: dict[str, Leg] = field(default_factory=dict)
    told: list[LineEvent] = field(default_factory=list)
    bag: list[LineEvent] = field(default_factory=list)
    redirected: set[int] = field(default_factory=set)
    operator_legs: dict[str, Leg] = field(default_factory=dict)
    fails: float = 0.1  # how often a question about a call is answered with a failure of its own
    _numbers: int = 0

    # --- What callers and operators do -----------------------------------------------------------------------------

    def dial(self) -> Leg:
        self._numbers += 1
        leg = Leg(f"CA{self._numbers:032x}")
        self.legs[leg.sid] = leg
        self._follow(leg, self._ask(leg, Happening.ARRIVED, call_status="ringing"))
        return leg

    def press(self, leg: Leg, key: str) -> None:
        self._follow(leg, self._ask(leg, Happening.CHOSE, result=key))

    def ask_what_to_hear(self, leg: Leg) -> None:
        step = self._ask(leg, Happening.WAITS)
        if isinstance(step, LeaveQueue):
            step = self._ask(leg, Happening.LEFT_QUEUE, result="leave")
        self._follow(leg, step)

    def carry_out_redirect(self, leg: Leg) -> None:
        """Let a redirect take effect: the queue is told, and the target asked, in either order."""
        offer, leg.redirect = leg.redirect, None
        if leg.phase is Phase.OVER or offer is None:
            return
        if leg.phase is Phase.TALKING:
            leg.cut += 1
        told = leg.phase is Phase.QUEUE
        if told and self.random.random() < 0.5:
            self._ask(leg, Happening.LEFT_QUEUE, result="redirected")
            told = False
        self._follow(leg, self._ask(leg, Happening.CONNECTS, offer=offer))
        if told:
            self._ask(leg, Happening.LEFT_QUEUE, result="redirected")

    def operator_picks_up(self, leg: Leg) -> None:
        leg.operator_status = "in-progress"
        if isinstance(self._tell_of_operator(leg, Happening.OPERATOR_HEARD, "in-progress"), HangUp):
            self.operator_misses(leg, "no-answer")
            return
        leg.phase, leg.connected = Phase.TALKING, leg.connected + 1
        self._later(leg, "in-progress", 2)

    def operator_misses(self, leg: Leg, how: str) -> None:
        leg.operator_status = how
        self._later(leg, how, 2)
        self._follow(leg, self._ask(leg, Happening.DIAL_ENDED, result=how, offer=leg.offer, bridged=False))

    def operator_hangs_up(self, leg: Leg) -> None:
        leg.operator_status = "completed"
        self._later(leg, "completed", 3)
        ended = self._ask(leg, Happening.DIAL_ENDED, result="completed", offer=leg.offer, talk=30, bridged=True)
        self._follow(leg, ended)

    def hang_up(self, leg: Leg) -> None:
        """The caller hangs up wherever she is; of what is told about it anything may come late or never."""
        was, leg.phase = leg.phase, Phase.OVER
        if was is Phase.QUEUE:
            self.bag.append(self._event(leg, Happening.LEFT_QUEUE, result="hangup", call_status="completed"))
        if was in {Phase.RINGING, Phase.TALKING}:
            talked = was is Phase.TALKING
            how = "completed" if talked else self.random.choice(["no-answer", "canceled", "completed"])
            leg.operator_status = "completed" if talked else "canceled"
            self.bag.append(
                self._event(
                    leg,
                    Happening.DIAL_ENDED,
                    result=how,
                    offer=leg.offer,
                    talk=30 if talked else 0,
                    bridged=talked,
                    call_status="completed",
                )
            )
        self.bag.append(self._event(leg, Happening.CALL_STATUS, result="completed", call_status="completed"))

    def deliver(self) -> None:
        """Tell something from the bag, whichever comes; a third of it comes twice."""
        event = self.bag.pop(self.random.randrange(len(self.bag)))
        self._hear(event)
        if self.random.random() < 0.3:
            self._hear(event)

    def lose(self) -> None:
        self.bag.pop(self.random.randrange(len(self.bag)))

    def replay(self) -> None:
        """Send something again that was told before; nobody follows the answer."""
        self._hear(self.random.choice(self.told))

    # --- What the line asks of it -----------------------------------------------------------------------------------

    def redirect(self, call_sid: str, offer_id: int) -> Redirect:
        assert offer_id not in self.redirected, "a redirect was sent twice"
        self.redirected.add(offer_id)
        leg = self.legs[call_sid]
        fate = self.random.random()
        if leg.phase is Phase.OVER or fate < 0.15:
            return Redirect.REFUSED
        if fate < 0.3:
            return Redirect.UNKNOWN
        leg.redirect = offer_id
        return Redirect.UNKNOWN if fate < 0.4 else Redirect.DONE

    def find_call(self, sid: str) -> ProviderCall | None:
        if self.random.random() < self.fails:
            raise ProviderDown("a failure of its own")
        if sid in self.legs:
            return ProviderCall(sid, "completed" if self.legs[sid].phase is Phase.OVER else "in-progress")
        leg = self.operator_legs.get(sid)
        return (
            ProviderCall(sid, leg.operator_status if leg and leg.operator_leg == sid else "completed") if leg else None
        )

    def list_live_calls(self) -> list[ProviderCall]:
        return [ProviderCall(leg.sid, "in-progress") for leg in self.legs.values() if leg.phase is not Phase.OVER]

    def bring_back(self, call_sid: str) -> None:
        raise AssertionError(f"{call_sid} was never unheard of")

    def make_queue(self) -> None:
        pass

    # --- How it follows documents -----------------------------------------------------------------------------------

    def _follow(self, leg: Leg, step: Step) -> None:
        if leg.phase is Phase.OVER:
            return
        match step:
            case Menu():
                leg.phase = Phase.MENU
            case Enqueue():
                leg.phase = Phase.QUEUE
            case Connect(offer, account):
                self._ring(leg, offer, account)
            case HangUp():
                leg.phase = Phase.OVER
                self.bag.append(self._event(leg, Happening.CALL_STATUS, result="completed", call_status="completed"))
            case Wait() | Nothing() | LeaveQueue():
                pass

    def _ring(self, leg: Leg, offer: int, account: int) -> None:
        self._numbers += 1
        leg.phase, leg.offer, leg.account = Phase.RINGING, offer, account
        leg.operator_leg, leg.operator_status = f"CA{self._numbers:032x}", "ringing"
        self.operator_legs[leg.operator_leg] = leg
        for sequence, status in enumerate(("initiated", "ringing")):
            self._later(leg, status, sequence)

    def _ask(self, leg: Leg, happening: Happening, **told: object) -> Step:
        return self._hear(self._event(leg, happening, **told))  # type: ignore[arg-type] # as named below

    def _tell_of_operator(self, leg: Leg, happening: Happening, status: str) -> Step:
        return self._hear(self._of_operator(leg, happening, status, "heard"))

    def _later(self, leg: Leg, status: str, sequence: int) -> None:
        self.bag.append(self._of_operator(leg, Happening.OPERATOR_STATUS, status, f"sequence:{sequence}"))

    def _of_operator(self, leg: Leg, happening: Happening, status: str, token: str) -> LineEvent:
        return LineEvent(
            happening, None, leg.operator_leg, token, result=status, call_status=status, offer_id=leg.offer
        )

    def _event(
        self,
        leg: Leg,
        happening: Happening,
        *,
        result: str = "",
        call_status: str = "in-progress",
        offer: int | None = None,
        talk: int = 0,
        bridged: bool | None = None,
    ) -> LineEvent:
        self._numbers += 1
        return LineEvent(
            happening,
            Arrival(leg.sid, "anonymous", "+81753660000"),
            leg.sid,
            f"retry:{self._numbers}",
            result=result,
            call_status=call_status,
            offer_id=offer,
            talk_seconds=talk,
            bridged=bridged,
        )

    def _hear(self, event: LineEvent) -> Step:
        self.told.append(event)
        return done(in_transaction(self.engine, lambda db: hear(db, event, now=self.clock.now()))).step
