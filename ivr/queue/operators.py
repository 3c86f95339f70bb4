"""Operators: whether they take calls, what they are doing, and the seat that is open while they are at work."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor
from booking_core.refusal import Reason, Refusal
from ivr.ledger import operator_events
from ivr.queue import seats
from ivr.queue.models import AwayReason, OfferState, SeatWhy, Status
from ivr.queue.wake import wake_line

SET_BY_THE_LINE = frozenset({AwayReason.MISSED, AwayReason.UNREACHABLE})
"""Reasons nobody chooses: the line parks an operator who cannot be reached, so that no caller rings in vain."""


class Activity(StrEnum):
    """What an operator is doing. Never set: it follows from her unfinished offer."""

    IDLE = "idle"
    RINGING = "ringing"
    ON_CALL = "on_call"
    ACW = "acw"  # after-call work: she writes up the call she just had


ACTIVITY = {
    OfferState.PENDING: Activity.RINGING,
    OfferState.ACCEPTED: Activity.ON_CALL,
    OfferState.WRAPPING: Activity.ACW,
}


@dataclass(frozen=True, slots=True)
class OperatorView:
    """An operator as her desk shows her.

    Attributes:
        call_id: the call she has not finished, None when she is idle.
        offer_id: the offer by which she has it.
        due_at: when the line ends her wrap-up, None outside of it.
    """

    account_id: int
    status: Status
    reason: AwayReason | None
    since: datetime | None
    next_status: Status | None
    activity: Activity
    call_id: int | None
    offer_id: int | None
    due_at: datetime | None


def get_operator(db: Connection, account_id: int) -> OperatorView:
    """Return how an operator stands; one who never was at work is offline."""
    row = db.execute(_FIND, {"account_id": account_id}).one()
    return OperatorView(
        account_id=account_id,
        status=Status(row.status or Status.OFFLINE),
        reason=AwayReason(row.reason) if row.reason else None,
        since=row.since,
        next_status=Status(row.next_status) if row.next_status else None,
        activity=ACTIVITY[OfferState(row.offer_state)] if row.offer_state else Activity.IDLE,
        call_id=row.call_id,
        offer_id=row.offer_id,
        due_at=row.due_at if row.offer_state == OfferState.WRAPPING else None,
    )


def lock_operator(db: Connection, account_id: int) -> OperatorView:
    """Return how an operator stands, and keep her so until the transaction ends. After the call's row, if any."""
    db.execute(_LOCK, {"account_id": account_id})
    return get_operator(db, account_id)


def set_status(
    db: Connection,
    account_id: int,
    status: Status,
    reason: AwayReason | None,
    *,
    by: Actor,
    now: datetime,
    why: SeatWhy | None = None,
) -> OperatorView | Refusal:
    """Let an operator take calls, step away, or end her work.

    Going available or away opens the seat she sits at, ending her work closes it; on a break it stays open (F-34).
    While she is on a call the new status waits until she is done with it. Away needs a reason. `why` is a supervisor's
    reason for opening or closing the seat; it stays with the seat, also when that happens only after the call.
    """
    if (status is Status.AWAY) != (reason is not None):
        return Refusal(Reason.CHOICE_NEEDED)
    db.execute(_ENROL, {"account_id": account_id, "now": now})
    before = lock_operator(db, account_id)
    later = before.activity is not Activity.IDLE and status is not before.status
    if later:
        order = {"by": by.id if by.id != account_id else None, "why": why}
        db.execute(_SET_NEXT, {"account_id": account_id, "status": status, "reason": reason} | order)
    else:
        _become(db, account_id, status, reason, by=by.id, now=now, why=why)
    detail = {"was": before.status, "reason": reason, "after_the_call": later} | ({"why": why} if why else {})
    audit.record(db, audit.AuditEntry(by, f"operator.{status}", f"staff:{account_id}", detail), now=now)
    return get_operator(db, account_id)


