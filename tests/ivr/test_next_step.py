from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ivr.flow.next_step import (
    CallFacts,
    Connect,
    Enqueue,
    HangUp,
    Happening,
    LeaveQueue,
    Menu,
    Nothing,
    Step,
    Wait,
    next_step,
    say,
)
from ivr.flow.prompts import Prompt
from ivr.queue.models import CallState, Outcome, Topic

NEW = CallFacts(CallState.IVR, None)
QUEUED = CallFacts(CallState.QUEUED, None)
OFFERED = CallFacts(CallState.OFFERING, None, pending_offer=7, pending_account=3)
MAY_LEAVE = replace(OFFERED, may_leave=True)
TALKING = CallFacts(CallState.CONNECTED, None, talks_with=7, talks_with_account=3)
CLOSED = CallFacts(CallState.IVR, Outcome.CLOSED)
GONE = CallFacts(CallState.ENDED, Outcome.ABANDONED_QUEUE)
DONE = CallFacts(CallState.ENDED, Outcome.ANSWERED)
LEFT_ALONE = replace(QUEUED, nobody_left=True)

MENU = Menu((say(Prompt.GREETING), say(Prompt.MENU)))
MENU_AGAIN = Menu((say(Prompt.WRONG_KEY), say(Prompt.MENU)), again=True)
TO_A_PERSON = Enqueue((say(Prompt.CONNECTING),))
BACK = Enqueue((say(Prompt.BACK_IN_LINE),))
ON = Enqueue((say(Prompt.STILL_WAITING),))
CLOSED_WORDS = HangUp((say(Prompt.CLOSED, opens="午前くじ", closes="午後5時"), say(Prompt.BOOK_ONLINE)))


@pytest.mark.parametrize(
    ("call", "event", "result", "step"),
    [
        (NEW, Happening.ARRIVED, "", MENU),
        (QUEUED, Happening.ARRIVED, "", ON),
        (OFFERED, Happening.ARRIVED, "", Connect(7, 3)),
        (TALKING, Happening.ARRIVED, "", Connect(7, 3)),
        (CLOSED, Happening.ARRIVED, "", CLOSED_WORDS),
        (GONE, Happening.ARRIVED, "", HangUp()),
        (NEW, Happening.CHOSE, "1", TO_A_PERSON),
        (NEW, Happening.CHOSE, "3", TO_A_PERSON),
        (NEW, Happening.CHOSE, "0", TO_A_PERSON),
        (NEW, Happening.CHOSE, "", TO_A_PERSON),
        (replace(NEW, wrong_keys=1), Happening.CHOSE, "7", MENU_AGAIN),
        (replace(NEW, wrong_keys=2), Happening.CHOSE, "*", TO_A_PERSON),
        (QUEUED, Happening.CHOSE, "7", ON),
        (GONE, Happening.CHOSE, "1", HangUp()),
        (QUEUED, Happening.WAITS, "", Wait()),
        (OFFERED, Happening.WAITS, "", Wait()),
        (MAY_LEAVE, Happening.WAITS, "", LeaveQueue()),
        (GONE, Happening.WAITS, "", HangUp()),
        (CLOSED, Happening.WAITS, "", CLOSED_WORDS),
        (LEFT_ALONE, Happening.WAITS, "", HangUp((say(Prompt.NOBODY_LEFT),), lost=True)),
        (OFFERED, Happening.LEFT_QUEUE, "leave", Connect(7, 3)),
        (QUEUED, Happening.LEFT_QUEUE, "leave", ON),
        (OFFERED, Happening.LEFT_QUEUE, "redirected", Nothing()),
        (OFFERED, Happening.LEFT_QUEUE, "bridging-in-process", Nothing()),
        (GONE, Happening.LEFT_QUEUE, "hangup", Nothing()),
        (QUEUED, Happening.LEFT_QUEUE, "queue-full", HangUp((say(Prompt.SORRY),), lost=True)),
        (replace(QUEUED, queue_errors=10), Happening.LEFT_QUEUE, "error", ON),
        (replace(QUEUED, queue_errors=11), Happening.LEFT_QUEUE, "error", HangUp((say(Prompt.SORRY),), lost=True)),
        (QUEUED, Happening.LEFT_QUEUE, "a result of next year", ON),
        (OFFERED, Happening.CONNECTS, "", Connect(7, 3)),
        (TALKING, Happening.CONNECTS, "", Connect(7, 3)),
        (QUEUED, Happening.CONNECTS, "", ON),
        (GONE, Happening.CONNECTS, "", HangUp()),
        (QUEUED, Happening.DIAL_ENDED, "", BACK),
        (OFFERED, Happening.DIAL_ENDED, "", BACK),
        (DONE, Happening.DIAL_ENDED, "", HangUp((say(Prompt.THANKS),))),
        (GONE, Happening.DIAL_ENDED, "", HangUp()),
        (TALKING, Happening.OPERATOR_STATUS, "", Nothing()),
        (DONE, Happening.CALL_STATUS, "", Nothing()),
    ],
)
def test_the_next_step_follows_from_the_call_and_the_event(
    call: CallFacts, event: Happening, result: str, step: Step
) -> None:
    assert next_step(call, event, result=result) == step


