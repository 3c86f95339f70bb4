"""What is due on the line: wrap-ups that have lasted long enough, and offers of which nothing was told in time.

A timer is the `due_at` of an offer. Whoever fires it locks the call, then the offer, and looks again: an event that
came in meanwhile has won.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from booking_core import holds
from ivr.ledger import call_facts
from ivr.queue import operators, progress
from ivr.queue.calls import hold_owner
from ivr.queue.models import OfferState

LOOK_AGAIN = timedelta(seconds=10)
ON_OUR_OWN_AFTER = timedelta(minutes=1)
"""How long an operator is kept for a call of which neither the provider's events nor its answers tell anything."""


@dataclass(frozen=True, slots=True)
class OverdueOffer:
    """An offer that should have been answered, or have come to nothing, by now."""

    offer_id: int
    call_id: int
    call_sid: str
    leg_sid: str | None
    due_at: datetime

    def is_past_hope(self, now: datetime) -> bool:
        """Tell whether the line acts on what it knows itself, when the provider cannot be asked."""
        return now - self.due_at >= ON_OUR_OWN_AFTER


def list_wrap_ups_due(db: Connection, *, now: datetime) -> list[tuple[int, int]]:
    """Return the offers whose wrap-up has lasted long enough, each with its call."""
    return [(row.id, row.call_id) for row in db.execute(_WRAP_UPS, {"now": now})]


def end_wrap_up(db: Connection, offer_id: int, *, now: datetime) -> bool:
    """Let an operator be free although she has not closed the call; she can still close it (its record stays hers)."""
    if (call_id := db.execute(_CALL_OF, {"offer_id": offer_id}).scalar_one_or_none()) is None:
        return False
    holds.release(db, hold_owner(call_id))  # before the call is locked, as every writer of the book does
    progress.lock_call_of_offer(db, offer_id)
    account_id = db.execute(_END_WRAP_UP, {"offer_id": offer_id, "now": now}).scalar_one_or_none()
    if account_id is None:
        return False
    operators.done_with_call(db, account_id, now=now)
    call_facts.post(db, call_id)
    return True


def list_overdue(db: Connection, *, now: datetime) -> list[OverdueOffer]:
    """Return the pending offers that the line has to look after."""
    return [OverdueOffer(*row) for row in db.execute(_OVERDUE, {"now": now})]


def put_off(db: Connection, offer_id: int, *, now: datetime) -> None:
    """Look after an offer again a little later: its leg still rings, or the provider could not say."""
    db.execute(_PUT_OFF, {"offer_id": offer_id, "due": now + LOOK_AGAIN})


def give_up(db: Connection, overdue: OverdueOffer, *, now: datetime) -> bool:
    """Let an offer come to nothing: the caller keeps her place, the operator is parked; False if it was answered."""
    if progress.lock_call_of_offer(db, overdue.offer_id) is None:
        return False
    return progress.operator_not_reached(db, overdue.call_id, overdue.offer_id, OfferState.TIMED_OUT, now=now)


_CALL_OF = text("SELECT call_id FROM offer WHERE id = :offer_id")
_WRAP_UPS = text("SELECT id, call_id FROM offer WHERE state = 'wrapping' AND due_at <= :now ORDER BY due_at, id")
_END_WRAP_UP = text("""
    UPDATE offer SET state = 'completed', completed_at = :now, due_at = NULL
    WHERE id = :offer_id AND state = 'wrapping' AND due_at <= :now RETURNING account_id""")
_OVERDUE = text("""
    SELECT o.id, o.call_id, c.call_sid, o.leg_sid,
           coalesce(o.dialled_at, o.offered_at) + interval '35 seconds'
    FROM offer o JOIN call c ON c.id = o.call_id
    WHERE o.state = 'pending' AND o.due_at <= :now ORDER BY o.due_at, o.id""")
_PUT_OFF = text("UPDATE offer SET due_at = :due WHERE id = :offer_id AND state = 'pending'")
