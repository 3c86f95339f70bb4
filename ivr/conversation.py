"""One thing happens on a call: it is written down, the call moves on, and what the caller hears next is decided.

Everything in one transaction, and everything twice is once: an event that was told before changes nothing, and gets the
answer that fits the call as it stands.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from booking_core import settings
from booking_core.clock import Clock
from booking_core.statement import Statement
from ivr import notices
from ivr.flow.next_step import (
    ELSEWHERE,
    ONLY_TOLD,
    PERSON,
    QUEUE_ERRORS,
    TOPICS,
    CallFacts,
    HangUp,
    Happening,
    Nothing,
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
CAME_TO_NOTHING = {
    "busy": OfferState.DECLINED,
    "no-answer": OfferState.TIMED_OUT,
    "canceled": OfferState.RESCINDED,
}


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
        left = self.happening is Happening.LEFT_QUEUE and self.result == QueueResult.HANGUP
        return left or (self.arrival is not None and self.call_status in OVER)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided, and how the call stands now, for the log."""

    call_id: int | None
    state: str
    step: Step = field(repr=False)


def still_waits(db: Connection, event: LineEvent, *, now: datetime) -> Answer | None:
    """Answer the request of a caller for whom nothing has changed, in one look; None where there is more to it.

    Most requests of a day are such. Nothing is written, so the look needs no transaction.
    """
    if event.happening is not Happening.WAITS or event.arrival is None or event.caller_gone:
        return None
    row = _STILL_WAITS.one_or_none(db, {"call_sid": event.arrival.call_sid, "said_after": now - POSITION_EVERY})
    return Answer(row.call_id, CallState.QUEUED, Wait(position=row.ahead + 1)) if row else None


def hear_in_turn(db: Connection, event: LineEvent, clock: Clock) -> Answer:
    """Take in an event when its call's turn has come: only then the time is read, so that times keep the order."""
    if event.arrival is not None and progress.lock_call(db, event.arrival.call_sid) is None:
        now = clock.now()
        if _receive(db, event.arrival, now=now):
            return hear(db, event, now=now)
        progress.lock_call(db, event.arrival.call_sid)  # somebody else has just written down her first word
    elif event.arrival is None and event.offer_id is not None:
        progress.lock_call_of_offer(db, event.offer_id)
    return hear(db, event, now=clock.now())


def hear(db: Connection, event: LineEvent, *, now: datetime) -> Answer:
    """Take in an event and return what the caller, or the operator, hears next."""
    may_leave = False
    if event.happening is Happening.WAITS and not event.caller_gone:
        call_id, may_leave = _waits(db, event, now=now)
    else:
        heard = _take_down(db, event, now=now)
        if heard is None:
            return Answer(None, "unknown", HangUp())  # a leg for an offer nobody ever made
        call_id = heard.call_id
        # What leaving the queue changes follows from the state: told in the same words, it may be another leaving.
        if heard.is_news or event.happening is Happening.LEFT_QUEUE:
            _carry_on(db, call_id, event, now=now)
        if event.happening in ONLY_TOLD:
            return Answer(call_id, "told", Nothing())
    facts = _read_facts(db, call_id, event, may_leave=may_leave, now=now)
    step = next_step(facts, event.happening, result=event.result, offer=event.offer_id)
    if isinstance(step, Wait) and step.words:
        progress.position_was_said(db, call_id, now=now)
    if facts.nobody_left and isinstance(step, HangUp):
        _take_down(db, event, now=now)
    if isinstance(step, HangUp) and step.lost:
        progress.lost_by_the_line(db, call_id)
    return Answer(call_id, facts.state, step)


def _waits(db: Connection, event: LineEvent, *, now: datetime) -> tuple[int, bool]:
    """Let a caller who stands in the queue be taken; return her call, and whether her document may let her leave."""
    arrival = _arrival(event)
    call = progress.lock_call(db, arrival.call_sid)
    if call is None:
        _receive(db, arrival, now=now)
        call = progress.lock_call(db, arrival.call_sid)
        assert call is not None  # noqa: S101 - its row was made a moment ago, and none is ever deleted
    if call.state == CallState.OFFERING:
        return call.id, redirects.let_leave(db, call.id, now=now)
    if not call.is_offerable and progress.enter_queue(db, call.id, now=now):
        _take_down(db, event, now=now)
    return call.id, False


