"""Slots: cut from plans ahead of the horizon, so that free time is never computed from recurrences.

A start is allowed when it lies on the plan's unit and no later than the last reception of a service in the pool (F-10).
Nothing here changes a slot that stands: a changed plan is a matter of preview and commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from booking_core.calendar import at, days, is_public_rest_day
from booking_core.clock import tokyo_day

DAYS_AHEAD = 100
"""How far ahead slots are cut: far beyond the usual horizon, so that a job that fails leaves weeks to mend it."""

LEAST_DAYS_AHEAD = 75
"""Below this the job has fallen behind, and an alarm says so."""


ROWS_AT_ONCE = 5_000
COLUMNS = ("pool_id", "venue_id", "day", "starts_at", "minutes", "capacity")


@dataclass(frozen=True, slots=True)
class Cut:
    """How the slots of one pool are cut on one day: unit, places, and the hours that last reception leaves."""

    pool_id: int
    venue_id: int
    unit_minutes: int
    places: int
    opens: time
    last_reception: time


@dataclass(frozen=True, slots=True)
class PartDayClosure:
    """Hours of a day in which nobody is received; `starts` None: all day."""

    starts: time | None
    ends: time | None

    def covers(self, start: time) -> bool:
        return self.starts is None or self.ends is None or self.starts <= start < self.ends


def starts_of_day(unit_minutes: int, opens: time, last_reception: time) -> list[time]:
    """Return the start times that a unit gives from `opens` to `last_reception`, both included where on the grid."""
    first = opens.hour * 60 + opens.minute
    last = last_reception.hour * 60 + last_reception.minute
    return [time(minute // 60, minute % 60) for minute in range(first, last + 1, unit_minutes)]


def materialise(db: Connection, *, now: datetime, days_ahead: int = DAYS_AHEAD) -> int:
    """Cut every slot that is missing between today and `days_ahead`; return how many were added.

    Safe to repeat and to run twice at once: a slot that stands, open or closed, is left as it is.
    """
    first = tokyo_day(now)
    last = first + timedelta(days=days_ahead)
    rows = list(_missing_rows(db, first, last))
    added = 0
    for part in _in_parts(rows, ROWS_AT_ONCE):
        added += db.execute(_INSERT_SLOTS, _columns(part)).rowcount
    return added


def materialised_until(db: Connection) -> date | None:
    """Return the day up to which every pool with a plan has slots, None where one has none at all."""
    found: date | None = db.execute(_UNTIL).scalar_one()
    return found


def _missing_rows(db: Connection, first: date, last: date) -> Iterator[dict[str, Any]]:
    plans = db.execute(_CUTS, {"last": last}).all()
    closures = _closures(db, first, last)
    for day in days(first, last):
        for cut in _cuts_of(plans, day):
            for start in starts_of_day(cut.unit_minutes, cut.opens, cut.last_reception):
                if not any(closure.covers(start) for closure in closures.get((cut.venue_id, day), ())):
                    yield {
                        "pool_id": cut.pool_id,
                        "venue_id": cut.venue_id,
                        "day": day,
                        "starts_at": at(day, start),
                        "minutes": cut.unit_minutes,
                        "capacity": cut.places,
                    }


def _cuts_of(plans: Sequence[Row[Any]], day: date) -> Iterator[Cut]:
    """Yield the newest valid plan of each pool for this day; none on public rest days, unless the venue opens then."""
    seen: set[int] = set()
    for plan in plans:  # newest first
        rests = is_public_rest_day(day) and not plan.opens_on_holidays
        if plan.weekday != day.weekday() or plan.valid_from > day or plan.pool_id in seen or rests:
            continue
        seen.add(plan.pool_id)
        if plan.places:
            yield Cut(plan.pool_id, plan.venue_id, plan.unit_minutes, plan.places, plan.opens, plan.last_reception)


def _closures(db: Connection, first: date, last: date) -> Mapping[tuple[int, date], list[PartDayClosure]]:
    found: dict[tuple[int, date], list[PartDayClosure]] = {}
    for row in db.execute(_CLOSURES, {"first": first, "last": last}):
        found.setdefault((row.venue_id, row.day), []).append(PartDayClosure(row.starts, row.ends))
    return found


def _in_parts(rows: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in COLUMNS}


_CUTS = text("""
    SELECT p.pool_id, p.weekday, p.unit_minutes, p.places, p.valid_from, pool.venue_id, venue.opens_on_holidays,
           min(h.opens) AS opens, max(h.last_reception) AS last_reception
    FROM slot_plan p
    JOIN pool ON pool.id = p.pool_id
    JOIN venue ON venue.id = pool.venue_id
    JOIN service_at_venue sv ON sv.pool_id = pool.id
    JOIN reception_hours h ON h.service_at_venue_id = sv.id AND h.weekday = p.weekday
    WHERE p.valid_from <= :last
    GROUP BY p.id, pool.venue_id, venue.opens_on_holidays
    ORDER BY p.valid_from DESC, p.pool_id""")
_CLOSURES = text("SELECT venue_id, day, starts, ends FROM closure WHERE day BETWEEN :first AND :last")
_INSERT_SLOTS = text("""
    INSERT INTO slot (pool_id, venue_id, day, starts_at, minutes, capacity)
    SELECT * FROM unnest(CAST(:pool_id AS integer[]), CAST(:venue_id AS integer[]), CAST(:day AS date[]),
                         CAST(:starts_at AS timestamptz[]), CAST(:minutes AS smallint[]), CAST(:capacity AS smallint[]))
    ON CONFLICT (pool_id, starts_at) DO NOTHING""")
_UNTIL = text("""
    SELECT min(last_day) FROM (
        SELECT p.pool_id, max(s.day) AS last_day
        FROM (SELECT DISTINCT pool_id FROM slot_plan) p LEFT JOIN slot s ON s.pool_id = p.pool_id
        GROUP BY p.pool_id
    ) reach
    WHERE NOT EXISTS (SELECT FROM slot_plan q WHERE NOT EXISTS (SELECT FROM slot t WHERE t.pool_id = q.pool_id))""")
