"""Which days count: national holidays, the turn of the year, closures; and the deadlines that are counted on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import jpholiday

from booking_core.clock import TOKYO

LONGEST_CLOSURE_DAYS = 60
"""A guard: if the storehouse rests for so long, the closures are wrong, and a search must not run for ever."""


@lru_cache(maxsize=32)
def national_holidays(year: int) -> frozenset[date]:
    """Return the national and substitute holidays (祝休日) of a year."""
    return frozenset(day for day, _name in jpholiday.year_holidays(year))


def is_national_holiday(day: date) -> bool:
    return day in national_holidays(day.year)


def is_turn_of_year(day: date) -> bool:
    """Tell whether `day` lies in 29 December to 3 January, when the city's counters rest (3-2-B, F-17)."""
    return (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)


def is_public_rest_day(day: date) -> bool:
    """Tell whether `day` is a national holiday or at the turn of the year. Sundays themselves are neither (F-16)."""
    return is_national_holiday(day) or is_turn_of_year(day)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The storehouse's calendar: cards move Monday to Friday, not on public rest days, not on its own closed days."""

    closed: frozenset[date] = frozenset()

    def includes(self, day: date) -> bool:
        return day.weekday() < 5 and not is_public_rest_day(day) and day not in self.closed  # noqa: PLR2004 - Mon-Fri

    def before(self, day: date, count: int) -> date:
        """Return the `count`-th working day before `day`; 0 is `day` itself, working or not.

        Raises:
            ValueError: the closures leave no working day within two months.
        """
        found, probe, idle = 0, day, 0
        while found < count:
            probe -= timedelta(days=1)
            if self.includes(probe):
                found, idle = found + 1, 0
            else:
                idle += 1
            if idle > LONGEST_CLOSURE_DAYS:
                raise ValueError(f"no working day of the storehouse in the two months before {probe}")
        return probe


@dataclass(frozen=True, slots=True)
class Lead:
    """A deadline rule: so many working days of the storehouse before the visit, until a time of day in Tokyo (F-03)."""

    working_days: int
    until: time

    def deadline(self, visit_day: date, calendar: WorkingDays) -> datetime:
        """Return the last moment, itself included, as an aware UTC instant."""
        return at(calendar.before(visit_day, self.working_days), self.until)

    def first_day_open(self, now: datetime, calendar: WorkingDays) -> date:
        """Return the first calendar day whose deadline has not passed: every later day is open as well.

        Deadlines never run backwards from one day to the next, so a search over days needs this one bound only.
        """
        day = now.astimezone(TOKYO).date()
        while self.deadline(day, calendar) < now:
            day += timedelta(days=1)
        return day


def at(day: date, moment: time) -> datetime:
    """Return a Tokyo wall-clock moment as an aware UTC instant."""
    return datetime.combine(day, moment, TOKYO).astimezone(UTC)


def days(first: date, last: date) -> Iterable[date]:
    """Yield each day from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
