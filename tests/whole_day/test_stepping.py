"""What makes a day go on: nothing is skipped, nothing runs early, everything of an instant is done before the next."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulator.network.in_turn import InTurn
from simulator.network.timeline import SteppedTimeline
from whole_day.stepping import Regular, Stepper

NINE = datetime.fromisoformat("2025-04-14T09:00:00+09:00")


def minutes(number: float) -> datetime:
    return NINE + timedelta(minutes=number)


@dataclass
class LineWorkDouble:
    """Offers that are due, and whether the line was woken."""

    due: list[datetime] = field(default_factory=list)
    woken: bool = False

    def offer_due(self) -> datetime | None:
        return min(self.due, default=None)

    def take_wake(self) -> bool:
        woken, self.woken = self.woken, False
        return woken


@dataclass
class Play:
    """A stepper with everything that happens noted, in order."""

    happened: list[tuple[str, datetime]] = field(default_factory=list)
    line_work: LineWorkDouble = field(default_factory=LineWorkDouble)
    sending: InTurn = field(default_factory=InTurn)
    timeline: SteppedTimeline = field(init=False)
    stepper: Stepper = field(init=False)

    def __post_init__(self) -> None:
        self.timeline = SteppedTimeline(NINE)
        self.stepper = Stepper(self.timeline, self.sending, self.line_work, self.tick, lambda: self.sending.done)

    def note(self, what: str) -> Callable[[], None]:
        return lambda: self.happened.append((what, self.timeline.now()))

    def tick(self) -> None:
        self.note("tick")()
        self.line_work.due = [each for each in self.line_work.due if each > self.timeline.now()]

    def asks(self, what: str) -> None:
        self.sending.submit(self.note(what))

    def at(self, number: float, act: Callable[[], None]) -> None:
        self.timeline.call_later(number * 60, act)


def test_events_happen_in_order_at_their_own_time_and_none_after_the_end() -> None:
    play = Play()
    for number in (30, 10, 20, 61):
        play.at(number, play.note(f"event {number}"))
    play.stepper.run_until(minutes(60))
    assert play.happened == [(f"event {number}", minutes(number)) for number in (10, 20, 30)]
    play.stepper.run_until(minutes(70))
    assert play.happened[-1] == ("event 61", minutes(61))


def test_an_offer_that_becomes_due_between_two_events_is_looked_after_on_time() -> None:
    play = Play()
    play.at(10, play.note("event"))
    play.at(30, play.note("event"))
    play.line_work.due = [minutes(20), minutes(25)]
    play.stepper.run_until(minutes(60))
    assert play.happened == [
        ("event", minutes(10)), ("tick", minutes(20)), ("tick", minutes(25)), ("event", minutes(30)),
    ]  # fmt: skip


def test_a_request_that_was_begun_is_answered_before_the_next_event() -> None:
    play = Play()
    play.at(10, lambda: play.asks("answer"))
    play.at(10.001, play.note("next"))
    play.stepper.run_until(minutes(60))
    assert [what for what, _ in play.happened] == ["answer", "next"]
    assert play.happened[0][1] == minutes(10)


def test_requests_that_follow_from_an_answer_are_sent_at_the_same_instant_in_order() -> None:
    play = Play()

    def ask() -> None:
        play.sending.submit(lambda: play.sending.submit(play.note("follows from the first")))
        play.sending.submit(play.note("second"))

    play.at(10, ask)
    play.stepper.run_until(minutes(60))
    assert play.happened == [("second", minutes(10)), ("follows from the first", minutes(10))]


def test_a_line_that_is_woken_works_before_time_goes_on() -> None:
    play = Play()

    def wake() -> None:
        play.line_work.woken = True
        play.sending.submit(play.note("asked"))

    play.at(10, wake)
    play.at(10, play.note("another at the same instant"))
    play.at(11, play.note("later"))
    play.stepper.run_until(minutes(60))
    assert [what for what, _ in play.happened] == ["asked", "tick", "another at the same instant", "later"]


def test_what_is_done_regularly_is_done_every_time_and_not_before() -> None:
    play = Play()
    play.stepper.regular = [Regular(timedelta(minutes=15), minutes(15), play.note("job"))]
    play.at(20, play.note("event"))
    play.stepper.run_until(minutes(46))
    assert play.happened == [
        ("job", minutes(15)), ("event", minutes(20)), ("job", minutes(30)), ("job", minutes(45)),
    ]  # fmt: skip
