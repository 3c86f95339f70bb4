"""What the caller hears next. Pure: a call as it stands, what was just told about it, and out comes one step.

What the event changed is written before this is asked, so a repeated request, which changes nothing, gets the same
answer as the first.

The way of a call: greeting and menu (`_on_arrival`), her choice (`_after_the_menu`, where self-service by keypad will
branch off), the queue (`_while_waiting`), the operator (`_after_the_queue`, `_to_the_operator`), the end of the talk.
`0`, silence, and a second wrong key all lead to a person.
"""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from ivr.flow.prompts import PROMPTS, Prompt
from ivr.flow.spoken import spoken_instant, spoken_time
from ivr.queue.model import LONGEST_SAID_MINUTES
from ivr.queue.models import CallState, Outcome, Topic

MOST_WRONG_KEYS = 1
"""How often a key to no choice is answered with the menu again; after that a person takes over."""

TOPICS = {"1": Topic.DELIVERY, "2": Topic.OTHER_SERVICE, "3": Topic.CHANGE}
PERSON = frozenset({"0", ""})
"""Keys to a person; none at all is one of them: pulse telephones send no tones, relay interpreters are slow."""

NEEDS_THE_LETTER = frozenset({Topic.DELIVERY, Topic.CHANGE})


class Happening(StrEnum):
    """What the provider may tell about a call."""

    ARRIVED = "arrived"
    CHOSE = "chose"
    WAITS = "waits"
    LEFT_QUEUE = "left_queue"
    CONNECTS = "connects"  # the redirect has worked: the caller's leg asks what follows
    DIAL_ENDED = "dial_ended"
    OPERATOR_HEARD = "operator_heard"  # the operator's leg is up and asks what it hears first
    OPERATOR_STATUS = "operator_status"
    CALL_STATUS = "call_status"


class QueueResult(StrEnum):
    """Why a call left the provider's queue, as far as it matters here."""

    LEAVE = "leave"
    REDIRECTED = "redirected"
    REDIRECTED_FROM_BRIDGED = "redirected-from-bridged"
    BRIDGING = "bridging-in-process"
    HANGUP = "hangup"
    QUEUE_FULL = "queue-full"
    ERROR = "error"
    SYSTEM_ERROR = "system-error"


ONLY_TOLD = frozenset({Happening.OPERATOR_STATUS, Happening.CALL_STATUS})
"""What is told and nothing more: nobody hears an answer to it."""

ELSEWHERE = frozenset(
    {QueueResult.REDIRECTED, QueueResult.REDIRECTED_FROM_BRIDGED, QueueResult.BRIDGING, QueueResult.HANGUP}
)
"""She is somewhere else already, or gone: no answer reaches her. After anything else she is kept."""

QUEUE_ERRORS = frozenset({QueueResult.ERROR, QueueResult.SYSTEM_ERROR})
"""The provider could not go on with her in the queue, such as when a document for waiting callers did not come."""

MOST_QUEUE_ERRORS = 10
"""How often a call is put into the queue again after an error; what fails so often will go on failing."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call as it stands once the event is written.

    Attributes:
        topic: what she pressed, if anything.
        wrong_keys: how often she pressed a key to no choice.
        pending_offer: the offer whose operator is rung, now that the caller is out of the queue for it; else None.
        pending_account: that operator.
        may_leave: whether she may leave the queue for the pending offer by her own document.
        talks_with: the offer whose operator she talks with.
        talks_with_account: that operator.
        position: her place in the order, from 1.
        position_due: whether it is time to say it (again).
        first_wait: whether she has just come into the queue.
        expected_minutes: how long she has to expect to wait; None when nobody can say.
        notices: what all callers should hear meanwhile.
        queue_errors: how often she fell out of the provider's queue by an error.
        nobody_left: the line has closed for the day and no operator is at work any more.
        closed_for: why the line is closed now, in the words of whoever closed it.
        opens_at: when it opens again.
        hours: from when to when it takes calls on a working day, in Tokyo.
    """

    state: str
    outcome: str | None
    topic: str | None = None
    wrong_keys: int = 0
    falls: int = 0
    pending_offer: int | None = None
    pending_account: int | None = None
    may_leave: bool = False
    talks_with: int | None = None
    talks_with_account: int | None = None
    position: int = 1
    position_due: bool = False
    first_wait: bool = False
    expected_minutes: int | None = None
    notices: tuple[str, ...] = ()
    queue_errors: int = 0
    nobody_left: bool = False
    closed_for: str | None = None
    opens_at: datetime | None = None
    hours: tuple[time, time] = (time(9), time(17))


