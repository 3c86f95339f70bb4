"""The spans that figures are told by: a quarter of an hour, half an hour, an hour, a day, a month, all of Tokyo."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from booking_core.calendar import at
from booking_core.clock import tokyo_day


class Period(StrEnum):
    QUARTER_HOUR = "quarter_hour"
    HALF_HOUR = "half_hour"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def start_of(self, instant: datetime) -> datetime:
        """Return when the period began in which an instant lies."""
        if self is Period.MONTH:
            return day_start(tokyo_day(instant).replace(day=1))
        return instant - (instant - ORIGIN) % LENGTHS[self]

    def next_start(self, start: datetime) -> datetime:
        if self is Period.MONTH:
            return day_start((tokyo_day(start).replace(day=1) + timedelta(days=32)).replace(day=1))
        return start + LENGTHS[self]

    def starts(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the beginning of every period that has a part in the span."""
        start = self.start_of(since)
        while start < until:
            yield start
            start = self.next_start(start)


LENGTHS = {
    Period.QUARTER_HOUR: timedelta(minutes=15),
    Period.HALF_HOUR: timedelta(minutes=30),
    Period.HOUR: timedelta(hours=1),
    Period.DAY: timedelta(days=1),
}
ORIGIN = datetime(1999, 12, 31, 15, tzinfo=UTC)
"""A midnight of Tokyo, which keeps no summer time: every day since begins a whole number of days later."""


def day_start(day: date) -> datetime:
    """Return the instant at which a day begins in Tokyo."""
    return at(day, time(0))


def month_start(day: date) -> datetime:
    """Return the instant at which the month of a day begins in Tokyo."""
    return day_start(day.replace(day=1))


def span_of_day(day: date) -> tuple[datetime, datetime]:
    return day_start(day), day_start(day + timedelta(days=1))


def span_of_month(day: date) -> tuple[datetime, datetime]:
    start = month_start(day)
    return start, Period.MONTH.next_start(start)
