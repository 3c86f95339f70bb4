"""One thing happens on a call: it is written down, the call moves on, and what the caller hears next is decided.

Everything in one transaction, and everything twice is once: an event that was told before changes nothing, and gets the
answer that fits the call as it stands.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from booking_core import settings
from booking_core.statement import Statement
from ivr import notices
from ivr.flow.next_step import (
    FELL_OUT,
    LOST_BY_THE_LINE,
    MOST_FALLS,
    PERSON,
    TOPICS,
    CallFacts,
    Connect,
    HangUp,
    Happening,
    QueueResult,
    Step,
    Wait,
    next_step,
)
from ivr.hours import read_hours
from ivr.queue import handling, progress, redirects
from ivr.queue.model import expected_wait_minutes
from ivr.queue.models import CallState, OfferState, Outcome
from ivr.queue.progress import Arrival

POSITION_EVERY = timedelta(seconds=30)
"""How often a caller is told her place in the order, at most."""

TALKED = frozenset({"completed", "answered"})
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
IN_PROGRESS = "in-progress"
CAME_TO_NOTHING = {"busy": OfferState.DECLINED, "no-answer": OfferState.TIMED_OUT}


@dataclass(frozen=True, slots=True)
class LineEvent:
    """Something the provider told.

    Attributes:
        happening: what.
        arrival: which call, from whom to whom; None for what is told about the operator's leg, which the offer names.
        leg: the leg it happened to: the caller's own, or the operator's.
        token: what a repeated request repeats.
        result: key pressed, queue result, dial status or call status, in the provider's words.
        call_status: of the leg it happened to, as the request says it.
        offer_id: the offer the request was made for, None where it is about the caller alone.
        talk_seconds: how long the two talked, as far as it is told.
        bridged: whether the two were ever connected; None where it is not told.
    """

    happening: Happening
    arrival: Arrival | None
    leg: str
    token: str
    result: str = ""
    call_status: str = ""
    offer_id: int | None = None
    talk_seconds: int = 0
    bridged: bool | None = None

    @property
    def caller_gone(self) -> bool:
        """Whether the caller has hung up: only requests about her own leg can tell."""
        return self.arrival is not None and self.call_status in OVER


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided, and how the call stands now, for the log."""

    call_id: int | None
    state: str
    step: Step = field(repr=False)


def hear(db: Connection, event: LineEvent, *, now: datetime) -> Answer:
    """Take in an event and return what the caller, or the operator, hears next."""
    if event.happening is Happening.WAITS and (quick := _still_waits(db, event, now=now)):
        return quick
    call_id = _lock_call(db, event, now=now)
    if call_id is None:
        return Answer(None, "unknown", HangUp())  # a leg for an offer nobody ever made
    may_leave = False
    if event.happening is Happening.WAITS:
        if progress.enter_queue(db, call_id, now=now):
            _record(db, call_id, event, now=now)
        may_leave = redirects.let_leave(db, call_id, now=now)
    elif _record(db, call_id, event, now=now):
        _carry_on(db, call_id, event, now=now)
    facts = _read_facts(db, call_id, event.happening, may_leave=may_leave, now=now)
    if event.result in FELL_OUT:
        facts = replace(facts, falls=_falls(db, call_id))
    step = next_step(facts, event.happening, result=event.result, offer=event.offer_id)
    if isinstance(step, Connect):
        progress.left_queue(db, call_id, now=now)  # also for a repeated request: whoever is told to ring is being rung
    if isinstance(step, Wait) and step.words:
        progress.position_was_said(db, call_id, now=now)
    if facts.nobody_left and isinstance(step, HangUp):
        _record(db, call_id, event, now=now)
        progress.lost_by_the_line(db, call_id)
    return Answer(call_id, facts.state, step)


def _still_waits(db: Connection, event: LineEvent, *, now: datetime) -> Answer | None:
    """Answer the request of a caller for whom nothing has changed, in one look; None where there is more to it."""
    sid = event.arrival.call_sid if event.arrival else ""
    row = _STILL_WAITS.one_or_none(db, {"call_sid": sid, "said_after": now - POSITION_EVERY})
    return Answer(row.id, CallState.QUEUED, Wait(position=row.ahead + 1)) if row else None


