"""How a call moves on when the provider tells something: conditional updates, each on the state it leaves.

No row changed means that it happened before, or that somebody else was first; it is never an error. The call's row is
locked first, then its offer, then the operator: the order of every writer on the line.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from booking_core.phone import shown_number
from booking_core.statement import Statement
from ivr.ledger import call_facts, operator_events
from ivr.queue import operators
from ivr.queue.models import AwayReason, OfferState, Outcome, Topic
from ivr.queue.wake import wake_line

RING = timedelta(seconds=25)
"""How long the provider rings an operator (`<Dial timeout>`); it may take a few seconds more."""

AFTER_RING = timedelta(seconds=10)
"""How much later the line looks after an offer of which nothing was told."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What every request about a call says of it. `shown` is the caller's number as it is told, real or not."""

    call_sid: str
    shown: str
    to_number: str


@dataclass(frozen=True, slots=True)
class LockedCall:
    """A call whose row is ours until the transaction ends."""

    id: int
    state: str
    is_offerable: bool


def lock_call(db: Connection, call_sid: str) -> LockedCall | None:
    """Return a call, locked until the transaction ends; None when nobody heard of it before."""
    row = _LOCK.one_or_none(db, {"call_sid": call_sid})
    return LockedCall(*row) if row else None


def receive(db: Connection, arrival: Arrival, *, open_now: bool, now: datetime) -> bool:
    """Write a call down; tell whether it was not before. A number that is none, or is withheld, is kept as None.

    Whatever comes first makes the row: when the first request was lost, the caller must not be lost with it. That the
    line was closed is decided here, once.
    """
    values = {
        "call_sid": arrival.call_sid,
        "from_number": shown_number(arrival.shown),
        "to_number": arrival.to_number,
        "outcome": None if open_now else Outcome.CLOSED,
        "now": now,
    }
    return _RECEIVE.run(db, values) == 1


def lock_call_of_offer(db: Connection, offer_id: int) -> int | None:
    """Return the call an offer was made for, locked; None when there never was such an offer."""
    row = _LOCK_BY_OFFER.one_or_none(db, {"offer_id": offer_id})
    return int(row.call_id) if row else None


def chose(db: Connection, call_id: int, topic: Topic | None, *, understood: bool) -> None:
    """Note what a caller pressed in the menu; a key to no choice is counted, so that nobody is asked for ever."""
    _CHOSE.run(db, {"call_id": call_id, "topic": topic, "wrong": 0 if understood else 1})


def enter_queue(db: Connection, call_id: int, *, now: datetime) -> bool:
    """Let a call be taken from now on; tell whether it could not before. Her place in the order stays her first one."""
    entered = _ENTER.run(db, {"call_id": call_id, "now": now}) == 1
    if entered:
        wake_line(db)
    return entered


def position_was_said(db: Connection, call_id: int, *, now: datetime) -> None:
    _SAID.run(db, {"call_id": call_id, "now": now})


def left_queue(db: Connection, call_id: int) -> None:
    """The caller left the provider's queue: without an operator she has to come back before she can be taken."""
    _NOT_OFFERABLE.run(db, {"call_id": call_id})


def ring_operator(db: Connection, call_id: int, offer_id: int | None, *, now: datetime) -> None:
    """The caller is out of the queue for this offer, or for the one she has, and its operator is rung now."""
    values = {"call_id": call_id, "offer_id": offer_id, "now": now, "due": now + RING + AFTER_RING}
    _DIAL.run(db, values)


def leg_is(db: Connection, call_id: int, offer_id: int, leg_sid: str) -> None:
    """Remember the operator's leg of an offer, by which the line can ask the provider how it stands."""
    _LEG.run(db, {"call_id": call_id, "offer_id": offer_id, "leg_sid": leg_sid})


def answered(db: Connection, call_id: int, offer_id: int, *, at: datetime) -> bool:
    """An operator talks with the caller since `at`; tell whether that was news.

    Told by her leg's first request, its status, her desk, or at the latest by the end of the talk: the first counts.
    """
    accepted = _ACCEPT.one_or_none(db, {"call_id": call_id, "offer_id": offer_id, "at": at})
    if accepted is None:
        return False
    _CONNECT.run(db, {"call_id": call_id, "at": at})
    operator_events.note(db, accepted.account_id, now=at)
    return True


