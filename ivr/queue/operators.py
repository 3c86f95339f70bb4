"""Operators: whether they take calls, what they are doing, and the seat that is open while they are at work."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor
from booking_core.refusal import Reason, Refusal
from ivr.queue import seats
from ivr.queue.models import AwayReason, OfferState, Status


class Activity(StrEnum):
    """What an operator is doing. Never set: it follows from her unfinished offer."""

    IDLE = "idle"
    RINGING = "ringing"
    ON_CALL = "on_call"
    ACW = "acw"  # after-call work: she writes up the call she just had


_ACTIVITY = {
    OfferState.PENDING: Activity.RINGING,
    OfferState.ACCEPTED: Activity.ON_CALL,
    OfferState.WRAPPING: Activity.ACW,
}


@dataclass(frozen=True, slots=True)
class OperatorView:
    """An operator as her desk shows her. `call_id` is the call she has not finished, None when she is idle."""

    account_id: int
    status: Status
    reason: AwayReason | None
    since: datetime | None
    next_status: Status | None
    activity: Activity
    call_id: int | None


def get_operator(db: Connection, account_id: int) -> OperatorView:
    """Return how an operator stands; one who never was at work is offline."""
    row = db.execute(_FIND, {"account_id": account_id}).one()
    return OperatorView(
        account_id=account_id,
        status=Status(row.status or Status.OFFLINE),
        reason=AwayReason(row.reason) if row.reason else None,
        since=row.since,
        next_status=Status(row.next_status) if row.next_status else None,
        activity=_ACTIVITY[OfferState(row.offer_state)] if row.offer_state else Activity.IDLE,
        call_id=row.call_id,
    )


def lock_operator(db: Connection, account_id: int) -> OperatorView:
    """Return how an operator stands, and keep her so until the transaction ends. After the call's row, if any."""
    db.execute(_LOCK, {"account_id": account_id})
    return get_operator(db, account_id)


def set_status(
    db: Connection, account_id: int, status: Status, reason: AwayReason | None, *, by: Actor, now: datetime
) -> OperatorView | Refusal:
    """Let an operator take calls, step away, or end her work.

    Going available or away opens the seat she sits at, ending her work closes it; on a break it stays open (F-34).
    While she is on a call the new status waits until she is done with it. Away needs a reason.
    """
    if (status is Status.AWAY) != (reason is not None):
        return Refusal(Reason.CHOICE_NEEDED)
    db.execute(_ENROL, {"account_id": account_id, "now": now})
    before = lock_operator(db, account_id)
    later = before.activity is not Activity.IDLE and status is not before.status
    if later:
        db.execute(_SET_NEXT, {"account_id": account_id, "status": status, "reason": reason})
    else:
        _become(db, account_id, status, reason, by=by.id, now=now)
    detail = {"was": before.status, "reason": reason, "after_the_call": later}
    audit.record(db, audit.AuditEntry(by, f"operator.{status}", f"staff:{account_id}", detail), now=now)
    return get_operator(db, account_id)


def done_with_call(db: Connection, account_id: int, *, now: datetime) -> None:
    """Let the status an operator chose during a call begin, on record as her own doing."""
    row = db.execute(_NEXT, {"account_id": account_id}).one_or_none()
    if row is None:
        return
    status, reason = Status(row.next_status), AwayReason(row.next_reason) if row.next_reason else None
    _become(db, account_id, status, reason, by=account_id, now=now)
    detail = {"was": row.status, "reason": reason, "chosen_during_the_call": True}
    entry = audit.AuditEntry(Actor.operator(account_id), f"operator.{status}", f"staff:{account_id}", detail)
    audit.record(db, entry, now=now)


def _become(
    db: Connection, account_id: int, status: Status, reason: AwayReason | None, *, by: int | None, now: datetime
) -> None:
    db.execute(_SET, {"account_id": account_id, "status": status, "reason": reason, "now": now})
    if status is Status.OFFLINE:
        seats.get_up(db, account_id, by=by, reason=status, now=now)
    else:
        seats.sit_down(db, account_id, by=by, reason=reason or status, now=now)


_FIND = text("""
    SELECT s.status, s.reason, s.since, s.next_status, o.state AS offer_state, o.call_id
    FROM (SELECT CAST(:account_id AS int) AS account_id) me
    LEFT JOIN operator_state s ON s.account_id = me.account_id
    LEFT JOIN offer o ON o.account_id = me.account_id AND o.state IN ('pending', 'accepted', 'wrapping')""")
_ENROL = text("""
    INSERT INTO operator_state (account_id, status, since) VALUES (:account_id, 'offline', :now)
    ON CONFLICT (account_id) DO NOTHING""")
_LOCK = text("SELECT status FROM operator_state WHERE account_id = :account_id FOR UPDATE")
_SET = text("""
    UPDATE operator_state SET since = CASE WHEN (status, reason) IS DISTINCT FROM (:status, CAST(:reason AS text))
                                           THEN :now ELSE since END,
                              status = :status, reason = CAST(:reason AS text), next_status = NULL, next_reason = NULL
    WHERE account_id = :account_id""")
_SET_NEXT = text("""
    UPDATE operator_state SET next_status = :status, next_reason = :reason WHERE account_id = :account_id""")
_NEXT = text("""
    SELECT status, next_status, next_reason FROM operator_state
    WHERE account_id = :account_id AND next_status IS NOT NULL FOR UPDATE""")
