"""How a call moves on when the provider tells something: conditional updates, each on the state it leaves.

No row changed means that it happened before, or that somebody else was first; it is never an error. The call's row is
locked first, then its offer, then the operator: the order of every writer on the line.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

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
    """What every request about a call says of it. `from_number` is None when it is withheld."""

    call_sid: str
    from_number: str | None
    to_number: str


def lock_call(db: Connection, call_sid: str) -> int | None:
    """Return the id of a call, locked until the transaction ends; None when nobody heard of it before."""
    found: int | None = db.execute(_LOCK, {"call_sid": call_sid}).scalar_one_or_none()
    return found


def receive(db: Connection, arrival: Arrival, *, open_now: bool, now: datetime) -> int:
    """Write a call down, and return its id, locked.

    Whatever comes first makes the row: when the first request was lost, the caller must not be lost with it. That the
    line was closed is decided here, once.
    """
    outcome = None if open_now else Outcome.CLOSED
    db.execute(
        _RECEIVE,
        {
            "call_sid": arrival.call_sid,
            "from_number": arrival.from_number,
            "to_number": arrival.to_number,
            "outcome": outcome,
            "now": now,
        },
    )
    return int(db.execute(_LOCK, {"call_sid": arrival.call_sid}).scalar_one())


def lock_call_of_offer(db: Connection, offer_id: int) -> int | None:
    """Return the call an offer was made for, locked; None when there never was such an offer."""
    found: int | None = db.execute(_LOCK_BY_OFFER, {"offer_id": offer_id}).scalar_one_or_none()
    return found


def chose(db: Connection, call_id: int, topic: Topic | None, *, understood: bool) -> None:
    """Note what a caller pressed in the menu; a key to no choice is counted, so that nobody is asked for ever."""
    db.execute(_CHOSE, {"call_id": call_id, "topic": topic, "wrong": 0 if understood else 1})


def enter_queue(db: Connection, call_id: int, *, now: datetime) -> bool:
    """Let a call be taken from now on; tell whether it could not before. Her place in the order stays her first one."""
    entered = db.execute(_ENTER, {"call_id": call_id, "now": now}).rowcount == 1
    if entered:
        wake_line(db)
    return entered


def position_was_said(db: Connection, call_id: int, *, now: datetime) -> None:
    db.execute(_SAID, {"call_id": call_id, "now": now})


def left_queue(db: Connection, call_id: int, *, now: datetime) -> None:
    """The caller left the provider's queue: her operator is rung now, or she has to come back before she is taken."""
    db.execute(_DIAL, {"call_id": call_id, "now": now, "due": now + RING + AFTER_RING})
    db.execute(_NOT_OFFERABLE, {"call_id": call_id})


def leg_is(db: Connection, call_id: int, offer_id: int, leg_sid: str) -> None:
    """Remember the operator's leg of an offer, by which the line can ask the provider how it stands."""
    db.execute(_LEG, {"call_id": call_id, "offer_id": offer_id, "leg_sid": leg_sid})


def answered(db: Connection, call_id: int, offer_id: int, *, at: datetime) -> bool:
    """An operator talks with the caller since `at`; tell whether that was news.

    Told by her leg's first request, its status, her desk, or at the latest by the end of the talk: the first counts.
    """
    accepted = db.execute(_ACCEPT, {"call_id": call_id, "offer_id": offer_id, "at": at}).one_or_none()
    if accepted is None:
        return False
    db.execute(_CONNECT, {"call_id": call_id, "at": at})
    operator_events.note(db, accepted.account_id, now=at)
    return True


def operator_not_reached(db: Connection, call_id: int, offer_id: int, state: OfferState, *, now: datetime) -> bool:
    """The operator did not answer: the caller goes back to her old place, once she stands in the queue again.

    An operator whose desk was rung is parked, or the same caller would ring in vain there again.
    """
    over = db.execute(
        _OFFER_CAME_TO_NOTHING, {"call_id": call_id, "offer_id": offer_id, "state": state, "now": now}
    ).one_or_none()
    if over is None:
        return False
    db.execute(_BACK_IN_LINE, {"call_id": call_id})
    if over.dialled_at is not None:
        operators.park(db, over.account_id, AwayReason.MISSED, now=now)
    operators.done_with_call(db, over.account_id, now=now, keeps_turn=over.dialled_at is None)
    return True


def lost_by_the_line(db: Connection, call_id: int) -> None:
    """The provider could not keep the call, or nobody is left to take it: however it ends, it is not answered."""
    db.execute(_LOST, {"call_id": call_id})


