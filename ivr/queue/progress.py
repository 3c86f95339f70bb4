"""How a call moves on when the provider tells something: conditional updates, each on the state it leaves.

No row changed means that it happened before, or that somebody else was first; it is never an error. The call's row is
locked first, then its offer, then the operator: the order of every writer on the line.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from ivr.queue import operators
from ivr.queue.models import OfferState, Outcome


@dataclass(frozen=True, slots=True)
class Arrival:
    """What every request about a call says of it. `from_number` is None when it is withheld."""

    call_sid: str
    from_number: str | None
    to_number: str


def lock_call(db: Connection, arrival: Arrival, *, open_now: bool, now: datetime) -> int:
    """Return the id of the call, locked until the transaction ends; a call nobody heard of before is written down.

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


def enter_queue(db: Connection, call_id: int, *, now: datetime) -> bool:
    """Let a call be taken from now on; tell whether it could not before. Her place in the order stays her first one."""
    return db.execute(_ENTER, {"call_id": call_id, "now": now}).rowcount == 1


def position_was_said(db: Connection, call_id: int, *, now: datetime) -> None:
    db.execute(_SAID, {"call_id": call_id, "now": now})


def left_queue(db: Connection, call_id: int, *, now: datetime) -> None:
    """The caller left the provider's queue: her operator is rung now, or she has to come back before she is taken."""
    db.execute(_DIAL, {"call_id": call_id, "now": now})
    db.execute(_NOT_OFFERABLE, {"call_id": call_id})


def answered(db: Connection, call_id: int, offer_id: int, *, at: datetime) -> bool:
    """An operator talks with the caller since `at`; tell whether that was news.

    Told by her leg's first request, its status, her desk, or at the latest by the end of the talk: the first counts.
    """
    accepted = db.execute(_ACCEPT, {"call_id": call_id, "offer_id": offer_id, "at": at}).rowcount == 1
    if accepted:
        db.execute(_CONNECT, {"call_id": call_id, "at": at})
    return accepted


def operator_not_reached(db: Connection, call_id: int, offer_id: int, state: OfferState, *, now: datetime) -> bool:
    """The operator did not answer: the caller goes back to her old place, once she stands in the queue again."""
    account_id = db.execute(
        _OFFER_CAME_TO_NOTHING, {"call_id": call_id, "offer_id": offer_id, "state": state, "now": now}
    ).scalar_one_or_none()
    if account_id is None:
        return False
    db.execute(_BACK_IN_LINE, {"call_id": call_id})
    operators.done_with_call(db, account_id, now=now)
    return True


def lost_by_the_line(db: Connection, call_id: int) -> None:
    """The provider could not keep the call: it counts as not answered, however it ends."""
    db.execute(_LOST, {"call_id": call_id})


def end(db: Connection, call_id: int, *, now: datetime) -> bool:
    """The call is over; tell whether that was news. The outcome is written once and follows from what came before."""
    if db.execute(_END, {"call_id": call_id, "now": now}).rowcount != 1:
        return False
    over = db.execute(_OFFER_OVER, {"call_id": call_id, "now": now}).one_or_none()
    if over and over.state != OfferState.WRAPPING:
        operators.done_with_call(db, over.account_id, now=now)
    return True


_RECEIVE = text("""
    INSERT INTO call (call_sid, from_number, to_number, state, outcome, received_at)
    VALUES (:call_sid, :from_number, :to_number, 'ivr', :outcome, :now)
    ON CONFLICT (call_sid) DO NOTHING""")
_LOCK = text("SELECT id FROM call WHERE call_sid = :call_sid FOR NO KEY UPDATE")
_LOCK_BY_OFFER = text("""
    SELECT c.id FROM call c JOIN offer o ON o.call_id = c.id WHERE o.id = :offer_id FOR NO KEY UPDATE OF c""")
_ENTER = text("""
    UPDATE call SET state = 'queued', enqueued_at = coalesce(enqueued_at, :now), offerable_at = :now
    WHERE id = :call_id AND state IN ('received', 'ivr', 'queued') AND offerable_at IS NULL
      AND outcome IS NULL""")
_SAID = text("UPDATE call SET position_said_at = :now WHERE id = :call_id")
_DIAL = text("""
    UPDATE offer SET dialled_at = :now WHERE call_id = :call_id AND state = 'pending' AND dialled_at IS NULL""")
_NOT_OFFERABLE = text("UPDATE call SET offerable_at = NULL WHERE id = :call_id AND state = 'queued'")
_ACCEPT = text("""
    UPDATE offer SET state = 'accepted', accepted_at = :at
    WHERE id = :offer_id AND call_id = :call_id AND state = 'pending' AND dialled_at IS NOT NULL""")
_CONNECT = text("""
    UPDATE call SET state = 'connected', answered_at = coalesce(answered_at, :at)
    WHERE id = :call_id AND state = 'offering'""")
_OFFER_CAME_TO_NOTHING = text("""
    UPDATE offer SET state = :state, over_at = :now
    WHERE id = :offer_id AND call_id = :call_id AND state = 'pending' RETURNING account_id""")
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
        completed_at = CASE WHEN o.state = 'accepted' THEN c.closed_at END,
        state = CASE WHEN o.state = 'pending' THEN 'rescinded'
                     WHEN c.closed_at IS NULL THEN 'wrapping' ELSE 'completed' END
    FROM call c
    WHERE c.id = o.call_id AND o.call_id = :call_id AND o.state IN ('pending', 'accepted')
    RETURNING o.state, o.account_id""")
