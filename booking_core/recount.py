"""The nightly recount: what the counters say against what the rows add up to. They must be equal."""

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Miscount:
    """A slot whose counter and rows disagree. There must be none; one is an alarm, not something to mend silently."""

    slot_id: int
    booked: int
    booked_by_rows: int
    held: int
    held_by_rows: int


def list_miscounts(db: Connection) -> list[Miscount]:
    """Return every slot whose `booked` differs from its bookings that were not cancelled, or `held` from its holds."""
    return [Miscount(*row) for row in db.execute(_RECOUNT)]


_RECOUNT = text("""
    SELECT s.id, s.booked, coalesce(b.places, 0), s.held, coalesce(h.places, 0)
    FROM slot s
    LEFT JOIN (SELECT slot_id, sum(places)::integer AS places FROM booking
               WHERE state <> 'cancelled' GROUP BY slot_id) b ON b.slot_id = s.id
    LEFT JOIN (SELECT slot_id, sum(places)::integer AS places FROM slot_hold GROUP BY slot_id) h ON h.slot_id = s.id
    WHERE s.booked <> coalesce(b.places, 0) OR s.held <> coalesce(h.places, 0)
    ORDER BY s.id""")
