"""Free days and free times: one query each, straight from the counters that a booking will change.

Nothing is shown that the next click would refuse, except by a true race: the deadline is the one bound that `rules.py`
goes by as well, the horizon is another, and holds that have run out count as free because a booking may reclaim them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from booking_core.actors import Actor, ActorKind
from booking_core.calendar import WorkingDays
from booking_core.clock import tokyo_day
from booking_core.facts import STOREHOUSE_CLOSED, TERMS_COLUMNS, WITHIN_RECEPTION, calendar_of, read_terms
from booking_core.rules import Terms
from booking_core.statement import Statement


@dataclass(frozen=True, slots=True)
class Reception:
    """A service at a venue, as far as a search needs it."""

    id: int
    venue_id: int
    pool_id: int
    terms: Terms
    calendar: WorkingDays

    def first_day_open(self, actor: Actor, now: datetime, *, card_is_here: bool) -> date:
        """Return the first visit day that `actor` may still book."""
        if actor.kind is ActorKind.CLERK:
            return tokyo_day(now)
        return self.terms.accept_lead(card_is_here=card_is_here).first_day_open(now, self.calendar)


@dataclass(frozen=True, slots=True)
class FreeDay:
    """A day with free places: how many, and in how many start times."""

    day: date
    places: int


@dataclass(frozen=True, slots=True)
class FreeTime:
    """A start time with free places."""

    slot_id: int
    venue_id: int
    starts_at: datetime
    minutes: int
    places: int


def list_receptions(db: Connection, service_id: int, *, by: Actor, venue_id: int | None = None) -> list[Reception]:
    """Return where `service_id` is received and may be booked on the actor's channel, in the venues' order."""
    return receptions_of(read_receptions(db, service_id, venue_id), service_id, by=by)


def read_receptions(db: Connection, service_id: int | None = None, venue_id: int | None = None) -> list[Reception]:
    """Return services at venues, in the venues' order; without an id, all of them."""
    return [
        Reception(row.id, row.venue_id, row.pool_id, terms, calendar_of(row.storehouse_closed))
        for row in db.execute(_RECEPTIONS, {"service_id": service_id, "venue_id": venue_id})
        if (terms := read_terms(row))
    ]


def receptions_of(
    receptions: Iterable[Reception], service_id: int, *, by: Actor, venue_id: int | None = None
) -> list[Reception]:
    """Return those of one service, and perhaps one venue, that may be booked on the actor's channel."""
    return [
        each
        for each in receptions
        if each.terms.service_id == service_id
        and (venue_id is None or each.venue_id == venue_id)
        and each.terms.offered_to(by.channel)
    ]


def list_offered_days(
    db: Connection, reception: Reception, *, by: Actor, now: datetime, card_lies_at: int | None = None
) -> list[FreeDay]:
    """Return the days with open slots, full ones with 0 places, from the first that may be booked to the horizon."""
    rows = _OFFERED_DAYS.all(db, _bounds(reception, by, now, card_lies_at))
    return [FreeDay(row.day, int(row.places)) for row in rows]


def list_free_days(
    db: Connection, reception: Reception, *, by: Actor, now: datetime, card_lies_at: int | None = None
) -> list[FreeDay]:
    """Return the days with free places at one venue, from the first that may be booked to the horizon."""
    offered = list_offered_days(db, reception, by=by, now=now, card_lies_at=card_lies_at)
    return [each for each in offered if each.places]


def list_free_times(
    db: Connection, reception: Reception, day: date, *, by: Actor, now: datetime, card_lies_at: int | None = None
) -> list[FreeTime]:
    """Return the free start times of one day at one venue; none where the day may not be booked any more, or yet."""
    bounds = _bounds(reception, by, now, card_lies_at)
    if not bounds["first"] <= day <= bounds["last"]:
        return []
    rows = db.execute(_FREE_TIMES, bounds | {"first": day, "last": day, "limit": 200}).all()
    return [FreeTime(*row) for row in rows]


def list_first_free_days(
    db: Connection, service_id: int, *, by: Actor, now: datetime, card_lies_at: int | None = None
) -> dict[int, date | None]:
    """Return the first free day of every venue by venue id, None where nothing is free before the horizon."""
    receptions = list_receptions(db, service_id, by=by)
    rows = db.execute(_FIRST_FREE_DAYS, _bounds_of_all(receptions, by, now, card_lies_at)).all()
    first_day = {row.reception_id: row.day for row in rows}
    return {each.venue_id: first_day.get(each.id) for each in receptions}


