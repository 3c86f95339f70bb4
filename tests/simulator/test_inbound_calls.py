"""What a caller hears, what the product is told, and how a call ends."""

import pytest

from tests.simulator.conftest import MORNING, Stage
from tests.simulator.product import document, say


def test_the_first_request_is_ringing_and_the_next_in_progress(stage: Stage) -> None:
    stage.answer(incoming=document(say("はい。"), "<Redirect>/voice/menu</Redirect>"), menu=document("<Hangup/>"))
    caller = stage.call()
    stage.run(5)
    (first,), (second,), (last,) = (stage.product.to(f"/voice/{path}") for path in ("incoming", "menu", "status"))
    assert (first["CallStatus"], second["CallStatus"], last["CallStatus"]) == ("ringing", "in-progress", "completed")
    assert first["CallSid"] == second["CallSid"] == last["CallSid"] == caller.call.sid
    assert caller.heard == ["はい。"]
    assert stage.codes == []


def test_a_request_holds_what_the_network_tells_of_a_call(stage: Stage) -> None:
    stage.call("+81751239000")
    (told,) = stage.product.to("/voice/incoming")
    geo = {f"{side}{part}": "" for side in ("From", "To", "Caller", "Called") for part in ("City", "State", "Zip")}
    geo |= {f"{side}Country": "JP" for side in ("From", "To", "Caller", "Called")}
    assert told == geo | {
        "AccountSid": stage.network.account.sid,
        "ApiVersion": "2010-04-01",
        "CallSid": told["CallSid"],
        "CallStatus": "ringing",
        "Called": "+81753660000",
        "Caller": "+81751239000",
        "Direction": "inbound",
        "From": "+81751239000",
        "To": "+81753660000",
    }
    assert told["CallSid"].startswith("CA")
    assert len(told["CallSid"]) == 34


def test_the_end_is_told_once_with_its_length(stage: Stage) -> None:
    stage.answer(incoming=document('<Pause length="2"/>', say("はい。"), '<Pause length="70"/>'))
    caller = stage.call()
    stage.run(30)
    caller.hang_up()
    caller.hang_up()
    stage.run(1)
    (told,) = stage.product.to("/voice/status")
    assert (told["CallStatus"], told["CallDuration"], told["Duration"]) == ("completed", "28", "1")
    assert (told["SequenceNumber"], told["CallbackSource"]) == ("0", "call-progress-events")
    assert told["Timestamp"] == "Mon, 07 Apr 2025 00:30:30 +0000"


def test_a_caller_who_gives_up_while_it_rings_was_never_answered(stage: Stage) -> None:
    stage.answer(incoming=document('<Pause length="10"/>', say("はい。")))
    caller = stage.call("+819012345678", {"when": "ringing", "after": 3, "hang_up": True})
    stage.run(20)
    (told,) = stage.product.to("/voice/status")
    assert (told["CallStatus"], told["CallDuration"], told["SipResponseCode"]) == ("no-answer", "0", "487")
    assert caller.heard == []


def test_speaking_takes_its_time(stage: Stage) -> None:
    stage.answer(incoming=document(say("あ" * 80), "<Redirect>/voice/menu</Redirect>"))
    stage.call()
    stage.run(9.9)
    assert stage.product.to("/voice/menu") == []
    stage.run(0.2)
    assert len(stage.product.to("/voice/menu")) == 1


@pytest.mark.parametrize(
    ("verb", "status", "sip"),
    [('<Reject reason="busy"/>', "busy", "486"), ("<Reject/>", "no-answer", "603")],
)
def test_a_rejected_call_ends_unanswered(stage: Stage, verb: str, status: str, sip: str) -> None:
    stage.answer(incoming=document(verb, say("これは聞こえない。")))
    caller = stage.call()
    stage.run(5)
    (told,) = stage.product.to("/voice/status")
    assert (told["CallStatus"], told["SipResponseCode"]) == (status, sip)
    assert caller.heard == []


def test_a_played_file_is_heard(stage: Stage) -> None:
    stage.answer(incoming=document('<Play loop="2">https://example.com/a.wav</Play>'))
    caller = stage.call()
    stage.run(20)
    assert caller.heard == ["https://example.com/a.wav"] * 2


def test_a_recording_is_told_with_the_key_that_ended_it(stage: Stage) -> None:
    record = '<Record action="/voice/recorded" recordingStatusCallback="/voice/file" timeout="3"/>'
    stage.answer(incoming=document(record, say("これは聞こえない。")))
    caller = stage.call("+819012345678", {"after": 1, "speak": 4}, {"after": 6, "press": "5"})
    stage.run(20)
    (told,), (file,) = stage.product.to("/voice/recorded"), stage.product.to("/voice/file")
    assert (told["Digits"], told["RecordingDuration"]) == ("5", "7")
    assert told["RecordingUrl"] == file["RecordingUrl"]
    assert file["RecordingStatus"] == "completed"
    assert caller.heard == []


def test_a_recording_ends_with_silence_and_of_silence_nothing_is_kept(stage: Stage) -> None:
    record = '<Record action="/voice/recorded" timeout="3"/>'
    stage.answer(incoming=document(record, say("お話がないようです。")))
    silent = stage.call()
    speaking = stage.call("+819012345679", {"after": 1, "speak": 2})
    stage.run(20)
    (told,) = stage.product.to("/voice/recorded")
    assert (told["CallSid"], told["RecordingDuration"], told["Digits"]) == (speaking.call.sid, "6", "")
    assert silent.heard == ["お話がないようです。"]


def test_a_caller_hangs_up_while_she_is_recorded(stage: Stage) -> None:
    stage.answer(incoming=document('<Record action="/voice/recorded"/>'))
    stage.call("+819012345678", {"after": 1, "speak": 2}, {"after": 2, "hang_up": True})
    stage.run(20)
    assert stage.product.to("/voice/recorded")[0]["Digits"] == "hangup"


@pytest.mark.parametrize("number", ["anonymous", "+266696687", "+7378742833", ""])
def test_a_withheld_number_arrives_as_the_network_shows_it(stage: Stage, number: str) -> None:
    stage.call(number)
    assert stage.product.to("/voice/incoming")[0]["From"] == number


def test_time_stands_while_a_request_is_in_flight(stage: Stage) -> None:
    assert stage.timeline.now() == MORNING
    stage.answer(incoming=document("<Redirect>/voice/menu</Redirect>"), menu=document("<Redirect>/voice/a</Redirect>"))
    stage.call()
    assert stage.timeline.now() == MORNING
    assert [path for path in stage.product.paths() if path != "/voice/status"] == [
        "/voice/incoming", "/voice/menu", "/voice/a",
    ]  # fmt: skip