def never_talked(db: Connection, call_id: int, offer_id: int, *, although_heard: bool) -> None:
    """Take back an answer that was none: only her desk told of it, her telephone was not answered.

    `although_heard`: her telephone was up for a moment, too, but the provider never joined the two.
    """
    if _NEVER_TALKED.run(db, {"call_id": call_id, "offer_id": offer_id, "although_heard": although_heard}) == 1:
        _NOT_CONNECTED.run(db, {"call_id": call_id})


def talked_unheard(db: Connection, call_id: int, offer_id: int, *, at: datetime, now: datetime) -> bool:
    """Only its end tells of a talk whose offer had been given up: it counts as answered all the same.

    The operator may have another call by now, so the offer ends without a wrap-up; she can still close the call.
    """
    values = {"call_id": call_id, "offer_id": offer_id, "at": at, "now": now}
    offer = _TALKED_UNHEARD.one_or_none(db, values)
    if offer is None:
        return False
    operator_events.note(db, offer.account_id, now=now)
    return _CONNECT_UNHEARD.run(db, values) == 1


def operator_not_reached(db: Connection, call_id: int, offer_id: int, state: OfferState, *, now: datetime) -> bool:
    """The operator did not answer: the caller goes back to her old place, once she stands in the queue again.

    An operator whose desk was rung is parked, or the same caller would ring in vain there again; not when the ringing
    was broken off (`rescinded`), which is nobody's fault.
    """
    over = db.execute(
        _OFFER_CAME_TO_NOTHING, {"call_id": call_id, "offer_id": offer_id, "state": state, "now": now}
    ).one_or_none()
    if over is None:
        return False
    db.execute(_BACK_IN_LINE, {"call_id": call_id})
    has_missed = over.dialled_at is not None and state is not OfferState.RESCINDED
    if has_missed:
        operators.park(db, over.account_id, AwayReason.MISSED, now=now)
    operators.done_with_call(db, over.account_id, now=now, keeps_turn=not has_missed)
    return True


def lost_by_the_line(db: Connection, call_id: int) -> None:
    """The provider could not keep the call, or nobody is left to take it: however it ends, it is not answered."""
    db.execute(_LOST, {"call_id": call_id})


def end(db: Connection, call_id: int, *, wrap_up: timedelta, now: datetime) -> bool:
    """The call is over; tell whether that was news. The outcome is written once and follows from what came before.

    The operator who talked has `wrap_up` to write it up; after that she is free again.
    """
    if _END.run(db, {"call_id": call_id, "now": now}) != 1:
        return False
    over = _OFFER_OVER.one_or_none(db, {"call_id": call_id, "now": now, "due": now + wrap_up})
    if over and over.state == OfferState.WRAPPING:
        operator_events.note(db, over.account_id, now=now)
    elif over:
        operators.done_with_call(db, over.account_id, now=now, keeps_turn=over.state == OfferState.RESCINDED)
    call_facts.post(db, call_id)
    return True


_LOCK = Statement("""
    SELECT id AS call_id, state, offerable_at IS NOT NULL FROM call WHERE call_sid = :call_sid FOR NO KEY UPDATE""")
_RECEIVE = Statement("""
    INSERT INTO call (call_sid, from_number, to_number, state, outcome, received_at)
    VALUES (:call_sid, :from_number, :to_number, 'ivr', :outcome, :now)
    ON CONFLICT (call_sid) DO NOTHING""")
_LOCK_BY_OFFER = Statement("""
    SELECT c.id AS call_id FROM call c JOIN offer o ON o.call_id = c.id
    WHERE o.id = :offer_id FOR NO KEY UPDATE OF c""")
_CHOSE = Statement("""
    UPDATE call SET topic = coalesce(topic, :topic), wrong_keys = wrong_keys + :wrong
    WHERE id = :call_id AND state = 'ivr'""")
_ENTER = Statement("""
    UPDATE call SET state = 'queued', enqueued_at = coalesce(enqueued_at, :now), offerable_at = :now
    WHERE id = :call_id AND state IN ('received', 'ivr', 'queued') AND offerable_at IS NULL
      AND outcome IS NULL""")
