"""A supervisor opens and closes operators' seats, so that the answer rate is kept (3-2-C, 3-2-J)."""

from datetime import datetime

from sqlalchemy import Connection

from booking_core.actors import Actor
from booking_core.refusal import Reason, Refusal
from booking_core.staff.sessions import list_at_door
from ivr.queue.models import SeatWhy, Status
from ivr.queue.operators import OperatorView, lock_operator, set_status


def close_seat(db: Connection, account_id: int, why: SeatWhy, *, by: Actor, now: datetime) -> OperatorView | Refusal:
    """Close the seat of an operator: at once, or when she is done with the call she has.

    A seat that is closed, or will be after the call, is none the worse. She can open it again herself; the newest
    choice counts, and each is on record with who made it.
    """
    before = lock_operator(db, account_id)
    if Status.OFFLINE in {before.status, before.next_status}:
        return before
    return set_status(db, account_id, Status.OFFLINE, None, by=by, now=now, why=why)


def open_seat(
    db: Connection, account_id: int, why: SeatWhy, *, by: Actor, now: datetime, real_now: datetime
) -> OperatorView | Refusal:
    """Open a seat for an operator who is signed in at her desk: she takes calls from now on.

    A seat that would close after the call stays open; an open one, on a break or not, is left as it is.
    """
    before = lock_operator(db, account_id)
    if before.next_status is Status.OFFLINE:
        return set_status(db, account_id, before.status, before.reason, by=by, now=now, why=why)
    if before.status is not Status.OFFLINE:
        return before
    if account_id not in list_at_door(db, "desk", now=real_now):
        return Refusal(Reason.NOT_AT_HER_DESK)
    return set_status(db, account_id, Status.AVAILABLE, None, by=by, now=now, why=why)
