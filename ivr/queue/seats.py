"""Seats: who sits where, and since when (3-2-C)."""

from datetime import datetime

from sqlalchemy import Connection, text

from ivr.queue.models import SeatChange

CHOOSING_A_SEAT = 0x53454154
"""The advisory lock of whoever looks for a free seat: a shift begins with twenty people who do so at once."""


def sit_down(db: Connection, account_id: int, *, by: int | None, reason: str, now: datetime) -> bool:
    """Open the free seat with the lowest number for an operator, or a new one. False: she sits already."""
    db.execute(_ONE_AT_A_TIME, {"lock": CHOOSING_A_SEAT})
    if db.execute(_SITS, {"account_id": account_id}).one_or_none():
        return False
    seat_id = db.execute(_TAKE, {"account_id": account_id}).scalar_one_or_none()
    if seat_id is None:
        seat_id = db.execute(_ADD, {"account_id": account_id}).scalar_one()
    _note(db, int(seat_id), SeatChange.OPENED, account_id, by=by, reason=reason, now=now)
    return True


def get_up(db: Connection, account_id: int, *, by: int | None, reason: str, now: datetime) -> bool:
    """Close the seat of an operator; False: she sat nowhere."""
    seat_id = db.execute(_LEAVE, {"account_id": account_id}).scalar_one_or_none()
    if seat_id is None:
        return False
    _note(db, int(seat_id), SeatChange.CLOSED, account_id, by=by, reason=reason, now=now)
    return True


def _note(
    db: Connection, seat_id: int, change: SeatChange, account_id: int, *, by: int | None, reason: str, now: datetime
) -> None:
    values = {"seat_id": seat_id, "change": change, "account_id": account_id, "by": by, "reason": reason, "now": now}
    db.execute(_NOTE, values)


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:lock)")
_SITS = text("SELECT id FROM seat WHERE account_id = :account_id")
_TAKE = text("""
    UPDATE seat SET account_id = :account_id
    WHERE id = (SELECT id FROM seat WHERE account_id IS NULL ORDER BY number LIMIT 1 FOR UPDATE)
      AND account_id IS NULL
    RETURNING id""")
_ADD = text("""
    INSERT INTO seat (number, account_id) SELECT coalesce(max(number), 0) + 1, :account_id FROM seat RETURNING id""")
_LEAVE = text("UPDATE seat SET account_id = NULL WHERE account_id = :account_id RETURNING id")
_NOTE = text("""
    INSERT INTO seat_event (seat_id, change, account_id, by_account_id, reason, at)
    VALUES (:seat_id, :change, :account_id, :by, :reason, :now)""")
