import pytest

from ivr.flow.next_step import (
    CallFacts,
    Connect,
    Enqueue,
    HangUp,
    Happening,
    LeaveQueue,
    Nothing,
    Step,
    Wait,
    next_step,
)
from ivr.flow.prompts import Prompt
from ivr.queue.models import CallState, Outcome

NEW = CallFacts(CallState.IVR, None)
QUEUED = CallFacts(CallState.QUEUED, None)
TAKEN = CallFacts(CallState.OFFERING, None, pending_offer=7, pending_account=3)
TALKING = CallFacts(CallState.CONNECTED, None, offer_connected=True)
CLOSED = CallFacts(CallState.IVR, Outcome.CLOSED)
GONE = CallFacts(CallState.ENDED, Outcome.ABANDONED_QUEUE)
DONE = CallFacts(CallState.ENDED, Outcome.ANSWERED)


@pytest.mark.parametrize(
    ("call", "event", "result", "step"),
    [
        (NEW, Happening.ARRIVED, "", Enqueue(Prompt.GREETING)),
        (CLOSED, Happening.ARRIVED, "", HangUp(Prompt.CLOSED)),
        (GONE, Happening.ARRIVED, "", HangUp()),
        (QUEUED, Happening.WAITS, "", Wait()),
        (TAKEN, Happening.WAITS, "", LeaveQueue()),
        (GONE, Happening.WAITS, "", HangUp()),
        (CLOSED, Happening.WAITS, "", HangUp(Prompt.CLOSED)),
        (TAKEN, Happening.LEFT_QUEUE, "leave", Connect(7, 3)),
        (QUEUED, Happening.LEFT_QUEUE, "leave", Enqueue(Prompt.BACK_IN_LINE)),
        (TAKEN, Happening.LEFT_QUEUE, "redirected", Nothing()),
        (TAKEN, Happening.LEFT_QUEUE, "bridged", Nothing()),
        (GONE, Happening.LEFT_QUEUE, "hangup", Nothing()),
        (QUEUED, Happening.LEFT_QUEUE, "queue-full", HangUp(Prompt.SORRY)),
        (QUEUED, Happening.LEFT_QUEUE, "a result of next year", Nothing()),
        (QUEUED, Happening.DIAL_ENDED, "", Enqueue(Prompt.BACK_IN_LINE)),
        (DONE, Happening.DIAL_ENDED, "", HangUp(Prompt.THANKS)),
        (GONE, Happening.DIAL_ENDED, "", HangUp()),
        (TALKING, Happening.OPERATOR_HEARD, "", Nothing()),
        (GONE, Happening.OPERATOR_HEARD, "", HangUp()),
        (TALKING, Happening.OPERATOR_STATUS, "", Nothing()),
        (DONE, Happening.CALL_STATUS, "", Nothing()),
    ],
)
def test_the_next_step_follows_from_the_call_and_the_event(
    call: CallFacts, event: Happening, result: str, step: Step
) -> None:
    assert next_step(call, event, result=result) == step


@pytest.mark.parametrize(
    ("position", "first", "prompts"),
    [
        (1, True, (Prompt.NEXT_IN_LINE, Prompt.NOTICE)),
        (4, True, (Prompt.PLEASE_WAIT, Prompt.NOTICE)),
        (4, False, (Prompt.PLEASE_WAIT,)),
    ],
)
def test_a_waiting_caller_is_told_her_place_and_once_what_to_have_at_hand(
    position: int, *, first: bool, prompts: tuple[Prompt, ...]
) -> None:
    call = CallFacts(CallState.QUEUED, None, position=position, position_due=True, first_wait=first)
    assert next_step(call, Happening.WAITS) == Wait(prompts, position)
