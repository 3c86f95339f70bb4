"""A caller: dials, presses keys, waits as long as she can, talks, hangs up, and perhaps calls again."""

from dataclasses import dataclass, field

from simulator.day.plan import CallerPlan
from simulator.day.record import Heard
from simulator.day.town import Town
from simulator.network.calls import Place
from simulator.network.journal import Entry
from simulator.network.scripts import Script, Step
from simulator.network.server import Network

LINE_IS_CLOSED = "電話を受け付けていません"
NOBODY_CAN_TAKE_IT = ("本日の受付は終わりました", "ただいま電話をおつなぎできません")


def script_of(plan: CallerPlan, *, attempt: int = 1) -> Script:
    """Return what she does with her telephone until a person talks to her; each time she waits longer."""
    first = [Step(when="answered", after=after, press=keys) for after, keys in plan.presses[:1]]
    more = [Step(after=after, press=keys) for after, keys in plan.presses[1:]]
    if plan.leaves_menu_after is not None and attempt == 1:
        return Script((Step(when="answered", after=plan.leaves_menu_after, hang_up=True),))
    rings_off = []
    if plan.rings_off_after is not None:
        rings_off = [Step(when="connected", after=round(plan.talk_seconds * plan.rings_off_after, 1), hang_up=True)]
    return Script((*first, *more, *rings_off), plan.patience_seconds * attempt)


@dataclass
class CallerAtTheNetwork:
    """One caller whose telephone is at a network in this process."""

    town: Town
    network: Network
    plan: CallerPlan
    _redials: list[float] = field(init=False)
    _attempt: int = 0

    def __post_init__(self) -> None:
        self._redials = list(self.plan.redials)

    @property
    def name(self) -> str:
        return f"caller {self.plan.id}"

    def begin(self) -> None:
        self.town.at(self.plan.at, self._dial, self.name)

    def _dial(self) -> None:
        """Call, and write down all that happens, from the first moment on."""
        exchange = self.network.exchange
        self._attempt += 1
        with exchange.entered():
            caller = self.network.call(self.plan.number, script=script_of(self.plan, attempt=self._attempt))
            sid = caller.call.sid
            heard = Heard(sid, self.plan.id, self.plan.errand, self.town.now())
            self.town.record.calls[sid] = heard
            self.town.talks[sid] = self.plan
            exchange.journal.listen(sid, lambda entry: self._notice(heard, entry))

    def _notice(self, heard: Heard, entry: Entry) -> None:
        match entry.kind:
            case "heard":
                words = str(entry.details["text"])
                heard.turned_away = heard.turned_away or LINE_IS_CLOSED in words
                heard.sent_away = heard.sent_away or any(each in words for each in NOBODY_CAN_TAKE_IT)
            case "place":
                self._stands_now(heard, Place(entry.details["place"]))

    def _stands_now(self, heard: Heard, place: Place) -> None:
        if place is Place.QUEUED and heard.queued_at is None:
            heard.queued_at = self.town.now()
        if place is Place.CONNECTED and heard.answered_at is None:
            heard.answered_at = self.town.now()
        if place is Place.LISTENING and heard.answered_at is not None and heard.ended_at is None:
            heard.ended_at = self.town.now()  # the talk is over; that she is thanked afterwards is no part of it
        if place is Place.ENDED:
            heard.ended_at = heard.ended_at or self.town.now()
            if heard.answered_at is None and self._redials:
                self.town.later(self._redials.pop(0), self._dial, self.name)
