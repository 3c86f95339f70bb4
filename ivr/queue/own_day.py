"""What an operator did today, for herself to see: no measure of anybody, and in no report."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class OwnDay:
    """Calls she answered, and bookings she made in them, since an instant."""

    answered: int
    booked: int


def own_day(db: Connection, account_id: int, *, since: datetime) -> OwnDay:
    return OwnDay(*db.execute(_OWN_DAY, {"account_id": account_id, "since": since}).one())


_OWN_DAY = text("""
    SELECT count(DISTINCT c.id), count(l.id)
    FROM call c
    JOIN offer o ON o.call_id = c.id AND o.account_id = :account_id AND o.accepted_at IS NOT NULL
    LEFT JOIN call_booking l ON l.call_id = c.id AND l.verb = 'book'
    WHERE c.received_at >= :since""")
