"""A caller is connected with an operator's softphone, or not."""

import pytest

from simulator.network.calls import Ask
from simulator.network.orders import send_elsewhere
from tests.simulator.conftest import Operator, Stage
from tests.simulator.product import EMPTY, dial, document, say

FOLLOWED = (
    'url="/voice/operator-answered?offer=7" statusCallback="/voice/operator-status?offer=7" '
    'statusCallbackEvent="initiated ringing answered completed"'
)


@pytest.fixture
def ringing(stage: Stage) -> Stage:
    stage.answer(incoming=document(say("はい。"), dial(noun=FOLLOWED), say("聞こえない。")), dial_ended=EMPTY)
    return stage


def leg_told(stage: Stage) -> list[dict[str, str]]:
    """Return the callbacks about the operator's leg in the order they were sent: they may arrive in another."""
    return sorted(stage.product.to("/voice/operator-status"), key=lambda told: told["SequenceNumber"])


def leg_statuses(stage: Stage) -> list[str]:
    return [told["CallStatus"] for told in leg_told(stage)]


def ended(stage: Stage) -> tuple[str, str, str | None]:
    (told,) = stage.product.to("/voice/dial-ended")
    return told["DialCallStatus"], told.get("DialBridged", ""), told.get("DialCallDuration")


def test_an_operator_answers_talks_and_hangs_up(ringing: Stage) -> None:
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(3)
    assert operator.accept()
    ringing.run(1)
    assert caller.call.place == "connected"
    ringing.run(59)
    operator.hang_up()
    ringing.run(1)
    assert operator.kinds == ["incoming", "connected", "disconnected"]
    assert ended(ringing) == ("completed", "true", "60")
    assert caller.call.over
    told = leg_told(ringing)
    assert [each["CallStatus"] for each in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert [each["SequenceNumber"] for each in told] == ["0", "1", "2", "3"]
    assert told[3] | {"CallDuration": "60", "Duration": "1"} == told[3]
    assert ringing.codes == []


def test_requests_about_the_operators_leg_name_the_caller_as_parent(ringing: Stage) -> None:
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(3)
    operator.accept()
    ringing.run(1)
    (told,) = ringing.product.to("/voice/operator-answered")
    expected = {
        "CallSid": operator.leg,
        "ParentCallSid": caller.call.sid,
        "CallStatus": "in-progress",
        "Direction": "outbound-dial",
        "From": "+819012345678",
        "To": "client:op_1",
        "Called": "client:op_1",
    }
    assert told | expected == told


def test_the_softphone_is_told_who_calls_and_the_parameters(stage: Stage) -> None:
    noun = '<Client><Identity>op_1</Identity><Parameter name="call" value="42"/></Client>'
    stage.answer(incoming=document(f'<Dial action="/voice/dial-ended">{noun}</Dial>'))
    operator = stage.operator()
    caller = stage.call("+81751239000")
    stage.run(1)
    (incoming,) = operator.events
    assert incoming.data["from"] == "+81751239000"
    assert incoming.data["parameters"] == {"call": "42"}
    assert incoming.data["parent"] == caller.call.sid


def test_nobody_answers_within_the_timeout_and_its_grace(ringing: Stage) -> None:
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(25)
    assert ringing.product.to("/voice/dial-ended") == []
    ringing.run(2)
    assert ended(ringing) == ("no-answer", "false", None)
    assert operator.kinds == ["incoming", "cancel"]
    last = leg_told(ringing)[-1]
    assert (last["CallStatus"], last["SipResponseCode"], last["CallDuration"]) == ("no-answer", "487", "0")
    assert caller.call.over


def test_an_operator_who_declines_is_busy(ringing: Stage) -> None:
    operator = ringing.operator()
    ringing.call()
    ringing.run(3)
    operator.reject()
    ringing.run(1)
    assert ended(ringing)[0] == "busy"
    assert leg_statuses(ringing)[-1] == "busy"


def test_nobody_of_that_name_is_registered(ringing: Stage) -> None:
    ringing.call()
    ringing.run(2)
    assert ended(ringing)[0] == "failed"
    last = leg_told(ringing)[-1]
    assert (last["CallStatus"], last["SipResponseCode"]) == ("failed", "404")


def test_a_softphone_that_vanishes_rings_on_unheard(ringing: Stage) -> None:
    operator = ringing.operator()
    ringing.call()
    ringing.run(3)
    operator.vanish()
    ringing.run(10)
    assert ringing.product.to("/voice/dial-ended") == []
    ringing.run(20)
    assert ended(ringing)[0] == "no-answer"


def test_a_softphone_that_vanishes_ends_its_talk(ringing: Stage) -> None:
    operator = ringing.operator()
    ringing.call()
    ringing.run(3)
    operator.accept()
    ringing.run(10)
    operator.vanish()
    ringing.run(1)
    assert ended(ringing) == ("completed", "true", "10")


def test_a_caller_hangs_up_while_it_rings(ringing: Stage) -> None:
    operator = ringing.operator()
    caller = ringing.call("+819012345678", {"when": "ringing_out", "after": 2, "hang_up": True})
    ringing.run(10)
    assert operator.kinds == ["incoming", "cancel"]
    assert not operator.accept()
    (told,) = ringing.product.to("/voice/dial-ended")
    assert (told["DialCallStatus"], told["CallStatus"]) == ("canceled", "completed")
    assert leg_statuses(ringing)[-1] == "canceled"
    assert caller.call.over


def test_a_caller_hangs_up_while_she_talks(ringing: Stage) -> None:
    operator = ringing.operator()
    ringing.call("+819012345678", {"when": "connected", "after": 30, "hang_up": True})
    ringing.run(3)
    operator.accept()
    ringing.run(40)
    assert operator.kinds == ["incoming", "connected", "disconnected"]
    (told,) = ringing.product.to("/voice/dial-ended")
    assert (told["DialCallStatus"], told["DialCallDuration"], told["CallStatus"]) == ("completed", "30", "completed")


def test_two_softphones_ring_and_the_first_to_accept_wins(ringing: Stage) -> None:
    first, second = ringing.operator(), ringing.operator()
    ringing.call()
    ringing.run(3)
    assert second.accept()
    assert not first.accept()
    ringing.run(1)
    assert first.kinds == ["incoming", "cancel"]
    assert second.kinds == ["incoming", "connected"]


def test_one_of_two_declines_and_the_other_rings_on(ringing: Stage) -> None:
    first, second = ringing.operator(), ringing.operator()
    ringing.call()
    ringing.run(3)
    first.reject()
    ringing.run(1)
    assert ringing.product.to("/voice/dial-ended") == []
    assert second.accept()


def test_a_busy_softphone_does_not_ring(ringing: Stage) -> None:
    operator = ringing.operator()
    ringing.call("+819012345671")
    ringing.run(3)
    operator.accept()
    ringing.run(1)
    ringing.call("+819012345672")
    ringing.run(30)
    assert operator.kinds == ["incoming", "connected"]
    assert ended(ringing)[0] == "no-answer"


def test_the_first_of_several_operators_wins_and_the_others_stop(stage: Stage) -> None:
    nouns = "".join(f'<Client statusCallback="/voice/leg-{name}">{name}</Client>' for name in ("op_1", "op_2"))
    stage.answer(incoming=document(f'<Dial action="/voice/dial-ended">{nouns}</Dial>'))
    one, two = stage.operator("op_1"), stage.operator("op_2")
    stage.call()
    stage.run(2)
    assert two.accept()
    stage.run(1)
    assert one.kinds == ["incoming", "cancel"]
    assert stage.product.to("/voice/leg-op_1")[0]["CallStatus"] == "canceled"


def test_the_call_is_answered_only_once_somebody_talks_if_that_is_asked(stage: Stage) -> None:
    stage.answer(incoming=document(dial(more='answerOnBridge="true"', noun=FOLLOWED)))
    operator = stage.operator()
    caller = stage.call()
    stage.run(3)
    assert caller.call.status == "ringing"
    operator.accept()
    stage.run(1)
    assert caller.call.status == "in-progress"
    operator.hang_up()
    stage.run(1)
    assert stage.product.to("/voice/status")[0]["CallDuration"] == "1"


def test_without_an_action_the_document_goes_on(stage: Stage) -> None:
    stage.answer(incoming=document("<Dial><Client>op_1</Client></Dial>", say("またどうぞ。")))
    caller = stage.call()
    stage.run(5)
    assert caller.heard == ["またどうぞ。"]


def test_an_operator_hears_the_whisper_before_the_caller(ringing: Stage) -> None:
    ringing.product.answers["/voice/operator-answered"] = document(say("入電です。"))
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(3)
    operator.accept()
    ringing.run(0.1)
    assert caller.call.place == "ringing_out"
    ringing.run(2)
    assert caller.call.place == "connected"


def test_a_whisper_that_hangs_up_connects_nobody(ringing: Stage) -> None:
    ringing.product.answers["/voice/operator-answered"] = document("<Hangup/>")
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(3)
    operator.accept()
    ringing.run(1)
    assert ended(ringing)[1] == "false"
    assert "met" not in [entry.kind for entry in caller.entries()]


def test_a_redirect_of_the_caller_ends_the_talk_and_tells_the_action(ringing: Stage) -> None:
    ringing.answer(hold=document(say("お待ちください。")))
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(3)
    operator.accept()
    ringing.run(10)
    with ringing.network.exchange.entered():
        send_elsewhere(caller.call, Ask(f"{ringing.product.url}/voice/hold"))
    ringing.run(1)
    assert operator.kinds[-1] == "disconnected"
    assert ended(ringing)[0] == "completed"
    assert caller.heard[-1] == "お待ちください。"


def test_a_redirect_of_the_operator_runs_the_callers_action(ringing: Stage) -> None:
    ringing.answer(elsewhere=document('<Pause length="60"/>'), dial_ended=document(say("戻りました。")))
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(3)
    operator.accept()
    ringing.run(10)
    leg = ringing.network.exchange.calls[operator.leg]
    with ringing.network.exchange.entered():
        send_elsewhere(leg, Ask(f"{ringing.product.url}/voice/elsewhere"))
    ringing.run(1)
    assert ended(ringing) == ("completed", "true", "10")
    assert caller.heard[-1] == "戻りました。"
    assert leg.status == "in-progress"
    assert operator.kinds[-1] == "connected"


def test_accepting_and_hanging_up_at_once_ends_in_one_way(ringing: Stage) -> None:
    operator = ringing.operator()
    caller = ringing.call()
    ringing.run(3)
    with ringing.network.exchange.entered():
        operator.accept()
        caller.hang_up()
    ringing.run(3)
    assert ringing.network.exchange.calls[operator.leg].over
    assert operator.kinds[-1] == "disconnected"
    assert len(ringing.product.to("/voice/dial-ended")) == 1


def test_a_time_limit_ends_the_talk(stage: Stage) -> None:
    stage.answer(incoming=document(dial(more='timeLimit="60"')))
    operator: Operator = stage.operator()
    stage.call()
    stage.run(1)
    operator.accept()
    stage.run(62)
    assert ended(stage) == ("completed", "true", "60")
