"""What a person has to look at. One open alarm a kind: a fault that goes on is said once, with its newest message."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor

LONGEST_MESSAGE = 1_000


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm nobody has closed: first raised, and last seen, at these instants."""

    id: int
    kind: str
    message: str
    raised_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PastAlarm:
    """An alarm as a report tells of it; `closed_at` is None while nobody has closed it."""

    message: str
    raised_at: datetime
    closed_at: datetime | None


def raise_alarm(db: Connection, kind: str, message: str, *, now: datetime) -> bool:
    """Raise an alarm, or refresh the one of this kind that is open; tell whether it is new."""
    values = {"kind": kind, "message": message[:LONGEST_MESSAGE], "now": now}
    return bool(db.execute(_RAISE, values).scalar_one())


def close_alarm(db: Connection, alarm_id: int, *, by: Actor, now: datetime) -> bool:
    """Close an alarm somebody has seen to; tell whether it was open. If the fault is still there it comes again."""
    closed = db.execute(_CLOSE, {"id": alarm_id, "by": by.id, "now": now}).scalar_one_or_none()
    if closed is not None:
        audit.record(db, audit.AuditEntry(by, "alarm.close", f"alarm:{alarm_id}", {"kind": closed}), now=now)
    return closed is not None


def list_open(db: Connection) -> list[OpenAlarm]:
    """Return the open alarms, oldest first."""
    return [OpenAlarm(*row) for row in db.execute(_OPEN)]


def list_between(db: Connection, since: datetime, until: datetime) -> list[PastAlarm]:
    """Return the alarms that were open at any time from `since` until before `until`, oldest first."""
    return [PastAlarm(*row) for row in db.execute(_BETWEEN, {"since": since, "until": until})]


_RAISE = text("""
    INSERT INTO alarm AS known (kind, message, raised_at, seen_at) VALUES (:kind, :message, :now, :now)
    ON CONFLICT (kind) WHERE closed_at IS NULL
    DO UPDATE SET message = excluded.message, seen_at = greatest(known.seen_at, excluded.seen_at)
    RETURNING NOT EXISTS (SELECT FROM alarm before WHERE before.id = known.id)""")
_CLOSE = text("""
    UPDATE alarm SET closed_at = :now, closed_by = :by WHERE id = :id AND closed_at IS NULL RETURNING kind""")
_OPEN = text("SELECT id, kind, message, raised_at, seen_at FROM alarm WHERE closed_at IS NULL ORDER BY raised_at, id")
_BETWEEN = text("""
    SELECT message, raised_at, closed_at FROM alarm
    WHERE raised_at < :until AND (closed_at IS NULL OR closed_at >= :since) ORDER BY raised_at, id""")
