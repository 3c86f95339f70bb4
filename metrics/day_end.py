"""When the figures of a day may be drawn up: once its last call and wrap-up have ended, at 19:00 at the latest.

What has not ended by then is named with the figures (3-2-L). Closed days have none of their own; the next report
completes them (F-38).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, text

from booking_core.clock import TOKYO
from ivr.hours import LineHours
from metrics.period import day_start

LATEST = time(19)
LONGEST_GAP_DAYS = 14
"""A guard for the search of the operating day before: longer than any row of rest days."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What of a day still runs: calls, and wrap-ups after calls."""

    calls: int
    wrap_ups: int

    def __bool__(self) -> bool:
        return bool(self.calls or self.wrap_ups)


def find_unfinished(db: Connection, day: date) -> Unfinished:
    """Return what has not ended of the calls that arrived on a day in Tokyo."""
    bounds = {"since": day_start(day), "until": day_start(day + timedelta(days=1))}
    return Unfinished(*db.execute(_UNFINISHED, bounds).one())


def is_report_due(day: date, hours: LineHours, unfinished: Unfinished, *, now: datetime) -> bool:
    """Tell whether the figures of `day` may be drawn up at `now`; never for a day on which the line was closed."""
    local = now.astimezone(TOKYO)
    if not hours.open_on(day) or local.date() < day:
        return False
    if local.date() > day:
        return True
    return local.time() >= (LATEST if unfinished else hours.closes)


def days_to_complete(day: date, hours: LineHours) -> Sequence[date]:
    """Return the days before that the report of `day` completes: the operating day before, and the closed days since.

    At most two weeks: where the line has rested longer, the days before that were never reported as unfinished.
    """
    back = [day - timedelta(days=n) for n in range(1, LONGEST_GAP_DAYS + 1)]
    last = next((n for n, each in enumerate(back) if hours.open_on(each)), len(back) - 1)
    return tuple(reversed(back[: last + 1]))


_UNFINISHED = text("""
    SELECT (SELECT count(*) FROM call WHERE received_at >= :since AND received_at < :until AND state <> 'ended'),
           (SELECT count(*) FROM offer o JOIN call c ON c.id = o.call_id
            WHERE c.received_at >= :since AND c.received_at < :until AND o.state = 'wrapping')""")
