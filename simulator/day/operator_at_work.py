"""An operator's working day: signs in, takes calls, has lunch, misses one now and then, goes home."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from simulator.browser import Unexpected
from simulator.day.conversation import Conversation, call_page
from simulator.day.dice import Dice
from simulator.day.record import SeatChange
from simulator.day.shifts import STAYS_UNTIL, Pause, Shift
from simulator.day.site import Declined, Window
from simulator.day.town import Telephone, Town
from simulator.opening_time import TOKYO

AVAILABLE, AWAY, OFFLINE = "available", "away", "offline"
MISSES, DECLINES = 0.012, 0.006
"""How often she is not at her telephone when it rings, and how often she cannot take the call."""

WRAP_UP_LIMIT = timedelta(seconds=120)
"""After so long the line takes her for free although she still writes: a setting of the city."""

LOOKS_AGAIN_SECONDS = 15.0


@dataclass
class Operator:
    """One of them. What she takes herself to be is her own account of it: the desk is not asked."""

    town: Town
    shift: Shift
    password: str
    dice: Dice
    window: Window = field(init=False)
    telephone: Telephone | None = None
    identity: str = ""
    status: str = OFFLINE
    following: str = ""
    _ringing: str = ""
    _parent: str = ""
    _talk: Conversation | None = None
    _leg: str = ""
    _busy: bool = False
    _paused: bool = False
    _leaving: bool = False
    _unclosed: int = 0
    _order: tuple[str, str] | None = None
    """Why and by whom her seat opens or closes, where that is not her own choice."""

    def __post_init__(self) -> None:
        self.window = Window(self.town.site)

    def begin(self) -> None:
        shift = self.shift
        self.town.at(shift.signs_in, self.sign_in, shift.login)
        if shift.available:
            self.town.at(shift.available, self.take_calls, shift.login)
        for pause in shift.pauses:
            self.town.at(pause.begins, lambda pause=pause: self._step_away(pause), shift.login)  # type: ignore[misc]
            self.town.at(pause.begins + pause.length, self._come_back, shift.login)
        self.town.at(shift.ends, self.leave, shift.login)

    # -- at the desk --------------------------------------------------------------------------------------------

    def sign_in(self) -> None:
        self.window.open("/desk/").submit("/sign-in", {"login": self.shift.login, "password": self.password})
        if self.window.page.heading != "待ち呼":
            raise Unexpected(f"{self.shift.login} cannot sign in: {self.window.page.heading}")
        state = self.window.ask_json("/desk/line/state")
        token = self.window.post_for_json("/desk/line/token", {"csrf_token": str(state["csrf_token"])})
        self.identity = str(token["identity"])
        self.telephone = self.town.telephone(self.identity, str(token["token"]), self._told)

    def take_calls(self) -> None:
        self.set_status(AVAILABLE)

    def _step_away(self, pause: Pause) -> None:
        if not self._leaving:
            self._paused = True
            self.set_status(AWAY, pause.reason)

    def _come_back(self) -> None:
        self._paused = False
        if not self._leaving:
            self.set_status(AVAILABLE)

    def leave(self) -> None:
        """Go home: whoever stays for the queue only once nobody waits any more."""
        if self.shift.stays_for_the_queue and self._is_needed():
            self.town.later(LOOKS_AGAIN_SECONDS, self.leave, self.shift.login)
            return
        self._leaving = True
        if self.status != OFFLINE:
            self.set_status(OFFLINE)
        self._sign_out()

    def _is_needed(self) -> bool:
        if self.town.now().astimezone(TOKYO).time() < STAYS_UNTIL:
            return True
        return int(self.window.ask_json("/desk/line/state")["waiting"]) > 0

    def _sign_out(self) -> None:
        if self._busy or self._unclosed:
            self.town.later(LOOKS_AGAIN_SECONDS, self._sign_out, self.shift.login)
            return
        self.window.open("/desk/").submit("/desk/sign-out")
        if self.telephone:
            self.telephone.leave()

    def set_status(self, status: str, reason: str = "") -> None:
        """Tell the desk; while she has a call in hand it counts from the end of that on."""
        self.window.open("/desk/").submit("/desk/status", {"status": status, "reason": reason})
        self._order = None
        self._choose(status)

    @property
    def keeps_her_seat(self) -> bool:
        return OFFLINE not in {self.status, self.following}

    def is_told(self, status: str, *, why: str, by: str) -> None:
        """Somebody else opened or closed her seat; while she has a call in hand it counts from the end of that on."""
        self._order = (why, by)
        self._choose(status)

    def _choose(self, status: str) -> None:
        if self._busy and status != self.status:
            self.following = status
        else:
            self._become(status)

    def _become(self, status: str) -> None:
        self.status, self.following = status, ""
        self._note_order(status)
        if status == OFFLINE:
            self.town.record.got_up(self.shift.login)
        else:
            self.town.record.sits(self.shift.login, takes_calls=status == AVAILABLE)

    def _note_order(self, status: str) -> None:
        change = "closed" if status == OFFLINE else "opened"
        changes = (status == OFFLINE) == (self.shift.login in self.town.record.seated)
        if self._order and changes:
            self.town.record.seat_changes.append(SeatChange(self.town.now(), self.shift.login, change, *self._order))
        self._order = None

    # -- at the telephone ---------------------------------------------------------------------------------------

    def _told(self, kind: str, data: dict[str, object]) -> None:
        leg = str(data.get("leg", ""))
        match kind:
            case "incoming":
                self._rings(leg, str(data.get("parent", "")))
            case "connected":
                self.town.later(0, lambda: self._talks(leg), self.shift.login)
            case "cancel" if leg == self._ringing:
                self._rang_in_vain(str(data.get("reason", "")))
            case "disconnected" if leg == self._leg:
                self._hung_up()

    def _rings(self, leg: str, parent: str) -> None:
        self._ringing, self._parent, self._busy = leg, parent, True
        if self.dice.chance(MISSES):
            return
        decline = self.dice.chance(DECLINES)
        self._while_it_rings(leg, self._decline if decline else self._accept, self.dice.between(2, 6))

    def _while_it_rings(self, leg: str, act: Callable[[], None], after: float) -> None:
        def unless_over() -> None:
            if self._ringing == leg:
                act()

        self.town.later(after, unless_over, self.shift.login)

    def _accept(self) -> None:
        if self.telephone:
            self.telephone.accept(self._ringing)

    def _decline(self) -> None:
        """Say at the desk that she cannot take it, and stop the ringing; the caller may have been gone first."""
        state = self.window.ask_json("/desk/line/state")
        try:
            self.window.post(f"{call_page(state)}decline", {"csrf_token": str(state["csrf_token"])})
        except Declined as found:
            if found.status != http.client.CONFLICT:
                raise
        if self.telephone:
            self.telephone.reject(self._ringing)

    def _rang_in_vain(self, reason: str) -> None:
        """Nobody spoke: the caller was gone first, or she herself did not answer and is parked for it."""
        self._ringing = ""
        heard = self.town.record.calls.get(self._parent)
        if heard:
            heard.rang_in_vain += 1
        self._busy = False
        if reason == "canceled" or self.following == OFFLINE:
            self._free()
            return
        self._become(AWAY)
        self.town.later(self.dice.between(20, 60), self._notice_that_she_is_parked, self.shift.login)

    def _notice_that_she_is_parked(self) -> None:
        if self.status == AWAY and not self._paused and not self._leaving and not self._busy:
            self.set_status(AVAILABLE)

    def _talks(self, leg: str) -> None:
        """Open the page of the call and serve the caller."""
        self._ringing, self._leg = "", leg
        heard = self.town.record.calls.get(self._parent)
        if heard:
            heard.answered_by = self.shift.login
        self._unclosed += 1
        self._talk = Conversation(
            town=self.town,
            operator=self.shift.login,
            tab=self.window.new_tab(),
            url=call_page(self.window.ask_json("/desk/line/state")),
            plan=self.town.talks.get(self._parent),
            heard=heard,
            dice=self.dice,
            goodbye=self._say_goodbye,
            closed=lambda: self._closed(leg),
        )
        self._talk.begin()

    def _say_goodbye(self) -> None:
        """One of the two hangs up: the caller as often as the operator."""
        if self.dice.chance(0.5) and self.town.puts_down(self._parent):
            return
        if self.telephone:
            self.telephone.hang_up(self._leg)

    def _hung_up(self) -> None:
        leg = self._leg
        if self._talk:
            self._talk.ended()
        self.town.later(WRAP_UP_LIMIT.total_seconds(), lambda: self._freed_by_the_line(leg), self.shift.login)

    def _freed_by_the_line(self, leg: str) -> None:
        if self._busy and self._leg == leg:
            self._free()

    def _closed(self, leg: str) -> None:
        self._unclosed -= 1
        if self._busy and self._leg == leg:
            self._free()

    def _free(self) -> None:
        """Nothing is in hand any more: what she chose meanwhile begins."""
        self._busy, self._leg, self._talk = False, "", None
        if self.following:
            self._become(self.following)
