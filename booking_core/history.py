"""What was done to a booking, by whom and through which door: what staff read on its page (3-1-C-xx-b)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One carried-out command. `staff_name` is None where a citizen or a job acted; the times are of the visit."""

    at: datetime
    verb: str
    state: str
    actor_kind: str
    staff_name: str | None
    channel: str
    from_starts_at: datetime | None
    from_venue: str | None
    to_starts_at: datetime | None
    to_venue: str | None


def list_history(db: Connection, booking_id: int) -> Sequence[HistoryEntry]:
    """Return everything that was done to a booking, oldest first."""
    return tuple(HistoryEntry(*row) for row in db.execute(_HISTORY, {"booking_id": booking_id}))


_HISTORY = text("""
    SELECT c.at, c.verb, c.state, c.actor_kind, a.display_name, c.channel,
           s.starts_at, v.name, t.starts_at, w.name
    FROM booking_change c
    LEFT JOIN staff_account a ON a.id = c.actor_id AND c.actor_kind IN ('operator', 'clerk')
    LEFT JOIN slot s ON s.id = c.from_slot_id
    LEFT JOIN venue v ON v.id = s.venue_id
    LEFT JOIN slot t ON t.id = c.to_slot_id
    LEFT JOIN venue w ON w.id = t.venue_id
    WHERE c.booking_id = :booking_id
    ORDER BY c.at, c.id""")
