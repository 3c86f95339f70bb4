"""残枠, the places that can still be booked: of open slots, capacity less what is booked and what is held.

Told for each venue and service from the day after the report's on: the first day with a place, and the places of the
first 7 and 30 calendar days. Past events do not give them again, so a report keeps them as they were when it was made.
Known flaw: services of one venue that share a pool each show the pool's places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, text

from metrics.definition import Definition

REMAINING_PLACES = Definition("remaining_places", 1)
SHORT_DAYS, LONG_DAYS = 7, 30


@dataclass(frozen=True, slots=True)
class RemainingPlaces:
    """What is left at a venue for a service after a day; `next_free_day` within the first 30 days, or None."""

    venue: str
    service: str
    next_free_day: date | None
    places_7_days: int
    places_30_days: int


def list_remaining_places(db: Connection, day: date) -> Sequence[RemainingPlaces]:
    """Return what is left after `day`, in the order of services, then of venues."""
    spans = {"day": day, "short": day + timedelta(days=SHORT_DAYS), "long": day + timedelta(days=LONG_DAYS)}
    return tuple(RemainingPlaces(*row) for row in db.execute(_REMAINING, spans))


_REMAINING = text("""
    SELECT w.name, v.name, min(s.day) FILTER (WHERE s.left_over > 0),
           CAST(coalesce(sum(s.left_over) FILTER (WHERE s.day <= :short), 0) AS integer),
           CAST(coalesce(sum(s.left_over), 0) AS integer)
    FROM service_at_venue sv
    JOIN venue w ON w.id = sv.venue_id
    JOIN service v ON v.id = sv.service_id
    LEFT JOIN (SELECT pool_id, day, sum(capacity - booked - held) AS left_over FROM slot
               WHERE open AND day > :day AND day <= :long GROUP BY pool_id, day) s ON s.pool_id = sv.pool_id
    GROUP BY v.position, v.name, w.position, w.name
    ORDER BY v.position, w.position""")
