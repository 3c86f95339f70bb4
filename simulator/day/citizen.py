"""A citizen on the web: logs in, books, and perhaps moves or cancels later on the day."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.day.booking_walk import choose, confirm
from simulator.day.dice import Dice
from simulator.day.plan import CitizenPlan
from simulator.day.record import Deed, Refused
from simulator.day.site import Declined, Window
from simulator.day.town import Town

MOST_LOG_INS = MOST_TRIES = 3
PLACES = "/book/delivery/"
TOO_LATE = "が過ぎました"


@dataclass
class Citizen:
    """One of them. Her session lasts half an hour of real time, so she logs in afresh whenever she comes."""

    town: Town
    plan: CitizenPlan
    dice: Dice
    window: Window = field(init=False)
    _tries: int = 0
    _refused: int = 0

    def __post_init__(self) -> None:
        self.window = Window(self.town.site)

    @property
    def name(self) -> str:
        return f"citizen {self.plan.id}"

    def begin(self) -> None:
        self.town.at(self.plan.at, self._log_in, self.name)

    def _log_in(self) -> None:
        self._tries += 1
        right = self._tries > self.plan.mistypes
        typed = {"number": self.plan.card.number, "password": self.plan.card.password if right else "00000000"}
        self.window.open("/login")
        try:
            self.window.submit("/login", typed)
        except Declined:
            self.town.record.failed_log_ins += 1
            if self._tries < MOST_LOG_INS:
                self._later(self.dice.between(10, 40), self._log_in)
            return
        self._later(self.dice.between(5, 30), self._look)

    def _look(self) -> None:
        if reason := choose(self.window, self.dice, PLACES):
            self._refused_to_book(reason)
            return
        self._later(self.dice.between(20, 120), self._book)

    def _book(self) -> None:
        if reason := confirm(self.window, {"phone": f"09012{self.plan.id:06d}"}):
            self._refused_to_book(reason)
            return
        self._note("book")
        if self.plan.then:
            self._later(self.plan.then_after, self._come_back)

    def _refused_to_book(self, reason: str) -> None:
        """Look again where somebody was quicker, a few times."""
        self._note_refusal("book", reason)
        self._refused += 1
        if self._refused < MOST_TRIES:
            self._later(self.dice.between(5, 30), self._look)

    def _come_back(self) -> None:
        self.window = Window(self.town.site).open("/login")
        self.window.submit("/login", {"number": self.plan.card.number, "password": self.plan.card.password})
        if self.plan.then == "cancel":
            self._later(self.dice.between(10, 60), self._cancel)
            return
        if reason := choose(self.window, self.dice, PLACES):
            self._note_refusal("move", reason)
            return
        self._later(self.dice.between(20, 120), self._move)

    def _move(self) -> None:
        if reason := confirm(self.window, {}):
            self._note_refusal("move", reason)
            return
        self._note("move")

    def _cancel(self) -> None:
        self.window.open("/my/")
        facts = self.window.page.facts()
        self.window.open("/my/cancel")
        if TOO_LATE in self.window.page.text:
            self._note_refusal("cancel", "change_deadline_passed")
            return
        try:
            self.window.submit("/my/cancel")
        except Declined as declined:
            self._note_refusal("cancel", declined.reason)
            return
        self._write_down("cancel", facts)

    def _note(self, verb: str) -> None:
        """Write down what the page after it says of her booking."""
        self._write_down(verb, self.window.page.facts())

    def _write_down(self, verb: str, facts: dict[str, str]) -> None:
        visit = f"{facts.get('日時', '')} {facts.get('場所', '')}"
        deed = Deed(self.town.now(), "web", verb, "delivery", facts["受付番号"], self.plan.card.number, visit)
        self.town.record.deeds.append(deed)

    def _note_refusal(self, what: str, reason: str) -> None:
        self.town.record.refusals.append(Refused(self.town.now(), self.name, what, reason))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self.town.later(seconds, act, self.name)
