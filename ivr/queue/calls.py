"""What an operator does with calls: see who waits, take one, answer it, tie bookings to it, read back, close it.

Every verb is a conditional update in the caller's transaction; when somebody else was first the answer is a refusal.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core import audit, holds
from booking_core.actors import Actor
from booking_core.models import Verb
from booking_core.refusal import Reason, Refusal
from ivr.ledger import call_facts, operator_events
from ivr.queue import operators, progress
from ivr.queue.assignment import REACH_WITHIN
from ivr.queue.models import AwayReason, MainReason, OfferState, Status

IN_HAND = frozenset({OfferState.PENDING, OfferState.ACCEPTED, OfferState.WRAPPING, OfferState.COMPLETED})


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A caller in the queue, in her place. `bookings_of_number` is a hint only: a shown number proves nobody."""

    id: int
    position: int
    waiting_since: datetime
    from_number: str | None
    topic: str | None
    bookings_of_number: int

    def wait_seconds(self, now: datetime) -> int:
        return max(0, int((now - self.waiting_since).total_seconds()))


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as the operator who has it sees it. `offer_state` is that of the newest offer, and `account_id` whose."""

    id: int
    state: str
    outcome: str | None
    from_number: str | None
    received_at: datetime
    enqueued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    identified_card_id: int | None
    identified_by: str | None
    topic: str | None
    main_reason: str | None
    closed_at: datetime | None
    offer_id: int | None
    offer_state: str | None
    account_id: int | None
    dialled_at: datetime | None
    bookings_of_number: int

    def is_in_hand_of(self, account_id: int) -> bool:
        """Tell whether this operator has the call and has not closed it; a wrap-up that ran out leaves it hers."""
        return self.account_id == account_id and self.offer_state in IN_HAND and self.closed_at is None


@dataclass(frozen=True, slots=True)
class UnclosedCall:
    """A call whose wrap-up ran out before the operator had closed it."""

    id: int
    answered_at: datetime
    from_number: str | None


@dataclass(frozen=True, slots=True)
class CallBookingView:
    """A booking that was made, moved or cancelled during a call."""

    id: int
    booking_id: int
    verb: str
    service_code: str
    read_back_at: datetime | None
    is_live: bool

    @property
    def to_be_read_back(self) -> bool:
        """Tell whether the caller must still be told of it; what was cancelled again needs no telling."""
        return self.is_live and self.verb != Verb.CANCEL and self.read_back_at is None


def hold_owner(call_id: int) -> str:
    """Return the name under which places are kept aside while they are read back in a call: one at a time."""
    return f"call:{call_id}"


def list_waiting(db: Connection) -> list[WaitingCall]:
    """Return who may be taken now, in order: whoever came first is first."""
    rows = db.execute(_WAITING).all()
    return [WaitingCall(row.id, place, *row[1:]) for place, row in enumerate(rows, start=1)]


def find_call(db: Connection, call_id: int) -> CallView | None:
    row = db.execute(_CALL, {"call_id": call_id}).one_or_none()
    return CallView(*row) if row else None


def list_call_bookings(db: Connection, call_id: int) -> list[CallBookingView]:
    """Return what was done to bookings during a call, in order."""
    return [CallBookingView(*row) for row in db.execute(_BOOKINGS, {"call_id": call_id})]


def take(db: Connection, call_id: int, *, account_id: int, by: Actor, now: datetime) -> int | Refusal:
    """Take a waiting call and return the id of the offer; her telephone is rung as soon as the caller leaves the queue.

    Refused: she has another call in hand, she is not available, somebody else took it, or the caller hung up. Pressed
    twice it is taken once.
    """
    if db.execute(_TAKE, {"call_id": call_id, "now": now}).rowcount != 1:
        call = find_call(db, call_id)
        mine = call is not None and call.is_in_hand_of(account_id)
        return call.offer_id if call and call.offer_id and mine else Refusal(Reason.CALL_TAKEN)
    operator = operators.lock_operator(db, account_id)
    if operator.call_id is not None:
        return Refusal(Reason.STILL_ON_A_CALL, {"call_id": operator.call_id})
    if operator.status is not Status.AVAILABLE:
        return Refusal(Reason.NOT_AVAILABLE)
    values = {"call_id": call_id, "account_id": account_id, "now": now, "due": now + REACH_WITHIN}
    offer_id = db.execute(_OFFER, values).scalar_one()
    operator_events.note(db, account_id, now=now)
    audit.record(db, audit.AuditEntry(by, "call.take", f"call:{call_id}", {"offer": offer_id}), now=now)
    return int(offer_id)


def await_turn(db: Connection, call_id: int) -> None:
    """Wait until nobody else changes a call, nor the place kept aside in it; the slot first, as always.

    Who reads the time after that stands on record in the order in which things were done.
    """
    kept = holds.find_hold(db, hold_owner(call_id))
    holds.lock_slots(db, [kept.slot_id] if kept else [])
    db.execute(_LOCK, {"call_id": call_id})


def answer(db: Connection, call_id: int, *, account_id: int, by: Actor, now: datetime) -> CallView | Refusal:
    """The operator says at her desk that she talks with the caller.

    Refused while her telephone has not been rung: until then nobody can have heard anybody.
    """
    db.execute(_LOCK, {"call_id": call_id})
    call = find_call(db, call_id)
    if call is None or call.offer_id is None or not call.is_in_hand_of(account_id):
        return Refusal(Reason.NOT_YOUR_CALL)
    if call.dialled_at is None:
        return Refusal(Reason.NOT_CONNECTED)
    if progress.answered(db, call_id, call.offer_id, at=now):
        audit.record(db, audit.AuditEntry(by, "call.answer", f"call:{call_id}"), now=now)
    return find_call(db, call_id) or call


def decline(db: Connection, call_id: int, *, account_id: int, by: Actor, now: datetime) -> CallView | Refusal:
    """The operator does not take the call that rings at her desk: the caller keeps her place, she herself is parked.

    Refused when she has it not, or talks already.
    """
    db.execute(_LOCK, {"call_id": call_id})
    call = find_call(db, call_id)
    if call is None or call.offer_id is None or not call.is_in_hand_of(account_id):
        return Refusal(Reason.NOT_YOUR_CALL)
    if not progress.operator_not_reached(db, call_id, call.offer_id, OfferState.DECLINED, now=now):
        return Refusal(Reason.NOT_YOUR_CALL)
    operators.park(db, account_id, AwayReason.MISSED, now=now)  # also where her telephone had not been rung yet
    audit.record(db, audit.AuditEntry(by, "call.decline", f"call:{call_id}", {"offer": call.offer_id}), now=now)
    return find_call(db, call_id) or call


def list_unclosed(db: Connection, account_id: int) -> list[UnclosedCall]:
    """Return the calls an operator talked in and has not closed yet, oldest first; the one she is on is not among."""
    return [UnclosedCall(*row) for row in db.execute(_UNCLOSED, {"account_id": account_id})]


def link_booking(
    db: Connection, call_id: int, booking_id: int, verb: Verb, *, account_id: int, now: datetime
) -> Refusal | None:
    """Note, in the transaction that carries it out, what a call did to a booking.

    The call is locked after the book's rows, always in this order. Refused, and with it what was done, when the
    operator has closed the call meanwhile: nobody would read the booking back.
    """
    if isinstance(refusal := lock_in_hand(db, call_id, account_id), Refusal):
        return refusal
    db.execute(_LINK, {"call_id": call_id, "booking_id": booking_id, "verb": verb, "now": now})
    return None


def record_read_back(db: Connection, call_id: int, *, account_id: int, by: Actor, now: datetime) -> CallView | Refusal:
    """Tick off that time, place and what the city prescribes were told to the caller (3-2-G)."""
    call = lock_in_hand(db, call_id, account_id)
    if isinstance(call, Refusal):
        return call
    told = db.execute(_READ_BACK, {"call_id": call_id, "now": now}).scalars().all()
    if told:
        entry = audit.AuditEntry(by, "call.read_back", f"call:{call_id}", {"bookings": list(told)})
        audit.record(db, entry, now=now)
    return call


def close_call(
    db: Connection, call_id: int, reason: MainReason | None, *, account_id: int, by: Actor, now: datetime
) -> CallView | Refusal:
    """Close a call with its one main reason; the operator is free once the talk is over, too.

    Refused: no reason, not her call or closed already, never connected, a booking that was not read back (3-2-G). A
    place that was kept aside in the call and not booked is free again; slots are locked before the call, as always.
    """
    holds.release(db, hold_owner(call_id))
    call = lock_in_hand(db, call_id, account_id)
    if isinstance(call, Refusal):
        return call
    if reason is None:
        return Refusal(Reason.CHOICE_NEEDED)
    if call.offer_state == OfferState.PENDING:
        return Refusal(Reason.NOT_CONNECTED)
    if any(each.to_be_read_back for each in list_call_bookings(db, call_id)):
        return Refusal(Reason.READ_BACK_MISSING)
    db.execute(_CLOSE, {"call_id": call_id, "reason": reason, "account_id": account_id, "now": now})
    if db.execute(_COMPLETE, {"offer_id": call.offer_id, "now": now}).rowcount == 1:
        operators.done_with_call(db, account_id, now=now)
    call_facts.post(db, call_id)
    audit.record(db, audit.AuditEntry(by, "call.close", f"call:{call_id}", {"reason": reason}), now=now)
    return find_call(db, call_id) or call


def lock_in_hand(db: Connection, call_id: int, account_id: int) -> CallView | Refusal:
    """Return the call, locked, if this operator has it in hand."""
    db.execute(_LOCK, {"call_id": call_id})
    call = find_call(db, call_id)
    if call is None or not call.is_in_hand_of(account_id):
        return Refusal(Reason.NOT_YOUR_CALL)
    return call


# A hint only, and withheld numbers give none.
_HINT = """
    (SELECT count(*) FROM booking b WHERE b.phone = c.from_number AND b.state = 'booked')"""
_WAITING = text(f"""
    SELECT c.id, c.enqueued_at, c.from_number, c.topic, {_HINT}
    FROM call c WHERE c.state = 'queued' AND c.offerable_at IS NOT NULL
    ORDER BY c.enqueued_at, c.id""")  # noqa: S608 - the inserted part is a constant of this file
_CALL = text(f"""
    SELECT c.id, c.state, c.outcome, c.from_number, c.received_at, c.enqueued_at, c.answered_at, c.ended_at,
           c.identified_card_id, c.identified_by, c.topic, c.main_reason, c.closed_at,
           o.id, o.state, o.account_id, o.dialled_at, {_HINT}
    FROM call c
    LEFT JOIN LATERAL (SELECT * FROM offer WHERE call_id = c.id ORDER BY id DESC LIMIT 1) o ON true
    WHERE c.id = :call_id""")  # noqa: S608 - likewise
_BOOKINGS = text("""
    SELECT l.id, l.booking_id, l.verb, v.code, l.read_back_at, b.state = 'booked'
    FROM call_booking l JOIN booking b ON b.id = l.booking_id JOIN service v ON v.id = b.service_id
    WHERE l.call_id = :call_id ORDER BY l.id""")
# No key changes: a booking that points at the call must not wait for a webhook, nor the other way round.
_LOCK = text("SELECT id FROM call WHERE id = :call_id FOR NO KEY UPDATE")
_TAKE = text("""
    UPDATE call SET state = 'offering', first_offered_at = coalesce(first_offered_at, :now)
    WHERE id = :call_id AND state = 'queued' AND offerable_at IS NOT NULL""")
_OFFER = text("""
    INSERT INTO offer (call_id, account_id, state, offered_at, due_at)
    VALUES (:call_id, :account_id, 'pending', :now, :due) RETURNING id""")
_UNCLOSED = text("""
    SELECT c.id, c.answered_at, c.from_number
    FROM offer o JOIN call c ON c.id = o.call_id
    WHERE o.account_id = :account_id AND o.state = 'completed' AND c.closed_at IS NULL
      AND o.id = (SELECT max(id) FROM offer WHERE call_id = c.id)
    ORDER BY c.answered_at""")
_LINK = text("""
    INSERT INTO call_booking (call_id, booking_id, verb, at) VALUES (:call_id, :booking_id, :verb, :now)""")
_READ_BACK = text("""
    UPDATE call_booking l SET read_back_at = :now FROM booking b
    WHERE b.id = l.booking_id AND b.state = 'booked'
      AND l.call_id = :call_id AND l.read_back_at IS NULL AND l.verb <> 'cancel' RETURNING l.booking_id""")
_CLOSE = text("""
    UPDATE call SET main_reason = :reason, closed_at = :now, closed_by = :account_id
    WHERE id = :call_id AND closed_at IS NULL""")
_COMPLETE = text("""
    UPDATE offer SET state = 'completed', completed_at = :now, due_at = NULL
    WHERE id = :offer_id AND state = 'wrapping'""")