_SAID = Statement("UPDATE call SET position_said_at = :now WHERE id = :call_id")
_DIAL = Statement("""
    UPDATE offer SET dialled_at = :now, due_at = :due
    WHERE call_id = :call_id AND state = 'pending' AND dialled_at IS NULL
      AND id = coalesce(CAST(:offer_id AS bigint), id)""")
_NOT_OFFERABLE = Statement("UPDATE call SET offerable_at = NULL WHERE id = :call_id AND state = 'queued'")
_LEG = Statement("""
    UPDATE offer SET leg_sid = :leg_sid WHERE id = :offer_id AND call_id = :call_id AND leg_sid IS NULL""")
_ACCEPT = Statement("""
    UPDATE offer SET state = 'accepted', accepted_at = :at, due_at = NULL
    WHERE id = :offer_id AND call_id = :call_id AND state = 'pending' AND dialled_at IS NOT NULL
    RETURNING account_id""")
_CONNECT = Statement("""
    UPDATE call SET state = 'connected', answered_at = coalesce(answered_at, :at)
    WHERE id = :call_id AND state = 'offering'""")
_NEVER_TALKED = Statement("""
    UPDATE offer o SET state = 'pending', accepted_at = NULL FROM call c
    WHERE o.id = :offer_id AND o.call_id = :call_id AND o.state = 'accepted'
      AND c.id = o.call_id AND c.state = 'connected' AND c.closed_at IS NULL
      AND (CAST(:although_heard AS boolean) OR NOT EXISTS (
          SELECT FROM call_event e
          WHERE e.call_sid = c.call_sid AND e.detail ->> 'offer' = CAST(o.id AS text)
            AND (e.event = 'operator_heard' OR e.event = 'operator_status'
                                           AND e.detail ->> 'result' = 'in-progress')))""")
_NOT_CONNECTED = Statement("UPDATE call SET state = 'offering', answered_at = NULL WHERE id = :call_id")
_TALKED_UNHEARD = Statement("""
    UPDATE offer SET state = 'completed', accepted_at = :at, over_at = :now, completed_at = :now
    WHERE id = :offer_id AND call_id = :call_id AND state IN ('timed_out', 'failed')
      AND EXISTS (SELECT FROM call WHERE id = :call_id AND state = 'queued' AND offerable_at IS NULL)
    RETURNING account_id""")
_CONNECT_UNHEARD = Statement("""
    UPDATE call SET state = 'connected', answered_at = coalesce(answered_at, CAST(:at AS timestamptz))
    WHERE id = :call_id AND state = 'queued' AND offerable_at IS NULL""")
_OFFER_CAME_TO_NOTHING = text("""
    UPDATE offer SET state = :state, over_at = :now, due_at = NULL
    WHERE id = :offer_id AND call_id = :call_id AND state = 'pending' RETURNING account_id, dialled_at""")
_BACK_IN_LINE = text("""
    UPDATE call SET state = 'queued', offerable_at = NULL WHERE id = :call_id AND state = 'offering'""")
_LOST = text("UPDATE call SET outcome = 'failed' WHERE id = :call_id AND outcome IS NULL AND answered_at IS NULL")
_END = Statement("""
    UPDATE call SET state = 'ended', ended_at = :now, offerable_at = NULL, outcome = coalesce(outcome,
        CASE WHEN answered_at IS NOT NULL THEN 'answered'
             WHEN enqueued_at IS NOT NULL THEN 'abandoned_queue' ELSE 'abandoned_ivr' END)
    WHERE id = :call_id AND state <> 'ended'""")
_OFFER_OVER = Statement("""
    UPDATE offer o SET over_at = :now,
        due_at = CASE WHEN o.state = 'accepted' AND c.closed_at IS NULL THEN CAST(:due AS timestamptz) END,
        completed_at = CASE WHEN o.state = 'accepted' THEN c.closed_at END,
        state = CASE WHEN o.state = 'pending' THEN 'rescinded'
                     WHEN c.closed_at IS NULL THEN 'wrapping' ELSE 'completed' END
    FROM call c
    WHERE c.id = o.call_id AND o.call_id = :call_id AND o.state IN ('pending', 'accepted')
    RETURNING o.state, o.account_id""")