@pytest.mark.parametrize(
    ("call", "offer", "step"), [(TALKING, 7, Nothing()), (TALKING, 6, HangUp()), (GONE, 7, HangUp())]
)
def test_an_operator_hears_nothing_from_us_in_her_own_talk_and_is_hung_up_otherwise(
    call: CallFacts, offer: int, step: Step
) -> None:
    assert next_step(call, Happening.OPERATOR_HEARD, offer=offer) == step


@pytest.mark.parametrize(
    ("position", "minutes", "said"),
    [
        (1, None, (say(Prompt.NEXT_IN_LINE),)),
        (4, None, (say(Prompt.PLEASE_WAIT, position=4), say(Prompt.STILL_WAITING))),
        (4, 6, (say(Prompt.PLEASE_WAIT, position=4), say(Prompt.EXPECT, minutes=6))),
        (90, 31, (say(Prompt.PLEASE_WAIT, position=90), say(Prompt.EXPECT_LONG, minutes=30))),
    ],
)
def test_a_waiting_caller_is_told_her_place_and_a_wait_only_where_it_is_known(
    position: int, minutes: int | None, said: tuple[str, ...]
) -> None:
    call = replace(QUEUED, position=position, position_due=True, expected_minutes=minutes)
    assert next_step(call, Happening.WAITS) == Wait(said, position)


@pytest.mark.parametrize(
    ("topic", "letter"), [(None, True), (Topic.DELIVERY, True), (Topic.CHANGE, True), (Topic.OTHER_SERVICE, False)]
)
def test_once_she_hears_notices_and_whoever_needs_her_letter_what_to_have_at_hand(
    topic: Topic | None, *, letter: bool
) -> None:
    call = replace(QUEUED, topic=topic, position_due=True, first_wait=True, notices=("本日は混み合っています。",))
    step = next_step(call, Happening.WAITS)
    assert isinstance(step, Wait)
    assert "本日は混み合っています。" in step.words
    assert (say(Prompt.HAVE_READY) in step.words) is letter


def test_a_closure_is_told_in_the_words_of_whoever_closed_the_line_and_until_when() -> None:
    call = replace(CLOSED, closed_for="停電しています。", opens_at=datetime(2025, 4, 8, 0, tzinfo=UTC))
    step = next_step(call, Happening.ARRIVED)
    assert isinstance(step, HangUp)
    assert step.words == (
        "京都市マイナンバーカード予約センターです。停電しています。",
        "次の受付は、4月ようか、火曜日、午前くじからです。",
        say(Prompt.BOOK_ONLINE),
    )
