"""Dial to numbers, to a queue, and the order of what is told."""

import pytest

from simulator.network.outside import FarEnd
from tests.simulator.conftest import Stage
from tests.simulator.product import document, say

ENQUEUE = '<Enqueue waitUrl="/voice/wait" action="/voice/left-queue">madoguchi</Enqueue>'


def ended(stage: Stage) -> dict[str, str]:
    (told,) = stage.product.to("/voice/dial-ended")
    return told


@pytest.mark.parametrize(
    ("number", "status", "bridged"),
    [
        ("+81751110001", "busy", "false"),
        ("+81751110002", "no-answer", "false"),
        ("+81751110003", "failed", "false"),
        ("+81751110004", "completed", "true"),
    ],
)
def test_a_dialled_number_behaves_by_its_last_digits(stage: Stage, number: str, status: str, bridged: str) -> None:
    stage.answer(incoming=document(f'<Dial action="/voice/dial-ended" timeout="20">{number}</Dial>'))
    stage.call()
    stage.run(40)
    assert (ended(stage)["DialCallStatus"], ended(stage)["DialBridged"]) == (status, bridged)


def test_a_number_takes_time_to_ring_and_to_answer(stage: Stage) -> None:
    stage.network.exchange.outside.known["+81751110099"] = FarEnd(answers_after=6, talks_for=10)
    stage.answer(incoming=document('<Dial action="/voice/dial-ended">+81751110099</Dial>'))
    caller = stage.call()
    stage.run(6)
    assert caller.call.place == "ringing_out"
    stage.run(1)
    assert caller.call.place == "connected"
    stage.run(20)
    assert ended(stage)["DialCallDuration"] == "10"


def test_a_called_side_confirms_with_a_key_before_it_is_connected(stage: Stage) -> None:
    dialled = '<Dial action="/voice/dial-ended"><Number url="/voice/confirm">+81751110005</Number></Dial>'
    confirm = document(
        '<Gather numDigits="1" action="/voice/confirmed">', say("1を押してください。"), "</Gather><Hangup/>"
    )
    stage.answer(incoming=document(dialled), confirm=confirm)
    caller = stage.call()
    stage.run(10)
    assert stage.product.to("/voice/confirmed")[0]["Digits"] == "1"
    assert caller.call.place == "connected"


def test_a_second_dial_may_not_stand_in_the_called_sides_document(stage: Stage) -> None:
    stage.answer(incoming=document('<Dial><Number url="/voice/whisper">+81751110004</Number></Dial>'))
    stage.answer(whisper=document("<Dial>+81751110009</Dial>"))
    stage.call()
    stage.run(20)
    assert stage.codes == [13201]


@pytest.fixture
def queue(stage: Stage) -> Stage:
    """A queue, and a number for operators who dial it."""
    stage.answer(
        incoming=lambda form: (
            document(ENQUEUE)
            if form["From"] != "+81750000000"
            else document('<Dial action="/voice/dial-ended"><Queue url="/voice/whisper">madoguchi</Queue></Dial>')
        ),
        wait=document('<Pause length="3"/>'),
        whisper=document(say("おつなぎします。")),
    )
    return stage


def test_whoever_dials_a_queue_talks_to_its_front(queue: Stage) -> None:
    first, second = queue.call("+819012345671"), queue.call("+819012345672")
    queue.run(2)
    dialler = queue.call("+81750000000")
    queue.run(5)
    assert first.heard == ["おつなぎします。"]
    assert [each.call.place for each in (first, second, dialler)] == ["connected", "queued", "connected"]
    told = queue.product.to("/voice/whisper")[0]
    assert told | {"CallSid": first.call.sid, "DequeingCallSid": dialler.call.sid} == told
    dialler.hang_up()
    queue.run(1)
    (left,) = queue.product.to("/voice/left-queue")
    assert (left["CallSid"], left["QueueResult"]) == (first.call.sid, "bridged")
    assert ended(queue)["DialCallStatus"] == "completed"


def test_a_caller_who_hangs_up_in_the_talk_ends_the_diallers_dial(queue: Stage) -> None:
    caller = queue.call("+819012345671")
    dialler = queue.call("+81750000000")
    queue.run(5)
    queue.product.answers["/voice/dial-ended"] = document('<Pause length="60"/>')
    caller.hang_up()
    queue.run(1)
    assert (
        queue.product.to("/voice/left-queue")[0] | {"QueueResult": "bridged", "CallStatus": "completed"}
        == (queue.product.to("/voice/left-queue")[0])
    )
    assert not dialler.call.over


def test_an_empty_queue_is_waited_for_until_the_timeout(queue: Stage) -> None:
    queue.call("+819012345671").hang_up()
    queue.run(1)
    queue.call("+81750000000")
    queue.run(29)
    assert queue.product.to("/voice/dial-ended") == []
    queue.run(2)
    assert ended(queue)["DialCallStatus"] == "no-answer"


def test_a_caller_who_comes_meanwhile_is_taken(queue: Stage) -> None:
    queue.call("+819012345671").hang_up()
    queue.run(1)
    dialler = queue.call("+81750000000")
    queue.run(10)
    caller = queue.call("+819012345672")
    queue.run(5)
    assert (caller.call.place, dialler.call.place) == ("connected", "connected")


def test_an_unknown_queue_is_an_error(queue: Stage) -> None:
    queue.call("+81750000000")
    queue.run(1)
    assert ended(queue)["DialCallStatus"] == "failed"
    assert queue.codes == [14210]
