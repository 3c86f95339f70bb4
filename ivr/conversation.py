"""One thing happens on a call: it is written down, the call moves on, and what the caller hears next is decided.

Everything in one transaction, and everything twice is once: an event that was told before changes nothing, and gets the
answer that fits the call as it stands.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.flow.next_step import LOST_BY_THE_LINE, CallFacts, HangUp, Happening, QueueResult, Step, Wait, next_step
from ivr.hours import LineHours
from ivr.queue import progress
from ivr.queue.models import CallState, OfferState
from ivr.queue.progress import Arrival

POSITION_EVERY = timedelta(seconds=30)
"""How often a caller is told her place in the order, at most."""

TALKED = frozenset({"completed", "answered"})
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
ANSWERED_STATUS = "in-progress"
CAME_TO_NOTHING = {"busy": OfferState.DECLINED, "no-answer": OfferState.TIMED_OUT}


@dataclass(frozen=True, slots=True)
class LineEvent:
    """Something the provider told.

    Attributes:
        happening: what.
        arrival: which call, from whom to whom; None for what is told about the operator's leg, which the offer names.
        leg: the leg it happened to: the caller's own, or the operator's.
        token: what a repeated request repeats.
        result: queue result, dial status or call status, in the provider's words.
        caller_gone: whether the caller has hung up.
        offer_id: the offer the request was made for, None where it is about the caller alone.
        talk_seconds: how long the two talked, as far as it is told.
    """

    happening: Happening
    arrival: Arrival | None
    leg: str
    token: str
    result: str = ""
    caller_gone: bool = False
    offer_id: int | None = None
    talk_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided, and how the call stands now, for the log."""

    call_id: int | None
    state: str
    step: Step = field(repr=False)


def hear(db: Connection, event: LineEvent, *, hours: LineHours, now: datetime) -> Answer:
    """Take in an event and return what the caller, or the operator, hears next."""
    call_id = _lock_call(db, event, hours=hours, now=now)
    if call_id is None:
        return Answer(None, "unknown", HangUp())  # a leg for an offer nobody ever made
    if event.happening is Happening.WAITS:
        if progress.enter_queue(db, call_id, now=now):
            _record(db, call_id, event, now=now)
    elif _record(db, call_id, event, now=now):
        _carry_on(db, call_id, event, now=now)
    facts = _read_facts(db, call_id, event.offer_id, now=now)
    step = next_step(facts, event.happening, result=event.result)
    if isinstance(step, Wait) and step.position:
        progress.position_was_said(db, call_id, now=now)
    return Answer(call_id, facts.state, step)


def _lock_call(db: Connection, event: LineEvent, *, hours: LineHours, now: datetime) -> int | None:
    if event.arrival is not None:
        return progress.lock_call(db, event.arrival, open_now=hours.open_at(now), now=now)
    return progress.lock_call_of_offer(db, event.offer_id) if event.offer_id else None


def _record(db: Connection, call_id: int, event: LineEvent, *, now: datetime) -> bool:
    """Write the event into the log; False: it stands there already."""
    detail = {"result": event.result, "offer": event.offer_id, "talk_seconds": event.talk_seconds}
    values = {
        "call_id": call_id,
        "leg": event.leg,
        "event": event.happening,
        "token": event.token,
        "now": now,
        "detail": {name: value for name, value in detail.items() if value},
    }
    return db.execute(_EVENT, values).rowcount == 1


def _carry_on(db: Connection, call_id: int, event: LineEvent, *, now: datetime) -> None:
    match event.happening:
        case Happening.LEFT_QUEUE if event.result == QueueResult.LEAVE:
            progress.left_queue(db, call_id, now=now)
        case Happening.LEFT_QUEUE if event.result == QueueResult.HANGUP:
            progress.end(db, call_id, now=now)
        case Happening.LEFT_QUEUE if event.result in LOST_BY_THE_LINE:
            progress.lost_by_the_line(db, call_id)
        case Happening.DIAL_ENDED if event.offer_id is not None:
            _after_the_talk(db, call_id, event.offer_id, event, now=now)
        case Happening.OPERATOR_HEARD if event.offer_id is not None:
            progress.answered(db, call_id, event.offer_id, at=now)
        case Happening.OPERATOR_STATUS if event.result == ANSWERED_STATUS and event.offer_id is not None:
            progress.answered(db, call_id, event.offer_id, at=now)
        case Happening.CALL_STATUS if event.result in OVER:
            progress.end(db, call_id, now=now)


def _after_the_talk(db: Connection, call_id: int, offer_id: int, event: LineEvent, *, now: datetime) -> None:
    """The operator's leg is over: after a talk the call is, too; otherwise the caller goes back to her place."""
    if event.result in TALKED:
        progress.answered(db, call_id, offer_id, at=now - timedelta(seconds=event.talk_seconds))
    elif not event.caller_gone:
        state = CAME_TO_NOTHING.get(event.result, OfferState.FAILED)
        if progress.operator_not_reached(db, call_id, offer_id, state, now=now):
            return
    if event.caller_gone or _is_with(db, call_id, offer_id):
        progress.end(db, call_id, now=now)


def _is_with(db: Connection, call_id: int, offer_id: int) -> bool:
    return db.execute(_ACCEPTED, {"call_id": call_id, "offer_id": offer_id}).one_or_none() is not None


def _read_facts(db: Connection, call_id: int, offer_id: int | None, *, now: datetime) -> CallFacts:
    row = db.execute(_FACTS, {"call_id": call_id, "asked_for": offer_id}).one()
    said_at = row.position_said_at
    return CallFacts(
        state=row.state,
        outcome=row.outcome,
        pending_offer=row.pending_offer,
        pending_account=row.pending_account,
        offer_connected=row.state == CallState.CONNECTED and bool(row.asked_is_accepted),
        position=row.ahead + 1,
        position_due=said_at is None or now - said_at >= POSITION_EVERY,
        first_wait=said_at is None,
    )


_EVENT = text("""
    INSERT INTO call_event (call_sid, leg, event, token, at, detail)
    SELECT call_sid, :leg, :event, :token, CAST(:now AS timestamptz), :detail FROM call WHERE id = :call_id
    ON CONFLICT (call_sid, leg, event, token) DO NOTHING""").bindparams(bindparam("detail", type_=JSONB))
_ACCEPTED = text("SELECT id FROM offer WHERE id = :offer_id AND call_id = :call_id AND state = 'accepted'")
_FACTS = text("""
    SELECT c.state, c.outcome, c.position_said_at, o.id AS pending_offer, o.account_id AS pending_account,
           EXISTS (SELECT FROM offer a WHERE a.id = CAST(:asked_for AS bigint) AND a.call_id = c.id
                                         AND a.state = 'accepted') AS asked_is_accepted,
           (SELECT count(*) FROM call w WHERE w.state = 'queued' AND w.id <> c.id
                                          AND (w.enqueued_at, w.id) < (c.enqueued_at, c.id)) AS ahead
    FROM call c LEFT JOIN offer o ON o.call_id = c.id AND o.state = 'pending'
    WHERE c.id = :call_id""")
