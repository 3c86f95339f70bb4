"""Calls over REST, as the provider's own library reads them."""

from datetime import date, timedelta
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from simulator.network.program import APOLOGY
from tests.simulator.conftest import MORNING, Stage
from tests.simulator.product import document, say
from tests.simulator.rest_client import TwilioRestException, refused, rest_client


@pytest.fixture
def rest(stage: Stage) -> Any:
    return rest_client(stage.network)


def test_a_call_is_looked_up(stage: Stage, rest: Any) -> None:
    stage.answer(incoming=document(say("はい。"), '<Pause length="60"/>'))
    caller = stage.call("+81751239000")
    found = rest.calls(caller.call.sid).fetch()
    assert (found.sid, found.status, found.direction) == (caller.call.sid, "in-progress", "inbound")
    assert (found._from, found.to) == ("+81751239000", "+81753660000")
    assert found.start_time == MORNING
    assert (found.end_time, found.duration, found.parent_call_sid) == (None, None, None)
    stage.run(10)
    caller.hang_up()
    found = rest.calls(caller.call.sid).fetch()
    assert (found.status, found.duration, found.end_time) == ("completed", "10", MORNING + timedelta(seconds=10))


def test_an_unknown_call_is_not_found(rest: Any) -> None:
    with pytest.raises(TwilioRestException) as error:
        rest.calls("CA" + "9" * 32).fetch()
    assert refused(error.value) == (404, 20404)
    assert f"/Calls/CA{'9' * 32}.json was not found" in error.value.msg