def park(db: Connection, account_id: int, reason: AwayReason, *, now: datetime) -> bool:
    """Let no more calls ring at a desk that does not answer; tell whether it was open to them.

    She becomes available again by her own doing. A call she is on goes on; then she is away when it is done.
    """
    before = lock_operator(db, account_id)
    if Status.AVAILABLE not in {before.status, before.next_status} or before.next_status is Status.OFFLINE:
        return False
    if before.activity is Activity.IDLE:
        _become(db, account_id, Status.AWAY, reason, by=None, now=now)
    else:
        order = {"by": None, "why": None}
        db.execute(_SET_NEXT, {"account_id": account_id, "status": Status.AWAY, "reason": reason} | order)
    detail = {"was": before.status, "reason": reason, "after_the_call": before.activity is not Activity.IDLE}
    audit.record(db, audit.AuditEntry(Actor.job(), "operator.away", f"staff:{account_id}", detail), now=now)
    return True


def done_with_call(db: Connection, account_id: int, *, now: datetime, keeps_turn: bool = False) -> None:
    """An operator has no call any more: the status chosen meanwhile begins, on record as whose doing it is.

    `keeps_turn`: the caller hung up before she could answer; nobody who became free later goes before her.
    """
    row = db.execute(_FREE, {"account_id": account_id, "now": now, "keeps_turn": keeps_turn}).one_or_none()
    wake_line(db)
    if row is None or row.next_status is None:
        operator_events.note(db, account_id, now=now)
        return
    status, reason = Status(row.next_status), AwayReason(row.next_reason) if row.next_reason else None
    why = SeatWhy(row.next_why) if row.next_why else None
    by = None if reason in SET_BY_THE_LINE else row.next_by or account_id
    _become(db, account_id, status, reason, by=by, now=now, why=why)
    detail = {"was": row.status, "reason": reason, "chosen_during_the_call": True} | ({"why": why} if why else {})
    actor = Actor.operator(by) if by else Actor.job()
    audit.record(db, audit.AuditEntry(actor, f"operator.{status}", f"staff:{account_id}", detail), now=now)


def _become(
    db: Connection,
    account_id: int,
    status: Status,
    reason: AwayReason | None,
    *,
    by: int | None,
    now: datetime,
    why: SeatWhy | None = None,
) -> None:
    db.execute(_SET, {"account_id": account_id, "status": status, "reason": reason, "now": now})
    operator_events.note(db, account_id, now=now)
    if status is Status.OFFLINE:
        seats.get_up(db, account_id, by=by, reason=why or status, now=now)
    else:
        seats.sit_down(db, account_id, by=by, reason=why or reason or status, now=now)
    if status is Status.AVAILABLE:
        wake_line(db)


_FIND = text("""
    SELECT s.status, s.reason, s.since, s.next_status, o.state AS offer_state, o.call_id, o.id AS offer_id, o.due_at
    FROM (SELECT CAST(:account_id AS int) AS account_id) me
    LEFT JOIN operator_state s ON s.account_id = me.account_id
    LEFT JOIN offer o ON o.account_id = me.account_id AND o.state IN ('pending', 'accepted', 'wrapping')""")
_ENROL = text("""
    INSERT INTO operator_state (account_id, status, since, idle_since) VALUES (:account_id, 'offline', :now, :now)
    ON CONFLICT (account_id) DO NOTHING""")
_LOCK = text("SELECT status FROM operator_state WHERE account_id = :account_id FOR NO KEY UPDATE")
# A desk that begins to take calls is not judged by what it gave before: `heard_at` starts afresh.
_SET = text("""
    UPDATE operator_state SET
        since = CASE WHEN (status, reason) IS DISTINCT FROM (:status, CAST(:reason AS text)) THEN :now ELSE since END,
        idle_since = CASE WHEN status <> :status THEN :now ELSE idle_since END,
        heard_at = CASE WHEN status <> :status AND :status = 'available' THEN NULL ELSE heard_at END,
        status = :status, reason = CAST(:reason AS text), next_status = NULL, next_reason = NULL,
        next_by = NULL, next_why = NULL
    WHERE account_id = :account_id""")
_SET_NEXT = text("""
    UPDATE operator_state SET next_status = :status, next_reason = :reason, next_by = :by, next_why = :why
    WHERE account_id = :account_id""")
_FREE = text("""
    UPDATE operator_state SET idle_since = CASE WHEN CAST(:keeps_turn AS boolean) THEN idle_since ELSE :now END
    WHERE account_id = :account_id RETURNING status, next_status, next_reason, next_by, next_why""")
