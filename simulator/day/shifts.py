"""Who sits when: the seats of the specification by weekday and hour (3-2-C), lunch and breaks in turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from simulator.day.dice import Dice
from simulator.opening_time import TOKYO

SEATS_EARLY_IN_THE_WEEK, SEATS_LATER = 23, 18
FEWER_FROM = time(15)
FEWER_BY = 3
TUESDAY = 1
CLOSES = time(17)
FEWEST = 3
"""So many sit at least, however small the day: somebody must be there while another has lunch."""

LUNCH_BEGINS, LUNCH_TURNS, LUNCH_MINUTES, NEXT_TURN_MINUTES = time(11, 15), 4, 45, 48
STAYS_UNTIL = time(17, 5)
"""Until when the last to go stay at least: who called a minute before five still hears the menu."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Away from the telephone, with one of the desk's reasons."""

    begins: datetime
    minutes: float
    reason: str

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Shift:
    """One operator's day.

    Attributes:
        signs_in, ends: in Tokyo; after `ends` she goes as soon as she may.
        available: from when on she takes calls; None: only while a supervisor has opened her seat.
        stays_for_the_queue: whether she stays while anybody waits.
    """

    login: str
    signs_in: datetime
    available: datetime | None
    ends: datetime
    stays_for_the_queue: bool
    pauses: Sequence[Pause]


def seats_on(day: date, share: float) -> int:
    """Return how many sit from nine on: all seats of the weekday, or their share of a smaller day."""
    full = SEATS_EARLY_IN_THE_WEEK if day.weekday() <= TUESDAY else SEATS_LATER
    return full if share >= 1 else max(FEWEST, -int(-full * share // 1))


def fewer_from_three(seats: int, day: date) -> int:
    """Return how many of them go home at three: three of all seats, as many in proportion of fewer."""
    full = SEATS_EARLY_IN_THE_WEEK if day.weekday() <= TUESDAY else SEATS_LATER
    return min(seats * FEWER_BY // full, seats - FEWEST + 1) if seats > FEWEST else 0


def draw_shifts(day: date, logins: Sequence[str], seed: int) -> list[Shift]:
    """Return the shifts of all who sit, in the order of their logins."""
    early = fewer_from_three(len(logins), day)
    return [_draw_shift(day, n, login, Dice(seed, day, "operator", n), early) for n, login in enumerate(logins)]


def draw_reserve(day: date, login: str, seed: int) -> Shift:
    """Return the shift of one who has other work, and takes calls while a supervisor wants her seat open."""
    dice = Dice(seed, day, "reserve")
    return Shift(
        login=login,
        signs_in=_at(day, time(8, 45)) + timedelta(seconds=dice.between(0, 600)),
        available=None,
        ends=_at(day, CLOSES) + timedelta(seconds=dice.between(5, 60)),
        stays_for_the_queue=False,
        pauses=[],
    )


def _draw_shift(day: date, n: int, login: str, dice: Dice, early: int) -> Shift:
    signs_in = _at(day, time(8, 40)) + timedelta(seconds=dice.between(0, 900))
    ends = _at(day, FEWER_FROM) if n < early else _at(day, CLOSES) + timedelta(seconds=dice.between(5, 60))
    return Shift(
        login=login,
        signs_in=signs_in,
        available=_at(day, time(8, 57)) + timedelta(seconds=dice.between(0, 170)),
        ends=ends,
        stays_for_the_queue=n >= early,
        pauses=_draw_pauses(day, n, dice, ends),
    )


def _draw_pauses(day: date, n: int, dice: Dice, ends: datetime) -> list[Pause]:
    """Lunch in turns, a short break before and after it, now and then training or a meeting."""
    turn = timedelta(minutes=NEXT_TURN_MINUTES) * (n % LUNCH_TURNS)
    morning = _at(day, time(9, 50)) + timedelta(seconds=dice.between(0, 4200))
    pauses = [
        Pause(morning, dice.between(8, 12), "break"),
        Pause(_at(day, LUNCH_BEGINS) + turn + timedelta(seconds=dice.between(0, 120)), LUNCH_MINUTES, "break"),
        Pause(_at(day, time(14, 40)) + timedelta(seconds=dice.between(0, 4800)), dice.between(8, 12), "break"),
    ]
    if dice.chance(0.2):
        reason = dice.pick(("training", "meeting", "other_work"))
        pauses.append(Pause(_at(day, time(16, 20)) + timedelta(seconds=dice.between(0, 600)), 15, reason))
    return [each for each in pauses if each.begins + each.length < ends]


def _at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, TOKYO)
