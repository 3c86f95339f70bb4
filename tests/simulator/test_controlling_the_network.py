"""Scripts, scenarios and the controls other programs use."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator.network.account import Account, WrongSetting
from simulator.network.scenarios import SCENARIOS, scenario_of
from simulator.network.scripts import WrongScript, read_script
from tests.simulator.conftest import Stage
from tests.simulator.product import Product, dial, document, say

ROOT = Path(__file__).parents[2]
ENQUEUE = '<Enqueue waitUrl="/voice/wait" action="/voice/left-queue">madoguchi</Enqueue>'


def post(stage: Stage, path: str, **told: Any) -> requests.Response:
    return requests.post(f"{stage.network.url}/simulator/{path}", json=told, timeout=10)


def get(stage: Stage, path: str) -> Any:
    return requests.get(f"{stage.network.url}/simulator/{path}", timeout=10).json()


def test_a_caller_is_sent_over_http_and_shows_her_whole_call(stage: Stage) -> None:
    stage.answer(incoming=document('<Gather numDigits="1" action="/voice/menu">', say("番号を。"), "</Gather>"))
    stage.answer(menu=document('<Pause length="60"/>'))
    script = [{"heard": "番号", "after": 0.1, "press": "1"}, {"after": 2, "hang_up": True}]
    made = post(stage, "calls", **{"from": "+81751239000", "script": script})
    assert made.status_code == 201
    stage.run(5)
    shown = get(stage, f"calls/{made.json()['sid']}")
    kinds = [entry["kind"] for entry in shown["entries"]]
    assert {"request", "answer", "heard", "pressed", "status", "place", "put_down"} <= set(kinds)
    request = next(entry for entry in shown["entries"] if entry["kind"] == "request")
    assert request["fields"]["From"] == "+81751239000"
    assert [call["sid"] for call in get(stage, "calls?status=completed")["calls"]] == [made.json()["sid"]]


def test_a_caller_is_played_by_hand(stage: Stage) -> None:
    stage.answer(incoming=document('<Gather numDigits="1" timeout="60" action="/voice/menu"/>'))
    sid = post(stage, "calls", **{"from": "+81751239000", "script": []}).json()["sid"]
    stage.timeline.settle()
    assert post(stage, f"calls/{sid}/press", keys="3").status_code == 200
    stage.timeline.settle()
    assert stage.product.to("/voice/menu")[0]["Digits"] == "3"
    assert post(stage, f"calls/{sid}/hang-up").json()["status"] == "completed"
    assert post(stage, f"calls/{sid}/sing").status_code == 404
    assert post(stage, "calls/CA1/press", keys="3").status_code == 404


def test_what_happens_in_a_call_is_streamed(stage: Stage) -> None:
    stage.answer(incoming=document(say("はい。")))
    sid = post(stage, "calls", **{"from": "+81751239000"}).json()["sid"]
    stage.run(2)
    url = f"{stage.network.url}/simulator/calls/{sid}/events"
    with requests.get(url, stream=True, timeout=10) as answer:
        lines = answer.iter_lines()
        kinds = [line.decode().removeprefix("event: ") for line in (next(lines) for _ in range(20)) if b"event" in line]
    assert kinds[:3] == ["status", "place", "request"]


@pytest.mark.parametrize(
    "script",
    [[{"sing": True}], [{"when": "asleep"}], [{"press": "A"}]],
)
def test_a_script_nobody_can_play_is_refused(stage: Stage, script: list[dict[str, Any]]) -> None:
    with pytest.raises(WrongScript):
        read_script(script)
    assert post(stage, "calls", **{"from": "+81751239000", "script": script}).status_code == 422


def test_a_form_of_another_site_controls_nothing(stage: Stage) -> None:
    answer = requests.post(f"{stage.network.url}/simulator/calls", data={"from": "x"}, timeout=10)
    assert answer.status_code == 422
    assert stage.network.exchange.calls == {}


def test_faults_are_planned_over_http(stage: Stage) -> None:
    assert post(stage, "faults/rest", fault="too_many", times=2).status_code == 200
    assert post(stage, "faults/rest", fault="nonsense").status_code == 422
    assert requests.delete(f"{stage.network.url}/simulator/faults/rest", timeout=10).status_code == 204
    told = post(stage, "faults/callbacks", usual="late", planned=["twice", "never"], late_seconds=2).json()
    assert told == {"usual": "late", "planned": ["twice", "never"], "late_seconds": 2.0}


def test_what_was_found_wrong_is_shown_and_forgotten(stage: Stage) -> None:
    stage.answer(incoming="no markup")
    sid = stage.call().call.sid
    shown = get(stage, "debugger")
    assert [(each["code"], each["call_sid"]) for each in shown["violations"]] == [(12100, sid)]
    requests.delete(f"{stage.network.url}/simulator/debugger", timeout=10)
    assert get(stage, "debugger") == {"violations": [], "failures": []}


@pytest.mark.parametrize(
    ("number", "place"),
    [("+81751239001", "ended"), ("+81751239002", "ended"), ("+81751239003", "ended"), ("+81751239000", "queued")],
)
def test_a_number_plays_its_part(stage: Stage, number: str, place: str) -> None:
    stage.answer(incoming=document('<Pause length="1"/>', say("はい。"), ENQUEUE), wait=document('<Pause length="3"/>'))
    stage.network.call(number)
    stage.run(60)
    (call,) = stage.network.exchange.calls.values()
    assert call.place == place
    assert scenario_of(number) is SCENARIOS[number].script


def test_patience_ends_in_the_queue_but_not_in_a_talk(stage: Stage) -> None:
    stage.answer(incoming=document(ENQUEUE), wait=document('<Pause length="3"/>'))
    waiting = stage.call("+819012345671", patience=45)
    stage.run(50)
    stage.answer(incoming=document(dial()))
    operator = stage.operator()
    talking = stage.call("+819012345672", patience=45)
    stage.run(1)
    operator.accept()
    stage.run(60)
    assert (waiting.call.over, talking.call.over) == (True, False)


@pytest.mark.parametrize("name", ["VOICE_URL", "PUBLIC_URL", "STAFF_URL"])
def test_a_public_address_is_refused(name: str) -> None:
    environ = environment("http://127.0.0.1:8000") | {name: "https://example.com"}
    with pytest.raises(WrongSetting, match=name):
        Account.from_environment(environ)


@pytest.mark.parametrize("name", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SECRET", "TWILIO_NUMBER"])
def test_a_missing_setting_is_named(name: str) -> None:
    environ = environment("http://127.0.0.1:8000")
    del environ[name]
    with pytest.raises(WrongSetting, match=name):
        Account.from_environment(environ)


def environment(voice_url: str) -> dict[str, str]:
    return {
        "VOICE_URL": voice_url,
        "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
        "TWILIO_AUTH_TOKEN": "12345678901234567890123456789012",
        "TWILIO_API_KEY_SID": "SK" + "2" * 32,
        "TWILIO_API_KEY_SECRET": "a secret of at least thirty-two signs",
        "TWILIO_NUMBER": "+81753660000",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_calls_and_stops_when_told(product: Product, number: signal.Signals) -> None:
    product.answers["/voice/incoming"] = document(say("はい。"))
    command = [sys.executable, "-m", "simulator.network", "--port", "0", "--speed-up", "100"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment(product.url), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        url = process.stdout.readline().split()[1]
        assert requests.get(f"{url}/healthz", timeout=10).text == "ok\n"
        assert requests.post(f"{url}/simulator/calls", json={"from": "+81751239000"}, timeout=10).status_code == 201
        assert product.wait_for("/voice/status")[0]["CallStatus"] == "completed"
        process.send_signal(number)
        assert process.wait(10) == 0


def test_the_process_says_what_is_missing() -> None:
    environ = os.environ | environment("https://example.com")
    command = [sys.executable, "-m", "simulator.network"]
    told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "VOICE_URL" in told.stderr
