"""REST requests and status callbacks that go wrong because a test or the day asked for it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Response

from simulator.network.callback_delivery import Delivery
from simulator.network.rest_faults import Fault
from tests.simulator.conftest import Stage
from tests.simulator.product import dial, document, say
from tests.simulator.rest_client import TwilioRestException, refused, rest_client


@pytest.fixture
def talk(stage: Stage) -> Iterator[Stage]:
    stage.answer(incoming=document('<Pause length="1"/>', say("はい。"), '<Pause length="60"/>'))
    stage.answer(connect=document(say("おつなぎします。")))
    yield stage
    stage.network.rest_faults.release()


def redirect(stage: Stage, patience_seconds: float = 10) -> Any:
    (sid,) = stage.network.exchange.calls
    rest = rest_client(stage.network, patience_seconds=patience_seconds)
    return rest.calls(sid).update(url=f"{stage.product.url}/voice/connect")


@pytest.mark.parametrize(
    ("fault", "answer", "done"),
    [
        (Fault.TOO_MANY, (429, 20429), False),
        (Fault.SERVER_ERROR, (500, 20500), False),
        (Fault.SERVER_ERROR_AFTER, (500, 20500), True),
    ],
)
def test_a_planned_error_is_answered_once(talk: Stage, fault: Fault, answer: tuple[int, int], *, done: bool) -> None:
    talk.call()
    talk.run(3)
    talk.network.rest_faults.plan(fault, only="/Calls/", method="POST")
    with pytest.raises(TwilioRestException) as error:
        redirect(talk)
    assert refused(error.value) == answer
    talk.timeline.settle()
    assert bool(talk.product.to("/voice/connect")) is done
    assert redirect(talk).status == "in-progress"


def test_a_planned_garble_breaks_off_the_answer_to_what_was_done(talk: Stage) -> None:
    talk.call()
    talk.run(3)
    talk.network.rest_faults.plan(Fault.GARBLED_AFTER, only="/Calls/", method="POST")
    with pytest.raises(ValueError, match="Unterminated"):
        redirect(talk)
    talk.timeline.settle()
    assert talk.product.to("/voice/connect")


@pytest.mark.parametrize(("fault", "done"), [(Fault.TIMEOUT, False), (Fault.TIMEOUT_AFTER, True)])
def test_a_planned_silence_leaves_the_product_without_an_answer(talk: Stage, fault: Fault, *, done: bool) -> None:
    talk.call()
    talk.run(3)
    talk.network.rest_faults.plan(fault)
    with pytest.raises(requests.exceptions.ReadTimeout):
        redirect(talk, patience_seconds=0.3)
    if done:
        talk.product.wait_for("/voice/connect")  # patience may end before the network has begun
    talk.timeline.settle()
    assert bool(talk.product.to("/voice/connect")) is done


def test_a_fault_waits_for_a_request_it_fits(talk: Stage) -> None:
    talk.call()
    talk.run(3)
    talk.network.rest_faults.plan(Fault.SERVER_ERROR, only="/Queues", times=2)
    assert redirect(talk).status == "in-progress"
    for _ in range(2):
        with pytest.raises(TwilioRestException):
            rest_client(talk.network).queues.create(friendly_name="q")
    assert rest_client(talk.network).queues.create(friendly_name="q").current_size == 0


def test_too_many_requests_at_once_are_refused(talk: Stage) -> None:
    talk.call()
    talk.run(3)
    level = talk.network.rest_concurrency
    level.most, level.now = 1, 1
    with pytest.raises(TwilioRestException) as error:
        redirect(talk)
    assert refused(error.value) == (429, 20429)
    level.now = 0
    assert redirect(talk).status == "in-progress"
    assert level.now == 0


LEG = 'statusCallback="/voice/leg" statusCallbackEvent="initiated ringing answered completed"'


def sequence(stage: Stage) -> list[str]:
    return [told["SequenceNumber"] for told in stage.product.to("/voice/leg")]


@pytest.fixture
def ringing(stage: Stage) -> Stage:
    stage.answer(incoming=document('<Pause length="1"/>', dial(noun=LEG)))
    stage.operator()
    return stage


def test_callbacks_come_twice(ringing: Stage) -> None:
    ringing.network.exchange.delivery.usual = Delivery.TWICE
    ringing.call()
    ringing.run(60)
    assert sorted(sequence(ringing)) == ["0", "0", "1", "1", "2", "2"]
    assert len(ringing.product.to("/voice/status")) == 2


def test_callbacks_never_come(ringing: Stage) -> None:
    ringing.network.exchange.delivery.usual = Delivery.NEVER
    ringing.call()
    ringing.run(60)
    assert sequence(ringing) == []
    assert ringing.product.to("/voice/status") == []
    assert len(ringing.product.to("/voice/dial-ended")) == 1


def test_a_late_callback_tells_what_was_true_when_it_was_sent(ringing: Stage) -> None:
    ringing.network.exchange.delivery.planned = [Delivery.LATE]
    ringing.network.exchange.delivery.late_seconds = 40
    ringing.call()
    ringing.run(60)
    assert sequence(ringing) == ["1", "2", "0"]
    assert ringing.product.to("/voice/leg")[-1]["CallStatus"] == "initiated"


def test_callbacks_change_places(ringing: Stage) -> None:
    ringing.network.exchange.delivery.planned = [Delivery.REORDERED]
    ringing.network.exchange.delivery.late_seconds = 30
    ringing.call()
    ringing.run(20)
    assert sorted(sequence(ringing)) == ["0", "1"]
    ringing.run(40)
    assert sorted(sequence(ringing)) == ["0", "1", "2"]


def test_a_refused_callback_is_a_warning(ringing: Stage) -> None:
    ringing.product.answers["/voice/leg"] = document("<Oops/>")
    ringing.product.answers["/voice/status"] = _gone
    ringing.call()
    ringing.run(60)
    assert ringing.codes == [15003]


def _gone(form: dict[str, str]) -> Response:
    return Response(f"{form['CallSid']} is unknown", 404)
