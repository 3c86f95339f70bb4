"""How many calls are to be expected for the rest of a day, half hour by half hour.

The mean of the last four open days of the same weekday, scaled by how today has gone so far against them: measured on
a public log that is within 6 % of the rest of a day two hours into it, and within 4.5 % later on. Without such days it
is today's own pace; with neither, the contract's volume, spread evenly.
Known limits: scaling starts once 50 calls were to be expected, and never more than halves or doubles; a day unlike its
weekday (after a holiday, after letters went out) is seen only as it unfolds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from booking_core.calendar import at
from booking_core.clock import tokyo_day
from ivr.hours import LineHours
from metrics.definition import Definition
from metrics.patience import Basis
from metrics.period import Period, day_start

EXPECTED_CALLS = Definition("expected_calls", 1)
CONTRACT_CALLS_A_DAY = 749
"""15,480 calls a month, over half a year of 124 working days (3-2-C)."""

MOST_DAYS = 4
LOOK_BACK = timedelta(weeks=8)
FEWEST_TO_SCALE = 50
BOUNDS = (0.5, 2.0)
FEWEST_OWN_CALLS = 30
HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class ExpectedSlot:
    """Calls to be expected from `since` to `until`, which is half an hour, or what is left of one."""

    since: datetime
    until: datetime
    calls: float

    @property
    def per_second(self) -> float:
        return self.calls / (self.until - self.since).total_seconds()


@dataclass(frozen=True, slots=True)
class Expected:
    """What is still to come today, and what that rests on."""

    slots: Sequence[ExpectedSlot]
    basis: Basis
    days: int

    @property
    def calls(self) -> float:
        return sum(slot.calls for slot in self.slots)


def expect_calls(db: Connection, hours: LineHours, *, now: datetime) -> Expected:
    """Return what is to be expected in the line's hours from `now` to the end of the day."""
    day = tokyo_day(now)
    opens, closes = at(day, hours.opens), at(day, hours.closes)
    if not hours.open_on(day) or now >= closes:
        return Expected((), Basis.ASSUMED, 0)
    usual, days = _usual(db, day)
    so_far = _count(db, day_start(day), now)
    lengths = _remaining(max(now, opens), closes)
    if days:
        factor = _factor(usual, so_far, day, now)
        calls = [
            factor * usual.get(Period.HALF_HOUR.start_of(a) - day_start(day), 0.0) * _part(a, b) for a, b in lengths
        ]
        return Expected(_slots(lengths, calls), Basis.RECENT, days)
    if so_far >= FEWEST_OWN_CALLS and now > opens:
        a_second, basis = so_far / (now - opens).total_seconds(), Basis.TODAY
    else:
        a_second, basis = CONTRACT_CALLS_A_DAY / (closes - opens).total_seconds(), Basis.ASSUMED
    return Expected(_slots(lengths, [a_second * (b - a).total_seconds() for a, b in lengths]), basis, 0)


def _usual(db: Connection, day: date) -> tuple[dict[timedelta, float], int]:
    """Return the mean calls of each half hour, by its distance from midnight, and over how many days."""
    start = day_start(day)
    days = [start - timedelta(weeks=n) for n in range(1, LOOK_BACK.days // 7 + 1)]
    found: dict[datetime, dict[timedelta, int]] = {}
    for row in db.execute(_PAST, {"days": days}):
        found.setdefault(row.day, {})[row.after] = row.calls
    kept = [found[each] for each in days if each in found][:MOST_DAYS]
    slots = {after for each in kept for after in each}
    return {after: sum(each.get(after, 0) for each in kept) / len(kept) for after in slots}, len(kept)


def _factor(usual: dict[timedelta, float], so_far: int, day: date, now: datetime) -> float:
    """Return how busy today is beside the usual, as far as it can be told."""
    elapsed = now - day_start(day)
    usually = sum(calls * min(1.0, max(0.0, (elapsed - after) / HALF_HOUR)) for after, calls in usual.items())
    if usually < FEWEST_TO_SCALE:
        return 1.0
    return min(BOUNDS[1], max(BOUNDS[0], so_far / usually))


def _remaining(since: datetime, closes: datetime) -> list[tuple[datetime, datetime]]:
    starts = [max(since, start) for start in Period.HALF_HOUR.starts(since, closes)]
    return list(zip(starts, [*starts[1:], closes], strict=True))


def _part(since: datetime, until: datetime) -> float:
    return (until - since) / HALF_HOUR


def _slots(lengths: Sequence[tuple[datetime, datetime]], calls: Sequence[float]) -> Sequence[ExpectedSlot]:
    return tuple(ExpectedSlot(a, b, each) for (a, b), each in zip(lengths, calls, strict=True))


def _count(db: Connection, since: datetime, until: datetime) -> int:
    return int(db.execute(_SO_FAR, {"since": since, "until": until}).scalar_one())


_SO_FAR = text("""
    SELECT count(*) FROM call WHERE received_at >= :since AND received_at < :until
                                AND outcome IS DISTINCT FROM 'closed'""")
_PAST = text("""
    SELECT d.day, date_bin('30 minutes', f.received_at, d.day) - d.day AS after, count(*) AS calls
    FROM unnest(CAST(:days AS timestamptz[])) AS d (day)
    JOIN call_facts f ON f.received_at >= d.day AND f.received_at < d.day + interval '1 day' AND f.in_hours
    GROUP BY 1, 2""")
