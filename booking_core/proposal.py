"""What a booking would mean before it is made: shown on the last screen, so that nothing there comes as a surprise."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from booking_core.actors import Actor
from booking_core.facts import find_booking_view, find_slot_view
from booking_core.refusal import Reason, Refusal
from booking_core.rules import (
    SlotFacts,
    Terms,
    promised_change_until,
    refusal_to_book,
    refusal_to_change,
    refusal_to_move_to,
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A slot that may be had now, and the last moment at which the citizen could still change it herself."""

    slot: SlotFacts
    terms: Terms
    change_until: datetime


def propose(
    db: Connection,
    slot_id: int,
    service_id: int,
    *,
    card_id: int | None,
    moving: int | None,
    by: Actor,
    now: datetime,
    own_hold: int = 0,
) -> Proposal | Refusal:
    """Return what taking this slot would mean, or the refusal that `book` or `move` would answer now.

    Args:
        db: the book.
        slot_id: the slot.
        service_id: the service.
        card_id: the card, where the service hangs on one.
        moving: the booking that would move here; None for a new one.
        by: who would do it.
        now: business time.
        own_hold: places of this slot that are already held for the asker.
    """
    view = find_slot_view(db, slot_id, service_id, card_id, command_key="", now=now)
    if view is None:
        return Refusal(Reason.NO_SUCH_SLOT)
    if moving is not None and (refusal := _refusal_to_leave(db, moving, slot_id, by=by, now=now)):
        return refusal
    decide = refusal_to_book if moving is None else refusal_to_move_to
    if refusal := decide(by, view.slot, view.terms, view.card, calendar=view.calendar, now=now):
        return refusal
    if view.terms is None:
        return Refusal(Reason.NOT_OFFERED_HERE)
    if view.slot.free + view.expired + own_hold <= 0:
        return Refusal(Reason.FULL)
    return Proposal(
        view.slot, view.terms, promised_change_until(view.slot, view.terms, view.card, calendar=view.calendar)
    )


def _refusal_to_leave(db: Connection, booking_id: int, slot_id: int, *, by: Actor, now: datetime) -> Refusal | None:
    old = find_booking_view(db, booking_id, command_key="", now=now)
    if old is None:
        return Refusal(Reason.NO_SUCH_BOOKING)
    if old.slot.id == slot_id:
        return Refusal(Reason.SAME_SLOT)
    return refusal_to_change(
        by,
        booking_card_id=old.card_id,
        state=old.state,
        change_until=old.change_until,
        starts_at=old.slot.starts_at,
        now=now,
    )
