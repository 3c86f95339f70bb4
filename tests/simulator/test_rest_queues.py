"""Queues, conferences and messages over REST, as the provider's own library reads them."""

from typing import Any

import pytest

from tests.simulator.conftest import MORNING, Stage
from tests.simulator.product import document, say
from tests.simulator.rest_client import TwilioRestException, refused, rest_client

ENQUEUE = '<Enqueue waitUrl="/voice/wait" action="/voice/left-queue">madoguchi</Enqueue>'


@pytest.fixture
def rest(stage: Stage) -> Any:
    stage.answer(incoming=document(ENQUEUE), wait=document('<Pause length="3"/>'))
    return rest_client(stage.network)


def test_a_queue_is_made_resized_found_and_deleted(stage: Stage, rest: Any) -> None:
    made = rest.queues.create(friendly_name="madoguchi", max_size=5000)
    assert (made.friendly_name, made.max_size, made.current_size, made.average_wait_time) == ("madoguchi", 5000, 0, 0)
    assert [queue.sid for queue in rest.queues.list() if queue.friendly_name == "madoguchi"] == [made.sid]
    assert rest.queues(made.sid).update(max_size=10).max_size == 10
    stage.call()
    assert rest.queues(made.sid).fetch().current_size == 1
    with pytest.raises(TwilioRestException) as error:
        rest.queues(made.sid).delete()
    assert error.value.status == 400


def test_an_empty_queue_is_deleted(rest: Any) -> None:
    made = rest.queues.create(friendly_name="madoguchi")
    assert rest.queues(made.sid).delete()
    with pytest.raises(TwilioRestException) as error:
        rest.queues(made.sid).fetch()
    assert refused(error.value) == (404, 20404)


@pytest.mark.parametrize("told", [{"friendly_name": "x" * 65}, {"friendly_name": "x", "max_size": 5001}])
def test_a_queue_that_cannot_be_is_refused(rest: Any, told: dict[str, Any]) -> None:
    with pytest.raises(TwilioRestException) as error:
        rest.queues.create(**told)
    assert error.value.status == 400


def test_the_waiting_are_listed_in_order(stage: Stage, rest: Any) -> None:
    first = stage.call("+819012345671")
    stage.run(2)
    second = stage.call("+819012345672")
    stage.run(2)
    (queue,) = rest.queues.list()
    members = rest.queues(queue.sid).members.list()
    assert [(each.call_sid, each.position, each.wait_time) for each in members] == [
        (first.call.sid, 1, 4),
        (second.call.sid, 2, 2),
    ]
    assert members[0].date_enqueued == MORNING
    assert rest.queues(queue.sid).members("Front").fetch().call_sid == first.call.sid
    assert queue.average_wait_time == 3


def test_a_member_is_taken_out_once(stage: Stage, rest: Any) -> None:
    stage.answer(connect=document(say("おつなぎします。")))
    caller = stage.call()
    (queue,) = rest.queues.list()
    member = rest.queues(queue.sid).members(caller.call.sid)
    member.update(url=f"{stage.product.url}/voice/connect", method="POST")
    with pytest.raises(TwilioRestException) as error:
        member.update(url=f"{stage.product.url}/voice/connect")
    assert refused(error.value) == (404, 20404)
    stage.run(2)
    assert caller.heard == ["おつなぎします。"]
    assert stage.product.to("/voice/left-queue")[0]["QueueResult"] == "redirected"


def conference(more: str = "") -> str:
    return f'<Dial action="/voice/dial-ended"><Conference {more}>room</Conference></Dial>'


def enter(stage: Stage, number: str, more: str = "") -> Any:
    stage.answer(incoming=document(conference(more)))
    caller = stage.call(number)
    stage.run(1)
    return caller