def test_a_refusal_has_the_providers_shape(stage: Stage) -> None:
    account = stage.network.account
    url = f"{stage.network.url}/2010-04-01/Accounts/{account.sid}/Calls/CAx.json"
    answer = requests.get(url, auth=(account.sid, account.auth_token), timeout=10)
    assert answer.status_code == 404
    assert answer.json() == {
        "code": 20404,
        "message": f"The requested resource /2010-04-01/Accounts/{account.sid}/Calls/CAx.json was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }
    assert answer.headers["Twilio-Concurrent-Requests"] == "1"


@pytest.mark.parametrize("secret", ["wrong", "Ümlaut", ""])
def test_a_wrong_secret_is_not_let_in(stage: Stage, secret: str) -> None:
    account = stage.network.account
    url = f"{stage.network.url}/2010-04-01/Accounts/{account.sid}/Calls.json"
    for name in (account.sid, account.api_key_sid, "SKnobody"):
        answer = requests.get(url, auth=HTTPBasicAuth(name, secret), timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert requests.get(url, timeout=10).headers["WWW-Authenticate"].startswith("Basic")


def test_another_accounts_calls_are_not_found(stage: Stage) -> None:
    account = stage.network.account
    url = f"{stage.network.url}/2010-04-01/Accounts/AC{'7' * 32}/Calls.json"
    assert requests.get(url, auth=(account.sid, account.auth_token), timeout=10).status_code == 404


def test_calls_are_listed_newest_first_and_filtered(stage: Stage, rest: Any) -> None:
    stage.answer(incoming=document('<Pause length="600"/>', say("はい。")))
    callers = []
    for number in range(3):
        callers.append(stage.call(f"+8175123900{number}"))
        stage.run(60)
    callers[0].hang_up()
    assert [call.sid for call in rest.calls.list()] == [each.call.sid for each in reversed(callers)]
    assert [call.sid for call in rest.calls.list(status="no-answer")] == [callers[0].call.sid]
    assert [call.sid for call in rest.calls.list(from_="+81751239001")] == [callers[1].call.sid]
    after = MORNING + timedelta(seconds=60)
    assert len(rest.calls.list(start_time_after=after)) == 2
    assert len(rest.calls.list(start_time_before=MORNING)) == 1
    assert len(rest.calls.list(start_time=MORNING.date())) == 3
    assert rest.calls.list(start_time=date(2025, 4, 8)) == []


def test_a_long_list_comes_in_pages(stage: Stage, rest: Any) -> None:
    sids = {stage.call(f"+8175123{number:04d}").call.sid for number in range(7)}
    found = rest.calls.list(page_size=3)
    assert {call.sid for call in found} == sids
    assert len(found) == 7
    page = rest.calls.page(page_size=3)
    assert page._payload["page_size"] == 3
    assert page._payload["next_page_uri"].startswith("/2010-04-01/Accounts/")
    assert "PageToken=PACA" in page._payload["next_page_uri"]
    assert page._payload["previous_page_uri"] is None


def test_a_call_in_progress_is_sent_elsewhere(stage: Stage, rest: Any) -> None:
    stage.answer(incoming=document(say("はい。"), '<Pause length="60"/>'), connect=document(say("おつなぎします。")))
    caller = stage.call()
    stage.run(5)
    answered = rest.calls(caller.call.sid).update(url=f"{stage.product.url}/voice/connect?offer=7", method="POST")
    assert answered.status == "in-progress"
    stage.run(1)
    assert caller.heard == ["はい。", "おつなぎします。"]


def test_a_call_goes_on_with_markup_of_the_order(stage: Stage, rest: Any) -> None:
    stage.answer(incoming=document('<Pause length="1"/>', say("はい。"), '<Pause length="60"/>'))
    caller = stage.call()
    stage.run(5)
    rest.calls(caller.call.sid).update(twiml=document(say("さようなら。")))
    stage.run(1)
    assert caller.heard[-1] == "さようなら。"
    rest.calls(stage.call().call.sid)
    assert stage.codes == []


def test_a_call_sent_elsewhere_falls_back_where_the_order_says(stage: Stage, rest: Any) -> None:
    stage.network.exchange.fallback_url = f"{stage.product.url}/voice/fallback"
    stage.answer(incoming=document(say("はい。"), '<Pause length="60"/>'), connect="no markup")
    one, other = stage.call("+819012345671"), stage.call("+819012345672")
    stage.run(5)
    stage.answer(safe=document(say("少しお待ちください。"), '<Pause length="60"/>'))
    url = f"{stage.product.url}/voice/connect"
    rest.calls(one.call.sid).update(url=url, fallback_url=f"{stage.product.url}/voice/safe")
    rest.calls(other.call.sid).update(url=url)
    stage.run(5)
    assert one.heard[-1] == "少しお待ちください。"
    assert other.heard[-1] == APOLOGY
    assert stage.product.to("/voice/safe")[0]["ErrorCode"] == "12100"


def test_the_product_may_ask_over_rest_while_it_answers(stage: Stage, rest: Any) -> None:
    def incoming(form: dict[str, str]) -> str:
        return document(say(rest.calls(form["CallSid"]).fetch().status))

    stage.answer(incoming=incoming)
    caller = stage.call()
    assert caller.heard == ["ringing"]


@pytest.mark.parametrize("when", ["ringing", "over"])
def test_only_a_call_in_progress_is_sent_elsewhere(stage: Stage, rest: Any, when: str) -> None:
    stage.answer(incoming=document('<Pause length="60"/>'))
    caller = stage.call()
    if when == "over":
        caller.hang_up()
    with pytest.raises(TwilioRestException) as error:
        rest.calls(caller.call.sid).update(url=f"{stage.product.url}/voice/connect")
    assert refused(error.value) == (400, 21220)
    assert error.value.msg.endswith("Call is not in-progress. Cannot redirect.")


def test_a_call_is_ended(stage: Stage, rest: Any) -> None:
    stage.answer(incoming=document(say("はい。"), '<Pause length="60"/>'))
    caller = stage.call()
    stage.run(2)
    with pytest.raises(TwilioRestException) as error:
        rest.calls(caller.call.sid).update(status="canceled")
    assert refused(error.value) == (400, 21220)
    assert rest.calls(caller.call.sid).update(status="completed").status == "completed"
    stage.run(1)
    assert stage.product.to("/voice/status")[0]["CallStatus"] == "completed"


def test_a_call_is_placed_rings_and_is_told_of(stage: Stage, rest: Any) -> None:
    stage.answer(callback=document(say("折り返しです。")))
    placed = rest.calls.create(
        to="+819012340000",
        from_=stage.network.account.number,
        url=f"{stage.product.url}/voice/callback",
        status_callback=f"{stage.product.url}/voice/placed",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    assert (placed.status, placed.direction, placed.queue_time) == ("queued", "outbound-api", "0")
    stage.run(10)
    told = sorted(stage.product.to("/voice/placed"), key=lambda each: each["SequenceNumber"])
    assert [each["CallStatus"] for each in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert stage.product.to("/voice/callback")[0]["Direction"] == "outbound-api"


@pytest.mark.parametrize(("number", "status"), [("0001", "busy"), ("0002", "no-answer"), ("0003", "failed")])
def test_a_placed_call_that_nobody_takes(stage: Stage, rest: Any, number: str, status: str) -> None:
    placed = rest.calls.create(
        to=f"+81901234{number}", from_=stage.network.account.number, twiml=document(say("はい。")), timeout=20
    )
    stage.run(21)
    assert rest.calls(placed.sid).fetch().status == status


def test_calls_are_placed_one_a_second(stage: Stage, rest: Any) -> None:
    placed = [rest.calls.create(to="client:op_1", from_="client:city", twiml=document(say("はい。"))) for _ in range(3)]
    assert [call.queue_time for call in placed] == ["0", "1000", "2000"]
    stage.run(0.5)
    assert [rest.calls(call.sid).fetch().status for call in placed] == ["failed", "queued", "queued"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"to": ""}, 21201),
        ({"from_": ""}, 21213),
        ({"to": "anonymous"}, 21211),
        ({"to": "+266696687"}, 21211),
        ({"from_": "+81751111111"}, 21210),
        ({"url": "not an address"}, 21205),
        ({"url": None}, 21205),
        ({"status_callback": "http://under_score.example/"}, 21609),
        ({"timeout": 601}, 21208),
        ({"url": None, "twiml": "x" * 4001}, 32018),
    ],
)
def test_a_call_that_cannot_be_placed_is_refused(stage: Stage, rest: Any, told: dict[str, Any], code: int) -> None:
    usual = {"to": "+819012340000", "from_": stage.network.account.number, "url": "http://127.0.0.1/voice"}
    wish = {name: value for name, value in (usual | told).items() if value is not None}
    with pytest.raises(TwilioRestException) as error:
        rest.calls.create(**wish)
    assert refused(error.value) == (400, code)
    assert stage.network.exchange.calls == {}


def test_a_relative_address_in_inline_markup_is_a_fault(stage: Stage, rest: Any) -> None:
    rest.calls.create(
        to="+819012340000", from_=stage.network.account.number, twiml=document("<Redirect>/voice/x</Redirect>")
    )
    assert stage.codes == [15004]