def _lock_call(db: Connection, event: LineEvent, *, now: datetime) -> int | None:
    if event.arrival is None:
        return progress.lock_call_of_offer(db, event.offer_id) if event.offer_id else None
    known = progress.lock_call(db, event.arrival.call_sid)
    if known is not None:
        return known
    return progress.receive(db, event.arrival, open_now=read_hours(db, now=now).open_at(now), now=now)


def _record(db: Connection, call_id: int, event: LineEvent, *, now: datetime) -> bool:
    """Write the event into the log; False: it stands there already."""
    detail = {
        "result": event.result,
        "offer": event.offer_id,
        "talk_seconds": event.talk_seconds,
        "call_status": event.call_status,
        "bridged": {True: "yes", False: "no", None: ""}[event.bridged],
    }
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
        case Happening.ARRIVED if event.call_status == IN_PROGRESS:
            _brought_back(db, call_id, now=now)
        case Happening.CHOSE:
            understood = event.result in TOPICS or event.result in PERSON
            progress.chose(db, call_id, TOPICS.get(event.result), understood=understood)
        case Happening.LEFT_QUEUE if event.result in FELL_OUT and _falls(db, call_id) > MOST_FALLS:
            progress.lost_by_the_line(db, call_id)
        case Happening.LEFT_QUEUE if event.result in {QueueResult.LEAVE, *FELL_OUT}:
            progress.left_queue(db, call_id, now=now)
        case Happening.LEFT_QUEUE if event.result == QueueResult.HANGUP:
            _end(db, call_id, now=now)
        case Happening.LEFT_QUEUE if event.result in LOST_BY_THE_LINE:
            progress.lost_by_the_line(db, call_id)
        case Happening.CONNECTS:
            progress.left_queue(db, call_id, now=now)
        case Happening.CALL_STATUS if event.result in OVER:
            _end(db, call_id, now=now)
        case _ if event.offer_id is not None:
            _about_the_offer(db, call_id, event.offer_id, event, now=now)


def _falls(db: Connection, call_id: int) -> int:
    return int(db.execute(_FALLS, {"call_id": call_id, "results": sorted(FELL_OUT)}).scalar_one())


def _about_the_offer(db: Connection, call_id: int, offer_id: int, event: LineEvent, *, now: datetime) -> None:
    if event.arrival is None:
        progress.leg_is(db, call_id, offer_id, event.leg)
    match event.happening:
        case Happening.DIAL_ENDED:
            _after_the_talk(db, call_id, offer_id, event, now=now)
        case Happening.OPERATOR_HEARD:
            progress.answered(db, call_id, offer_id, at=now)
        case Happening.OPERATOR_STATUS if event.result == IN_PROGRESS:
            progress.answered(db, call_id, offer_id, at=now)


def _brought_back(db: Connection, call_id: int, *, now: datetime) -> None:
    """The provider's fallback sends a caller back to the start: whoever was being rung for her is not any more."""
    ringing = db.execute(_RINGING, {"call_id": call_id}).scalar_one_or_none()
    if ringing is not None:
        progress.operator_not_reached(db, call_id, ringing, OfferState.FAILED, now=now)
    progress.left_queue(db, call_id, now=now)


def _after_the_talk(db: Connection, call_id: int, offer_id: int, event: LineEvent, *, now: datetime) -> None:
    """The operator's leg is over: after a talk the call is, too; otherwise the caller goes back to her place."""
    if event.result in TALKED and _talked(event):
        progress.answered(db, call_id, offer_id, at=now - timedelta(seconds=event.talk_seconds))
    elif not event.caller_gone:
        state = CAME_TO_NOTHING.get(event.result, OfferState.FAILED)
        if progress.operator_not_reached(db, call_id, offer_id, state, now=now):
            return
    if event.caller_gone or _is_with(db, call_id, offer_id):
        _end(db, call_id, now=now)


def _talked(event: LineEvent) -> bool:
    """Tell whether the two spoke: a caller who hangs up while it rings may be reported with any dial status."""
    return event.bridged is True or event.talk_seconds > 0 or (event.bridged is None and not event.caller_gone)


def _end(db: Connection, call_id: int, *, now: datetime) -> None:
    wrap_up = timedelta(seconds=settings.read_all(db).wrap_up_seconds)
    progress.end(db, call_id, wrap_up=wrap_up, now=now)


def _is_with(db: Connection, call_id: int, offer_id: int) -> bool:
    return db.execute(_ACCEPTED, {"offer_id": offer_id, "call_id": call_id}).one_or_none() is not None