def test_participants_are_listed_held_muted_and_sent_out(stage: Stage, rest: Any) -> None:
    told = 'statusCallback="/voice/room" statusCallbackEvent="start end join leave hold mute"'
    one, two = enter(stage, "+819012345671", told), enter(stage, "+819012345672", 'participantLabel="op"')
    stage.answer(hold=document(say("お待ちください。")), dial_ended=document(say("終わりました。")))
    (room,) = rest.conferences.list(friendly_name="room", status="in-progress")
    people = rest.conferences(room.sid).participants
    assert [(each.call_sid, each.label) for each in people.list()] == [(one.call.sid, None), (two.call.sid, "op")]
    held = people(one.call.sid).update(hold=True, hold_url=f"{stage.product.url}/voice/hold")
    assert (held.hold, held.muted, held.status) == (True, False, "connected")
    stage.run(1)
    assert "お待ちください。" in one.heard
    people(one.call.sid).update(hold=False)
    assert people("op").update(muted=True).muted
    assert people("op").delete()
    stage.run(2)
    assert two.heard[-1] == "終わりました。"
    one.hang_up()
    stage.run(1)
    assert rest.conferences(room.sid).fetch().status == "completed"
    events = [each["StatusCallbackEvent"] for each in sorted(stage.product.to("/voice/room"), key=_sequence)]
    assert events == [
        "participant-join", "participant-join", "conference-start", "participant-hold", "participant-unhold",
        "participant-mute", "participant-leave", "participant-leave", "conference-end",
    ]  # fmt: skip


def _sequence(told: dict[str, str]) -> int:
    return int(told["SequenceNumber"])


def test_a_conference_ends_with_the_one_who_ends_it(stage: Stage) -> None:
    stage.answer(dial_ended=document(say("終わりました。")))
    one, two = enter(stage, "+819012345671"), enter(stage, "+819012345672", 'endConferenceOnExit="true"')
    stage.run(10)
    two.hang_up()
    stage.run(2)
    assert one.heard[-1] == "終わりました。"
    (told,) = [each for each in stage.product.to("/voice/dial-ended") if each["CallSid"] == one.call.sid]
    assert (told["DialCallStatus"], told["DialCallDuration"]) == ("answered", "12")


def test_a_supervisor_coaches_one_participant(stage: Stage, rest: Any) -> None:
    operator, supervisor = enter(stage, "+819012345671"), enter(stage, "+819012345672")
    (room,) = rest.conferences.list()
    people = rest.conferences(room.sid).participants
    coached = people(supervisor.call.sid).update(coaching=True, call_sid_to_coach=operator.call.sid)
    assert (coached.coaching, coached.call_sid_to_coach) == (True, operator.call.sid)
    with pytest.raises(TwilioRestException):
        people(supervisor.call.sid).update(coaching=True)


def test_a_participant_alone_hears_the_waiting_document(stage: Stage) -> None:
    stage.answer(music=document(say("音楽。")))
    alone = enter(stage, "+819012345671", 'waitUrl="/voice/music" startConferenceOnEnter="false"')
    assert alone.heard[-1] == "音楽。"
    heard = len(alone.heard)
    enter(stage, "+819012345672")
    stage.run(30)
    assert len(alone.heard) <= heard + 1


def test_a_message_is_recorded_and_told_of(stage: Stage, rest: Any) -> None:
    sent = rest.messages.create(
        to="+819012345678", from_="KyotoCity", body="予約を受け付けました。",
        status_callback=f"{stage.product.url}/voice/sms",
    )  # fmt: skip
    assert (sent.status, sent.num_segments, sent.error_code) == ("queued", "1", None)
    stage.run(5)
    assert [told["MessageStatus"] for told in stage.product.to("/voice/sms")] == ["sent", "delivered"]
    assert rest.messages(sent.sid).fetch().status == "delivered"
    assert [each.body for each in rest.messages.list(to="+819012345678")] == ["予約を受け付けました。"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"to": ""}, 21604),
        ({"from_": ""}, 21603),
        ({"body": ""}, 21602),
        ({"body": "あ" * 1601}, 21617),
        ({"to": "09012345678"}, 21211),
        ({"to": "+14155550100"}, 21408),
        ({"to": "+81751239000"}, 21614),
        ({"to": "+818000000000"}, 21610),
        ({"from_": "+81753660000"}, 21606),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(stage: Stage, rest: Any, told: dict[str, str], code: int) -> None:
    stage.network.exchange.opted_out.add("+818000000000")
    usual = {"to": "+819012345678", "from_": "KyotoCity", "body": "予約を受け付けました。"}
    with pytest.raises(TwilioRestException) as error:
        rest.messages.create(**(usual | told))
    assert refused(error.value) == (400, code)
