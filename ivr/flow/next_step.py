"""What the caller hears next. Pure: a call as it stands, what was just told about it, and out comes one step.

What the event changed is written before this is asked, so a repeated request, which changes nothing, gets the same
answer as the first.
"""

from dataclasses import dataclass
from enum import StrEnum

from ivr.flow.prompts import Prompt
from ivr.queue.models import CallState, Outcome


class Happening(StrEnum):
    """What the provider may tell about a call."""

    ARRIVED = "arrived"
    WAITS = "waits"
    LEFT_QUEUE = "left_queue"
    DIAL_ENDED = "dial_ended"
    OPERATOR_HEARD = "operator_heard"  # the operator's leg is up and asks what it hears first
    OPERATOR_STATUS = "operator_status"
    CALL_STATUS = "call_status"


class QueueResult(StrEnum):
    """Why a call left the provider's queue, as far as it matters here."""

    LEAVE = "leave"
    HANGUP = "hangup"
    QUEUE_FULL = "queue-full"
    ERROR = "error"
    SYSTEM_ERROR = "system-error"


LOST_BY_THE_LINE = frozenset({QueueResult.QUEUE_FULL, QueueResult.ERROR, QueueResult.SYSTEM_ERROR})


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call as it stands once the event is written.

    Attributes:
        pending_offer: the offer whose operator is being connected, None when nobody took the call.
        pending_account: that operator.
        offer_connected: whether the operator's leg that asks belongs to the talk that goes on.
        position: her place in the order, from 1.
        position_due: whether it is time to say it (again).
        first_wait: whether she has just come into the queue.
    """

    state: str
    outcome: str | None
    pending_offer: int | None = None
    pending_account: int | None = None
    offer_connected: bool = False
    position: int = 1
    position_due: bool = False
    first_wait: bool = False


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Say this, then stand in the queue."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Wait:
    """Say these, then a few seconds of silence; it is asked again when they are over."""

    prompts: tuple[Prompt, ...] = ()
    position: int | None = None


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """Leave the provider's queue: an operator has taken the call."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Ring the operator of this offer and let the two talk."""

    offer_id: int
    account_id: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """Say this, if anything, and hang up."""

    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to say: the call goes on, or is over, without us."""


Step = Enqueue | Wait | LeaveQueue | Connect | HangUp | Nothing


def next_step(call: CallFacts, event: Happening, *, result: str = "") -> Step:
    """Return what follows on `event`.

    Args:
        call: how it stands.
        event: what happened.
        result: why it left the queue, for LEFT_QUEUE.
    """
    match event:
        case Happening.ARRIVED:
            return _on_arrival(call)
        case Happening.WAITS:
            return _while_waiting(call)
        case Happening.LEFT_QUEUE:
            return _after_the_queue(call, result)
        case Happening.DIAL_ENDED:
            return _after_the_talk(call)
        case Happening.OPERATOR_HEARD:
            return Nothing() if call.offer_connected else HangUp()
        case Happening.OPERATOR_STATUS | Happening.CALL_STATUS:
            return Nothing()


def _on_arrival(call: CallFacts) -> Step:
    if call.outcome == Outcome.CLOSED:
        return HangUp(Prompt.CLOSED)
    if call.state == CallState.ENDED:
        return HangUp()
    return Enqueue(Prompt.GREETING)


def _while_waiting(call: CallFacts) -> Step:
    if call.outcome == Outcome.CLOSED:
        return HangUp(Prompt.CLOSED)
    if call.state == CallState.ENDED:
        return HangUp()
    if call.pending_offer is not None:
        return LeaveQueue()
    if call.state != CallState.QUEUED or not call.position_due:
        return Wait()
    place = Prompt.NEXT_IN_LINE if call.position == 1 else Prompt.PLEASE_WAIT
    return Wait((place, Prompt.NOTICE) if call.first_wait else (place,), call.position)


def _after_the_queue(call: CallFacts, result: str) -> Step:
    if result in LOST_BY_THE_LINE:
        return HangUp(Prompt.SORRY)
    if result != QueueResult.LEAVE or call.state == CallState.ENDED:
        return Nothing()
    if call.pending_offer is not None and call.pending_account is not None:
        return Connect(call.pending_offer, call.pending_account)
    return Enqueue(Prompt.BACK_IN_LINE)


def _after_the_talk(call: CallFacts) -> Step:
    if call.state == CallState.QUEUED:
        return Enqueue(Prompt.BACK_IN_LINE)
    return HangUp(Prompt.THANKS if call.outcome == Outcome.ANSWERED else None)