def _take_down(db: Connection, event: LineEvent, *, now: datetime) -> Any | None:  # noqa: ANN401 - a row: call_id, is_news
    """Lock the call and write the event into its log; `is_news` is False when it stands there already.

    Whatever comes first makes the call's row; None for an operator's leg that belongs to no offer.
    """
    detail = {
        "result": event.result,
        "offer": event.offer_id,
        "talk_seconds": event.talk_seconds,
        "call_status": event.call_status,
        "bridged": {True: "yes", False: "no", None: ""}[event.bridged],
    }
    values = {
        "leg": event.leg,
        "event": event.happening,
        "token": event.token,
        "now": now,
        "detail": json.dumps({name: value for name, value in detail.items() if value}),
    }
    if event.arrival is None:
        return _TAKE_DOWN_BY_OFFER.one_or_none(db, values | {"offer_id": event.offer_id})
    values["call_sid"] = event.arrival.call_sid
    heard = _TAKE_DOWN.one_or_none(db, values)
    if heard is None:
        _receive(db, event.arrival, now=now)
        heard = _TAKE_DOWN.one(db, values)
    return heard


def _receive(db: Connection, arrival: Arrival, *, now: datetime) -> bool:
    return progress.receive(db, arrival, open_now=read_hours(db, now=now).open_at(now), now=now)


def _arrival(event: LineEvent) -> Arrival:
    if event.arrival is None:
        raise ValueError(f"{event.happening} is told of a caller")
    return event.arrival


def _carry_on(db: Connection, call_id: int, event: LineEvent, *, now: datetime) -> None:
    match event.happening:
        case Happening.ARRIVED if event.call_status == IN_PROGRESS:
            _brought_back(db, call_id, now=now)
        case Happening.CHOSE:
            understood = event.result in TOPICS or event.result in PERSON
            progress.chose(db, call_id, TOPICS.get(event.result), understood=understood)
        case Happening.LEFT_QUEUE if event.result not in ELSEWHERE:
            if redirects.let_leave(db, call_id, now=now):
                progress.ring_operator(db, call_id, None, now=now)
            progress.left_queue(db, call_id)
        case Happening.CONNECTS:
            # Only for its own offer: to a later one another request of ours may be on its way, and would cut the talk.
            progress.ring_operator(db, call_id, event.offer_id, now=now)
            progress.left_queue(db, call_id)
        case Happening.OPERATOR_HEARD | Happening.OPERATOR_STATUS if event.offer_id is not None:
            _about_the_operator(db, call_id, event.offer_id, event, now=now)
        case Happening.DIAL_ENDED if event.offer_id is not None:
            _after_the_talk(db, call_id, event.offer_id, event, now=now)
    if event.caller_gone:
        _end(db, call_id, now=now)


def _about_the_operator(db: Connection, call_id: int, offer_id: int, event: LineEvent, *, now: datetime) -> None:
    progress.leg_is(db, call_id, offer_id, event.leg)
    if event.happening is Happening.OPERATOR_HEARD or event.result == IN_PROGRESS:
        progress.answered(db, call_id, offer_id, at=now)


def _brought_back(db: Connection, call_id: int, *, now: datetime) -> None:
    """The provider's fallback sends a caller back to the start: whoever was being rung for her is not any more.

    An operator who was not rung yet is rung now, unless a request of ours to the same end may still reach the caller.
    """
    ringing = db.execute(_RINGING, {"call_id": call_id}).scalar_one_or_none()
    if ringing is not None:
        progress.operator_not_reached(db, call_id, ringing, OfferState.FAILED, now=now)
    elif redirects.let_leave(db, call_id, now=now):
        progress.ring_operator(db, call_id, None, now=now)
    progress.left_queue(db, call_id)


def _after_the_talk(db: Connection, call_id: int, offer_id: int, event: LineEvent, *, now: datetime) -> None:
    """The operator's leg is over: after a talk the call is, too; otherwise the caller goes back to her place."""
    if event.result in TALKED and _talked(event):
        began = now - timedelta(seconds=event.talk_seconds)
        if not progress.answered(db, call_id, offer_id, at=began):
            progress.talked_unheard(db, call_id, offer_id, at=began, now=now)
    elif event.bridged is False or not event.caller_gone:
        never_joined = event.bridged is False and not event.caller_gone
        progress.never_talked(db, call_id, offer_id, although_heard=never_joined)
        state = CAME_TO_NOTHING.get(event.result, OfferState.FAILED)
        if not event.caller_gone and progress.operator_not_reached(db, call_id, offer_id, state, now=now):
            return
    if _was_with(db, call_id, offer_id):
        _end(db, call_id, now=now)


def _talked(event: LineEvent) -> bool:
    """Tell whether the two spoke: a caller who hangs up while it rings may be reported with any dial status.

    The provider's own word decides; the seconds begin when the operator's telephone is up, before the two are joined.
    """
    return event.bridged if event.bridged is not None else event.talk_seconds > 0 or not event.caller_gone


