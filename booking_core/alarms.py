"""What a person has to look at. One open alarm a kind: a fault that goes on is said once, with its newest message."""

from dataclasses import dataclass
from datetime import datetime, timedelta

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


def raise_once(
    db: Connection, kind: str, message: str, *, now: datetime, after: timedelta = timedelta(0), business_now: datetime
) -> bool:
    """Raise an alarm when its fault has lasted for `after`, and never again before `rearm`; tell whether it was now.

    Somebody who closes it is not told of the same fault again each minute. While it is open, its message is kept new.

    Args:
        db: in a transaction.
        kind: of the alarm.
        message: what is wrong now.
        now: by the clock that `after` is measured by.
        after: how long the fault has to last; two looks are needed unless it is nothing.
        business_now: under which the alarm stands.
    """
    latch = db.execute(_LATCH, {"kind": kind, "now": now}).one()
    if latch.raised_at is None and latch.noticed_at <= now - after:
        db.execute(_LATCHED, {"kind": kind, "now": now})
        raise_alarm(db, kind, message, now=business_now)
        return True
    if latch.raised_at is not None:
        db.execute(_REFRESH, {"kind": kind, "message": message[:LONGEST_MESSAGE], "now": business_now})
    return False


def rearm(db: Connection, kind: str, message: str, *, business_now: datetime) -> bool:
    """Say that a fault is over, so that the next one is raised; tell whether there was one.

    An alarm that is still open says so from now on and waits for whoever closes it.
    """
    latched = db.execute(_REARM, {"kind": kind}).one_or_none()
    if latched is None:
        return False
    if latched.raised_at is not None:
        db.execute(_REFRESH, {"kind": kind, "message": message[:LONGEST_MESSAGE], "now": business_now})
    return True


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
_LATCH = text("""
    INSERT INTO alarm_latch (kind, noticed_at) VALUES (:kind, :now)
    ON CONFLICT (kind) DO UPDATE SET kind = excluded.kind RETURNING noticed_at, raised_at""")
_LATCHED = text("UPDATE alarm_latch SET raised_at = :now WHERE kind = :kind")
_REARM = text("DELETE FROM alarm_latch WHERE kind = :kind RETURNING raised_at")
_REFRESH = text("""
    UPDATE alarm SET message = :message, seen_at = greatest(seen_at, :now) WHERE kind = :kind AND closed_at IS NULL""")
