"""When people call or book, and how long they wait: most in the morning, some outside the hours, few for long."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from simulator.day.dice import Dice
from simulator.opening_time import TOKYO

HALF_HOUR_SECONDS = 1800
OPENS = 9 * 2
CALLS: Sequence[float] = (9.5, 9.2, 8.6, 8.0, 7.4, 6.8, 5.6, 5.0, 5.2, 5.6, 5.8, 5.6, 5.2, 4.8, 4.2, 3.5)
"""How many of a hundred callers call in each half hour from nine to five: most in the first two hours."""

BEFORE_AND_AFTER: Mapping[int, float] = {16: 1.0, 17: 2.5, 34: 2.0, 35: 1.0, 36: 0.5}
"""The same for those who call while the line is closed, by half hours since midnight."""

OUTSIDE_HOURS_SHARE = 0.04
"""How many call outside the hours, on top of each who calls in them."""

WEB: Sequence[float] = (
    0.8, 0.5, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.5, 0.9, 1.4, 1.9, 2.3, 2.6, 2.8,
    3.0, 3.2, 3.2, 3.1, 3.0, 2.9, 3.4, 3.4, 2.9, 2.7, 2.6, 2.6, 2.6, 2.6, 2.6, 2.7, 2.8, 2.8,
    2.9, 3.0, 3.2, 3.4, 3.6, 3.8, 3.8, 3.6, 3.0, 2.4, 1.8, 1.2,
)  # fmt: skip
"""Bookings on the web by half hours of the whole day: noon and evening stand out, the night is quiet."""

PATIENCE_SECONDS = 180.0
"""How long a caller waits for a person, on the mean; half of them give up within two minutes."""


def call_in_hours(day: date, dice: Dice) -> datetime:
    """Return a moment at which somebody calls while the line is open."""
    return _within(day, OPENS + dice.weighted(dict(enumerate(CALLS))), dice)


def call_outside_hours(day: date, dice: Dice) -> datetime:
    """Return a moment at which somebody calls although the line is closed."""
    return _within(day, dice.weighted(BEFORE_AND_AFTER), dice)


def visit_on_the_web(day: date, dice: Dice) -> datetime:
    return _within(day, dice.weighted(dict(enumerate(WEB))), dice)


def patience(dice: Dice) -> float:
    """Return how many seconds a caller waits for a person before she hangs up."""
    return dice.exponential(PATIENCE_SECONDS)


def _within(day: date, half_hour: int, dice: Dice) -> datetime:
    seconds = half_hour * HALF_HOUR_SECONDS + dice.between(0, HALF_HOUR_SECONDS - 0.1)
    return datetime.combine(day, time(0), TOKYO) + timedelta(seconds=seconds)