def list_next_free_times(
    db: Connection,
    receptions: list[Reception],
    *,
    by: Actor,
    now: datetime,
    card_lies_at: int | None = None,
    limit: int = 10,
) -> list[FreeTime]:
    """Return the next free start times over several venues, earliest first."""
    rows = db.execute(_NEXT_FREE_TIMES, _bounds_of_all(receptions, by, now, card_lies_at) | {"limit": limit}).all()
    return [FreeTime(*row) for row in rows]


def _bounds(reception: Reception, by: Actor, now: datetime, card_lies_at: int | None) -> dict[str, Any]:
    here = card_lies_at == reception.venue_id
    return {
        "reception_id": reception.id,
        "pool_id": reception.pool_id,
        "first": reception.first_day_open(by, now, card_is_here=here),
        "last": reception.terms.last_day_open(now),
        "now": now,
    }


def _bounds_of_all(receptions: list[Reception], by: Actor, now: datetime, card_lies_at: int | None) -> dict[str, Any]:
    each = [_bounds(reception, by, now, card_lies_at) for reception in receptions]
    return {"now": now} | {
        f"{name}s": [bounds[name] for bounds in each] for name in ("reception_id", "pool_id", "first", "last")
    }


_FREE_PLACES = """s.capacity - s.booked - s.held + CASE WHEN s.held = 0 THEN 0 ELSE coalesce((
        SELECT sum(h.places) FROM slot_hold h WHERE h.slot_id = s.id AND h.expires_at <= :now), 0) END"""

_OFFERED_DAYS = Statement(f"""
    SELECT s.day, sum({_FREE_PLACES}) AS places
    FROM slot s
    JOIN reception_hours h ON h.service_at_venue_id = :reception_id AND {WITHIN_RECEPTION}
    WHERE s.pool_id = :pool_id AND s.day BETWEEN :first AND :last AND s.open AND s.starts_at >= :now
    GROUP BY s.day ORDER BY s.day""")  # noqa: S608 - constants

_FREE_TIMES = text(f"""
    SELECT id, venue_id, starts_at, minutes, places FROM (
        SELECT s.id, s.venue_id, s.starts_at, s.minutes, {_FREE_PLACES} AS places FROM slot s
        JOIN reception_hours h ON h.service_at_venue_id = :reception_id AND {WITHIN_RECEPTION}
        WHERE s.pool_id = :pool_id AND s.day BETWEEN :first AND :last AND s.open AND s.starts_at >= :now
          AND s.booked < s.capacity
        ORDER BY s.day, s.starts_at
    ) free
    WHERE places > 0 ORDER BY starts_at LIMIT :limit""")  # noqa: S608 - constants

_WANTED = """unnest(CAST(:reception_ids AS integer[]), CAST(:pool_ids AS integer[]), CAST(:firsts AS date[]),
         CAST(:lasts AS date[])) AS wanted (reception_id, pool_id, first, last)"""

_FREE_SLOTS_WANTED = f"""slot s
        JOIN reception_hours h ON h.service_at_venue_id = wanted.reception_id AND {WITHIN_RECEPTION}
        WHERE s.pool_id = wanted.pool_id AND s.day BETWEEN wanted.first AND wanted.last AND s.open
          AND s.starts_at >= :now AND s.booked < s.capacity AND {_FREE_PLACES} > 0"""

_FIRST_FREE_DAYS = text(f"""
    SELECT wanted.reception_id, free.day
    FROM {_WANTED} CROSS JOIN LATERAL (
        SELECT s.day FROM {_FREE_SLOTS_WANTED} ORDER BY s.day LIMIT 1
    ) free""")  # noqa: S608 - constants

_NEXT_FREE_TIMES = text(f"""
    SELECT free.id, free.venue_id, free.starts_at, free.minutes, free.places
    FROM {_WANTED} CROSS JOIN LATERAL (
        SELECT s.id, s.venue_id, s.starts_at, s.minutes, {_FREE_PLACES} AS places
        FROM {_FREE_SLOTS_WANTED} ORDER BY s.day, s.starts_at LIMIT :limit
    ) free
    JOIN venue v ON v.id = free.venue_id
    ORDER BY free.starts_at, v.position LIMIT :limit""")  # noqa: S608 - constants

_RECEPTIONS = text(f"""
    SELECT sv.id, sv.venue_id, sv.pool_id, {TERMS_COLUMNS}, {STOREHOUSE_CLOSED} AS storehouse_closed
    FROM service_at_venue sv JOIN service v ON v.id = sv.service_id JOIN venue w ON w.id = sv.venue_id
    WHERE (CAST(:service_id AS integer) IS NULL OR sv.service_id = :service_id)
      AND (CAST(:venue_id AS integer) IS NULL OR sv.venue_id = :venue_id)
    ORDER BY w.position, v.position""")  # noqa: S608 - constants