@dataclass(frozen=True, slots=True)
class Menu:
    """Say these and wait for a key; without one a person takes over. `again`: the key before led nowhere."""

    words: tuple[str, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Say these, then stand in the queue."""

    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Say these, then some silence; it is asked again when they are over. `position` tells how long the silence is."""

    words: tuple[str, ...] = ()
    position: int = 1


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """Leave the provider's queue: an operator has the call."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Ring the operator of this offer and let the two talk."""

    offer_id: int
    account_id: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """Say these, if anything, and hang up. `lost`: it is the line that fails her, and the call counts so."""

    words: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to say: the call goes on, or is over, without us."""


Step = Menu | Enqueue | Wait | LeaveQueue | Connect | HangUp | Nothing


def next_step(call: CallFacts, event: Happening, *, result: str = "", offer: int | None = None) -> Step:
    """Return what follows on `event`.

    Args:
        call: how it stands.
        event: what happened.
        result: the key pressed for CHOSE, why it left the queue for LEFT_QUEUE.
        offer: which offer the request was made for.
    """
    match event:
        case Happening.ARRIVED:
            return _on_arrival(call)
        case Happening.CHOSE:
            return _after_the_menu(call, result)
        case Happening.WAITS:
            return _while_waiting(call)
        case Happening.LEFT_QUEUE:
            return _after_the_queue(call, result)
        case Happening.CONNECTS:
            return _to_the_operator(call)
        case Happening.DIAL_ENDED:
            return _after_the_talk(call)
        case Happening.OPERATOR_HEARD:
            return Nothing() if call.talks_with is not None and call.talks_with == offer else HangUp()
        case Happening.OPERATOR_STATUS | Happening.CALL_STATUS:
            return Nothing()


def say(prompt: Prompt, **figures: object) -> str:
    """Return the words of a prompt with its figures in them."""
    return PROMPTS[prompt].format(**figures)


def _on_arrival(call: CallFacts) -> Step:
    """Greet; or, when the provider's fallback brings somebody back, let her go on where she was."""
    if over := _is_over(call):
        return over
    if call.state == CallState.IVR:
        return Menu((say(Prompt.GREETING), say(Prompt.MENU)))
    return _to_the_operator(call)


def _after_the_menu(call: CallFacts, key: str) -> Step:
    """Her choice decides what she hears and what the operator sees; every choice leads to a person so far (F-02)."""
    if over := _is_over(call):
        return over
    if call.state != CallState.IVR:
        return _to_the_operator(call)
    if key not in TOPICS and key not in PERSON and call.wrong_keys <= MOST_WRONG_KEYS:
        return Menu((say(Prompt.WRONG_KEY), say(Prompt.MENU)), again=True)
    return Enqueue((say(Prompt.CONNECTING),))


def _while_waiting(call: CallFacts) -> Step:
    if over := _is_over(call):
        return over
    if call.nobody_left:
        return HangUp((say(Prompt.NOBODY_LEFT),), lost=True)
    if call.may_leave:
        return LeaveQueue()
    if call.state != CallState.QUEUED or not call.position_due:
        return Wait(position=call.position)
    return Wait((*_place(call), *(_once(call) if call.first_wait else ())), call.position)


def _place(call: CallFacts) -> tuple[str, ...]:
    """Where she stands, and how long it will take as far as that can be said honestly."""
    if call.position == 1:
        return (say(Prompt.NEXT_IN_LINE),)
    place = say(Prompt.PLEASE_WAIT, position=call.position)
    if call.expected_minutes is None:
        return (place, say(Prompt.STILL_WAITING))
    if call.expected_minutes > LONGEST_SAID_MINUTES:
        return (place, say(Prompt.EXPECT_LONG, minutes=LONGEST_SAID_MINUTES))
    return (place, say(Prompt.EXPECT, minutes=call.expected_minutes))


def _once(call: CallFacts) -> tuple[str, ...]:
    letter = (say(Prompt.HAVE_READY),) if call.topic is None or call.topic in NEEDS_THE_LETTER else ()
    return (*call.notices, *letter)


def _after_the_queue(call: CallFacts, result: str) -> Step:
    if result == QueueResult.QUEUE_FULL or call.queue_errors > MOST_QUEUE_ERRORS:
        return HangUp((say(Prompt.SORRY),), lost=True)
    if result in ELSEWHERE or call.state == CallState.ENDED:
        return Nothing()
    return _to_the_operator(call)


def _to_the_operator(call: CallFacts) -> Step:
    """Ring whoever has the call; without anybody she goes back to her place."""
    if over := _is_over(call):
        return over
    if call.pending_offer is not None and call.pending_account is not None:
        return Connect(call.pending_offer, call.pending_account)
    if call.talks_with is not None and call.talks_with_account is not None:
        return Connect(call.talks_with, call.talks_with_account)  # her talk was cut: the same operator again
    return Enqueue((say(Prompt.STILL_WAITING),))


def _after_the_talk(call: CallFacts) -> Step:
    if call.state in {CallState.QUEUED, CallState.OFFERING}:
        return Enqueue((say(Prompt.BACK_IN_LINE),))
    return HangUp((say(Prompt.THANKS),) if call.outcome == Outcome.ANSWERED else ())


def _is_over(call: CallFacts) -> HangUp | None:
    if call.outcome == Outcome.CLOSED:
        return HangUp(_closed(call))
    return HangUp() if call.state == CallState.ENDED else None


def _closed(call: CallFacts) -> tuple[str, ...]:
    hours = {"opens": spoken_time(call.hours[0]), "closes": spoken_time(call.hours[1])}
    reason = say(Prompt.CLOSED_FOR, words=call.closed_for) if call.closed_for else say(Prompt.CLOSED, **hours)
    again = (say(Prompt.OPENS_AGAIN, opening=spoken_instant(call.opens_at)),) if call.opens_at else ()
    return (reason, *again, say(Prompt.BOOK_ONLINE))