def _read_facts(db: Connection, call_id: int, happening: Happening, *, may_leave: bool, now: datetime) -> CallFacts:
    row = _FACTS.one(db, {"call_id": call_id})
    facts = {
        "state": row.state,
        "outcome": row.outcome,
        "topic": row.topic,
        "wrong_keys": row.wrong_keys,
        "may_leave": may_leave,
        "pending_offer": row.offer_id if row.offer_state == OfferState.PENDING else None,
        "pending_account": row.account_id if row.offer_state == OfferState.PENDING else None,
        "talks_with": row.offer_id if row.offer_state == OfferState.ACCEPTED else None,
        "talks_with_account": row.account_id if row.offer_state == OfferState.ACCEPTED else None,
    }
    if row.outcome == Outcome.CLOSED:
        facts |= _why_closed(db, now=now)
    elif happening is Happening.WAITS and row.state == CallState.QUEUED:
        facts |= _how_she_waits(db, call_id, row.position_said_at, now=now)
    return CallFacts(**facts)


def _why_closed(db: Connection, *, now: datetime) -> dict[str, Any]:
    hours = read_hours(db, now=now)
    closure = hours.closure_at(now)
    return {
        "closed_for": closure.words if closure else None,
        "opens_at": hours.next_opening(now),
        "hours": (hours.opens, hours.closes),
    }


def _how_she_waits(db: Connection, call_id: int, said_at: datetime | None, *, now: datetime) -> dict[str, Any]:
    queue = _QUEUE.one(db, {"call_id": call_id})
    position = queue.ahead + 1
    due = said_at is None or now - said_at >= POSITION_EVERY
    known: dict[str, Any] = {"position": position, "position_due": due, "first_wait": said_at is None}
    if queue.at_work == 0:
        known["nobody_left"] = not read_hours(db, now=now).open_at(now)
    if due and position > 1:
        recent = handling.recent_handling(db, now=now)
        known["expected_minutes"] = expected_wait_minutes(
            position, able=queue.able, handling_seconds=recent.mean_seconds, samples=recent.calls
        )
    if said_at is None:
        known["notices"] = tuple(notices.words_in_force(db, now=now))
    return known


_EVENT = text("""
    INSERT INTO call_event (call_sid, leg, event, token, at, detail)
    SELECT call_sid, :leg, :event, :token, CAST(:now AS timestamptz), :detail FROM call WHERE id = :call_id
    ON CONFLICT (call_sid, leg, event, token) DO NOTHING""").bindparams(bindparam("detail", type_=JSONB))
_FALLS = text("""
    SELECT count(*) FROM call_event e JOIN call c ON c.call_sid = e.call_sid
    WHERE c.id = :call_id AND e.event = 'left_queue' AND e.detail ->> 'result' = ANY(:results)""")
_ACCEPTED = text("SELECT id FROM offer WHERE id = :offer_id AND call_id = :call_id AND state = 'accepted'")
_RINGING = text("""
    SELECT id FROM offer WHERE call_id = :call_id AND state = 'pending' AND dialled_at IS NOT NULL""")
_AHEAD = """
    (SELECT count(*) FROM call w WHERE w.state = 'queued' AND w.id <> c.id
                                   AND (w.enqueued_at, w.id) < (c.enqueued_at, c.id)) AS ahead"""
_STILL_WAITS = Statement(f"""
    SELECT c.id, {_AHEAD} FROM call c
    WHERE c.call_sid = :call_sid AND c.state = 'queued' AND c.offerable_at IS NOT NULL AND c.outcome IS NULL
      AND c.position_said_at > :said_after
      AND EXISTS (SELECT FROM operator_state s WHERE s.status <> 'offline')""")  # noqa: S608 - a constant of this file
_FACTS = Statement("""
    SELECT c.state, c.outcome, c.topic, c.wrong_keys, c.position_said_at,
           o.id AS offer_id, o.account_id, o.state AS offer_state
    FROM call c LEFT JOIN offer o ON o.call_id = c.id AND o.state IN ('pending', 'accepted')
    WHERE c.id = :call_id""")
_QUEUE = Statement(f"""
    SELECT {_AHEAD},
           (SELECT count(*) FROM operator_state s WHERE s.status = 'available') AS able,
           (SELECT count(*) FROM operator_state s WHERE s.status <> 'offline') AS at_work
    FROM call c WHERE c.id = :call_id""")  # noqa: S608 - likewise
