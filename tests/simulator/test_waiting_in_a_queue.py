"""Callers in a queue: what they hear, what the product is told, and the ways out."""

import pytest

from simulator.network.calls import Ask
from simulator.network.orders import send_elsewhere
from tests.simulator.conftest import Stage
from tests.simulator.product import EMPTY, document, say

ENQUEUE = '<Enqueue waitUrl="/voice/wait" action="/voice/left-queue">madoguchi</Enqueue>'
PAUSE = document('<Pause length="3"/>')


@pytest.fixture
def queue(stage: Stage) -> Stage:
    stage.answer(incoming=document(ENQUEUE, say("列を出ました。")), wait=PAUSE)
    return stage


def test_the_wait_document_is_asked_for_again_and_tells_the_place(queue: Stage) -> None:
    queue.call("+819012345671")
    queue.run(1)
    queue.call("+819012345672")
    queue.run(5.5)
    told = [form for form in queue.product.to("/voice/wait") if form["From"] == "+819012345672"]
    assert [form["QueueTime"] for form in told] == ["0", "3"]
    assert (
        told[0]
        | {
            "QueuePosition": "2",
            "CurrentQueueSize": "2",
            "MaxQueueSize": "1000",
            "AvgQueueTime": "0",
            "CallStatus": "in-progress",
        }
        == told[0]
    )
    assert told[0]["QueueSid"].startswith("QU")


def test_those_behind_move_up(queue: Stage) -> None:
    first = queue.call("+819012345671")
    queue.call("+819012345672")
    queue.run(1)
    first.hang_up()
    queue.run(3)
    assert [form["QueuePosition"] for form in queue.product.to("/voice/wait")][-1] == "1"


def test_leave_goes_on_with_the_action(queue: Stage) -> None:
    queue.answer(wait=[PAUSE, document(say("つなぎます。"), "<Leave/>")], left_queue=document(say("どうぞ。")))
    caller = queue.call()
    queue.run(10)
    (told,) = queue.product.to("/voice/left-queue")
    assert (told["QueueResult"], told["QueueTime"]) == ("leave", "4")
    assert caller.heard == ["つなぎます。", "どうぞ。"]


def test_leave_without_an_action_goes_on_below(queue: Stage) -> None:
    without = '<Enqueue waitUrl="/voice/wait">madoguchi</Enqueue>'
    queue.answer(incoming=document(without, say("列を出ました。")), wait=document("<Leave/>"))
    caller = queue.call()
    queue.run(3)
    assert caller.heard == ["列を出ました。"]


def test_a_caller_who_hangs_up_is_told_to_the_action_and_its_answer_ignored(queue: Stage) -> None:
    queue.answer(left_queue=document(say("だれも聞かない。")))
    caller = queue.call("+819012345678", {"when": "queued", "after": 5, "hang_up": True})
    queue.run(10)
    (told,) = queue.product.to("/voice/left-queue")
    assert (told["QueueResult"], told["CallStatus"], told["QueueTime"]) == ("hangup", "completed", "5")
    assert caller.heard == []
    assert queue.product.to("/voice/status")[0]["CallStatus"] == "completed"


def test_a_redirect_over_rest_is_told_to_the_action_and_its_answer_ignored(queue: Stage) -> None:
    queue.answer(left_queue=EMPTY, connect=document(say("おつなぎします。")))
    caller = queue.call()
    queue.run(4)
    with queue.network.exchange.entered():
        assert send_elsewhere(caller.call, Ask(f"{queue.product.url}/voice/connect?offer=7"))
    queue.run(1)
    assert queue.product.to("/voice/left-queue")[0]["QueueResult"] == "redirected"
    assert queue.product.to("/voice/connect")[0]["CallStatus"] == "in-progress"
    assert caller.heard == ["おつなぎします。"]
    assert len(queue.product.to("/voice/wait")) == 2


def test_keys_pressed_while_waiting_reach_a_gather(queue: Stage) -> None:
    wait = document('<Gather numDigits="1" action="/voice/menu">', say("1を押すと。"), "</Gather>")
    queue.answer(wait=[wait, PAUSE], menu=document("<Leave/>"))
    queue.call("+819012345678", {"heard": "1を", "press": "1"})
    queue.run(3)
    (told,) = queue.product.to("/voice/menu")
    assert (told["Digits"], told["QueuePosition"]) == ("1", "1")
    assert queue.product.to("/voice/left-queue")[0]["QueueResult"] == "leave"


def test_a_hang_up_in_the_wait_document_ends_the_call(queue: Stage) -> None:
    queue.answer(wait=document("<Hangup/>"))
    caller = queue.call()
    queue.run(2)
    assert queue.product.to("/voice/left-queue")[0]["QueueResult"] == "hangup"
    assert caller.call.over


def test_a_full_queue_takes_nobody(queue: Stage) -> None:
    first = queue.call("+819012345671")
    next(iter(queue.network.exchange.queues.values())).max_size = 1
    queue.answer(left_queue=document(say("混み合っています。")))
    second = queue.call("+819012345672")
    queue.run(2)
    assert (
        queue.product.to("/voice/left-queue")[0] | {"QueueResult": "queue-full"}
        == queue.product.to("/voice/left-queue")[0]
    )
    assert second.heard == ["混み合っています。"]
    assert first.call.place == "queued"
    assert queue.codes == [14207]


def test_a_wait_document_that_fails_lets_the_caller_out_with_an_error(queue: Stage) -> None:
    queue.answer(wait="no markup", left_queue=document(say("申し訳ありません。")))
    caller = queue.call()
    queue.run(1)
    assert queue.product.to("/voice/left-queue")[0]["QueueResult"] == "error"
    assert caller.heard == ["申し訳ありません。"]
    assert queue.codes == [12100]


def test_a_dial_may_not_stand_in_a_wait_document(queue: Stage) -> None:
    queue.answer(wait=document("<Dial>+81751111111</Dial>", '<Pause length="3"/>'))
    caller = queue.call()
    queue.run(1)
    assert queue.codes == [12200]
    assert caller.call.place == "queued"


def test_an_empty_wait_document_is_not_asked_for_hot(queue: Stage) -> None:
    queue.answer(wait=EMPTY)
    queue.call()
    queue.run(10)
    assert 9 <= len(queue.product.to("/voice/wait")) <= 11


def test_a_redirect_while_waiting_changes_the_document_once(queue: Stage) -> None:
    queue.answer(wait=[document("<Redirect>/voice/other</Redirect>"), PAUSE], other=PAUSE)
    queue.call()
    queue.run(4)
    assert len(queue.product.to("/voice/other")) == 1
    assert len(queue.product.to("/voice/wait")) == 2


def test_a_queue_is_made_once_and_stays(queue: Stage) -> None:
    queue.call("+819012345671").hang_up()
    queue.run(1)
    queue.call("+819012345672").hang_up()
    queue.run(1)
    (made,) = queue.network.exchange.queues.values()
    assert (made.name, made.members) == ("madoguchi", [])