def end(db: Connection, call_id: int, *, wrap_up: timedelta, now: datetime) -> bool:
    """The call is over; tell whether that was news. The outcome is written once and follows from what came before.

    The operator who talked has `wrap_up` to write it up; after that she is free again.
    """
    if db.execute(_END, {"call_id": call_id, "now": now}).rowcount != 1:
        return False
    over = db.execute(_OFFER_OVER, {"call_id": call_id, "now": now, "due": now + wrap_up}).one_or_none()
    if over and over.state == OfferState.WRAPPING:
        operator_events.note(db, over.account_id, now=now)
    elif over:
        operators.done_with_call(db, over.account_id, now=now, keeps_turn=over.state == OfferState.RESCINDED)
    call_facts.post(db, call_id)
    return True


_LOCK = text("SELECT id FROM call WHERE call_sid = :call_sid FOR NO KEY UPDATE")
_RECEIVE = text("""
    INSERT INTO call (call_sid, from_number, to_number, state, outcome, received_at)
    VALUES (:call_sid, :from_number, :to_number, 'ivr', :outcome, :now)
    ON CONFLICT (call_sid) DO NOTHING""")
_LOCK_BY_OFFER = text("""
    SELECT c.id FROM call c JOIN offer o ON o.call_id = c.id WHERE o.id = :offer_id FOR NO KEY UPDATE OF c""")
_CHOSE = text("""
    UPDATE call SET topic = coalesce(topic, :topic), wrong_keys = wrong_keys + :wrong
    WHERE id = :call_id AND state = 'ivr'""")
_ENTER = text("""
    UPDATE call SET state = 'queued', enqueued_at = coalesce(enqueued_at, :now), offerable_at = :now
    WHERE id = :call_id AND state IN ('received', 'ivr', 'queued') AND offerable_at IS NULL
      AND outcome IS NULL""")
_SAID = text("UPDATE call SET position_said_at = :now WHERE id = :call_id")
_DIAL = text("""
    UPDATE offer SET dialled_at = :now, due_at = :due
    WHERE call_id = :call_id AND state = 'pending' AND dialled_at IS NULL""")
_NOT_OFFERABLE = text("UPDATE call SET offerable_at = NULL WHERE id = :call_id AND state = 'queued'")
_LEG = text("UPDATE offer SET leg_sid = :leg_sid WHERE id = :offer_id AND call_id = :call_id AND leg_sid IS NULL")
_ACCEPT = text("""
    UPDATE offer SET state = 'accepted', accepted_at = :at, due_at = NULL
    WHERE id = :offer_id AND call_id = :call_id AND state = 'pending' AND dialled_at IS NOT NULL
    RETURNING account_id""")
_CONNECT = text("""
    UPDATE call SET state = 'connected', answered_at = coalesce(answered_at, :at)
    WHERE id = :call_id AND state = 'offering'""")
_OFFER_CAME_TO_NOTHING = text("""
    UPDATE offer SET state = :state, over_at = :now, due_at = NULL
    WHERE id = :offer_id AND call_id = :call_id AND state = 'pending' RETURNING account_id, dialled_at""")
_BACK_IN_LINE = text("""
    UPDATE call SET state = 'queued', offerable_at = NULL WHERE id = :call_id AND state = 'offering'""")
_LOST = text("UPDATE call SET outcome = 'failed' WHERE id = :call_id AND outcome IS NULL AND answered_at IS NULL")
_END = text("""
    UPDATE call SET state = 'ended', ended_at = :now, offerable_at = NULL, outcome = coalesce(outcome,
        CASE WHEN answered_at IS NOT NULL THEN 'answered'
             WHEN enqueued_at IS NOT NULL THEN 'abandoned_queue' ELSE 'abandoned_ivr' END)
    WHERE id = :call_id AND state <> 'ended'""")
_OFFER_OVER = text("""
    UPDATE offer o SET over_at = :now,
        due_at = CASE WHEN o.state = 'accepted' AND c.closed_at IS NULL THEN CAST(:due AS timestamptz) END,
        completed_at = CASE WHEN o.state = 'accepted' THEN c.closed_at END,
        state = CASE WHEN o.state = 'pending' THEN 'rescinded'
                     WHEN c.closed_at IS NULL THEN 'wrapping' ELSE 'completed' END
    FROM call c
    WHERE c.id = o.call_id AND o.call_id = :call_id AND o.state IN ('pending', 'accepted')
    RETURNING o.state, o.account_id""")