def _end(db: Connection, call_id: int, *, now: datetime) -> None:
    wrap_up = timedelta(seconds=settings.read_all(db).wrap_up_seconds)
    progress.end(db, call_id, wrap_up=wrap_up, now=now)


def _was_with(db: Connection, call_id: int, offer_id: int) -> bool:
    return _WAS_WITH.one_or_none(db, {"offer_id": offer_id, "call_id": call_id}) is not None


def _read_facts(db: Connection, call_id: int, event: LineEvent, *, may_leave: bool, now: datetime) -> CallFacts:
    row = _FACTS.one(db, {"call_id": call_id})
    facts = {
        "state": row.state,
        "outcome": row.outcome,
        "topic": row.topic,
        "wrong_keys": row.wrong_keys,
        "may_leave": may_leave,
        "pending_offer": row.offer_id if row.is_rung else None,
        "pending_account": row.account_id if row.is_rung else None,
        "talks_with": row.offer_id if row.offer_state == OfferState.ACCEPTED else None,
        "talks_with_account": row.account_id if row.offer_state == OfferState.ACCEPTED else None,
    }
    if row.outcome == Outcome.CLOSED:
        facts |= _why_closed(db, now=now)
    elif event.happening is Happening.WAITS and row.state == CallState.QUEUED:
        facts |= _how_she_waits(db, call_id, row.position_said_at, now=now)
    elif event.happening is Happening.LEFT_QUEUE and event.result in QUEUE_ERRORS:
        facts["queue_errors"] = _QUEUE_ERRORS.one(db, {"call_id": call_id, "results": list(QUEUE_ERRORS)}).number
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


_NOTED = """
    noted AS (INSERT INTO call_event (call_sid, leg, event, token, at, detail)
              SELECT call_sid, :leg, :event, :token, :now, CAST(:detail AS jsonb) FROM locked
              ON CONFLICT (call_sid, leg, event, token) DO NOTHING RETURNING id)
    SELECT id AS call_id, EXISTS (SELECT FROM noted) AS is_news FROM locked"""
_TAKE_DOWN = Statement(f"""
    WITH locked AS (SELECT id, call_sid FROM call WHERE call_sid = :call_sid FOR NO KEY UPDATE),
    {_NOTED}""")  # noqa: S608 - a constant of this file
_TAKE_DOWN_BY_OFFER = Statement(f"""
    WITH locked AS (SELECT c.id, c.call_sid FROM call c JOIN offer o ON o.call_id = c.id
                    WHERE o.id = :offer_id FOR NO KEY UPDATE OF c),
    {_NOTED}""")  # noqa: S608 - likewise
_WAS_WITH = Statement("""
    SELECT o.id AS offer_id FROM offer o JOIN call c ON c.id = o.call_id
    WHERE o.id = :offer_id AND o.call_id = :call_id AND c.state = 'connected'
      AND o.state IN ('accepted', 'completed')""")
_QUEUE_ERRORS = Statement("""
    SELECT count(*) AS number FROM call_event e JOIN call c ON c.call_sid = e.call_sid
    WHERE c.id = :call_id AND e.event = 'left_queue' AND e.detail ->> 'result' = ANY(:results)""")
_RINGING = text("""
    SELECT id FROM offer WHERE call_id = :call_id AND state = 'pending' AND dialled_at IS NOT NULL""")
_AHEAD = """
    (SELECT count(*) FROM call w WHERE w.state = 'queued' AND w.id <> c.id
                                   AND (w.enqueued_at, w.id) < (c.enqueued_at, c.id)) AS ahead"""
_STILL_WAITS = Statement(f"""
    SELECT c.id AS call_id, {_AHEAD} FROM call c
    WHERE c.call_sid = :call_sid AND c.state = 'queued' AND c.offerable_at IS NOT NULL AND c.outcome IS NULL
      AND c.position_said_at > :said_after
      AND EXISTS (SELECT FROM operator_state s WHERE s.status <> 'offline')""")  # noqa: S608 - a constant of this file
_FACTS = Statement("""
    SELECT c.state, c.outcome, c.topic, c.wrong_keys, c.position_said_at,
           o.id AS offer_id, o.account_id, o.state AS offer_state,
           o.state = 'pending' AND o.dialled_at IS NOT NULL AS is_rung
    FROM call c LEFT JOIN offer o ON o.call_id = c.id AND o.state IN ('pending', 'accepted')
    WHERE c.id = :call_id""")
_QUEUE = Statement(f"""
    SELECT {_AHEAD},
           (SELECT count(*) FROM operator_state s WHERE s.status = 'available') AS able,
           (SELECT count(*) FROM operator_state s WHERE s.status <> 'offline') AS at_work
    FROM call c WHERE c.id = :call_id""")  # noqa: S608 - likewise
