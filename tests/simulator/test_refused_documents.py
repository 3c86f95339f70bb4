"""What the network does not take for a document, and what becomes of the call."""

from typing import Any

import pytest
from flask import Response

from simulator.network.documents import Unusable, read_answer, read_markup
from simulator.network.program import APOLOGY
from tests.simulator.conftest import Stage
from tests.simulator.product import EMPTY, dial, document, say


def typed(body: str, content_type: str) -> Response:
    return Response(body, content_type=content_type)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response("oh no", 500), 11200),
        (Response("forbidden", 403), 11200),
        (Response("slow down", 429), 11217),
        ("no markup", 12100),
        ("\n" + document(say("はい。")), 12100),
        ("<Response><Say>", 12100),
        ("<html></html>", 12102),
        ("<response/>", 12102),
        ("", 11770),
        (typed("<Response/>", "application/json"), 12300),
        (document(say("あ" * 100) * 400), 11750),
    ],
)
def test_an_unusable_answer_goes_to_the_fallback_with_its_reason(stage: Stage, answer: Any, code: int) -> None:
    stage.answer(incoming=answer, fallback=document(say("少しお待ちください。")))
    stage.network.exchange.fallback_url = f"{stage.product.url}/voice/fallback"
    caller = stage.call()
    stage.run(5)
    (told,) = stage.product.to("/voice/fallback")
    assert told["ErrorCode"] == str(code)
    assert told["ErrorUrl"] == f"{stage.product.url}/voice/incoming"
    assert caller.heard == ["少しお待ちください。"]
    assert stage.codes == [code]


def test_without_a_fallback_the_caller_hears_an_apology(stage: Stage) -> None:
    stage.answer(incoming=Response("oh no", 500))
    caller = stage.call()
    stage.run(30)
    assert caller.heard == [APOLOGY]
    assert stage.product.to("/voice/status")[0]["CallStatus"] == "completed"


def test_a_fallback_that_fails_too_is_not_asked_again(stage: Stage) -> None:
    stage.answer(incoming=Response("oh no", 500), fallback=Response("oh no", 500))
    stage.network.exchange.fallback_url = f"{stage.product.url}/voice/fallback"
    caller = stage.call()
    stage.run(30)
    assert len(stage.product.to("/voice/fallback")) == 1
    assert caller.heard == [APOLOGY]


def test_plain_text_is_read_out_and_sound_is_played() -> None:
    assert [verb.name for verb in read_answer(b"hello", "text/plain", "u").verbs] == ["Say"]
    assert [verb.name for verb in read_answer(b"<Response><Hangup/></Response>", "text/plain", "u").verbs] == ["Hangup"]
    assert [verb.name for verb in read_answer(b"RIFF", "audio/wav", "u").verbs] == ["Play", "Hangup"]
    with pytest.raises(Unusable) as unusable:
        read_answer(b"<Response/>", "", "u")
    assert unusable.value.code == 12300


def codes_of(*verbs: str) -> list[int]:
    return [code for code, _ in read_markup(document(*verbs)).faults]


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("<Sayy>はい</Sayy>", 12200),
        ("<say>はい</say>", 12200),
        (say("はい").replace("voice", "Voice"), 12200),
        ('<Pause seconds="3"/>', 12200),
        ("はい", 12200),
        ('<Pause length="-1"/>', 13910),
        ('<Pause length="x"/>', 13910),
        ('<Play loop="1001">/a.wav</Play>', 13410),
        ("<Play/>", 13420),
        (say("はい").replace(" language", ' loop="-1" language'), 13510),
        ('<Gather numDigits="0"/>', 13314),
        ('<Gather timeout="0"/>', 13313),
        ('<Gather finishOnKey="##"/>', 13310),
        ('<Gather method="PUT"/>', 13312),
        ("<Gather><Redirect>/x</Redirect></Gather>", 13320),
        ("<Gather><Dial>+81751111111</Dial></Gather>", 13320),
        ('<Gather input="keys"/>', 12200),
        ('<Gather hints="' + "あ" * 5000 + '"/>', 13330),
        ('<Record maxLength="0"/>', 13612),
        ('<Record playBeep="yes"/>', 13616),
        ("<Enqueue></Enqueue>", 14204),
        (f"<Enqueue>{'x' * 65}</Enqueue>", 14205),
        ('<Enqueue method="PUT">q</Enqueue>', 14201),
        ('<Enqueue waitUrl="ftp://x/y">q</Enqueue>', 14202),
        ('<Enqueue action="a b">q</Enqueue>', 14203),
        ('<Enqueue waitUrlMethod="post">q</Enqueue>', 14206),
        ("<Dial/>", 13223),
        ('<Dial timeout="0">+81751111111</Dial>', 13212),
        ('<Dial timeLimit="99999">+81751111111</Dial>', 13216),
        ('<Dial method="PUT">+81751111111</Dial>', 13210),
        ('<Dial hangupOnStar="yes">+81751111111</Dial>', 13213),
        ("<Dial><Say>はい</Say></Dial>", 13215),
        ("<Dial><Queue></Queue></Dial>", 14212),
        (f"<Dial><Queue>{'x' * 65}</Queue></Dial>", 14213),
        ('<Dial><Queue url="a b">q</Queue></Dial>', 14211),
        ("<Dial><Conference></Conference></Dial>", 13237),
        ('<Dial><Conference muted="maybe">r</Conference></Dial>', 13230),
        ('<Dial><Conference beep="loud">r</Conference></Dial>', 13235),
        ("<Dial><Conference>r</Conference><Number>+81751111111</Number></Dial>", 13000),
        ("<Dial>" + "<Client>a</Client>" * 11 + "</Dial>", 13215),
        (f"<Dial><Client>{'x' * 257}</Client></Dial>", 13223),
        ('<Dial><Client statusCallback="http://a_b.example/x">op</Client></Dial>', 11100),
        ('<Dial><Client statusCallbackEvent="answered ended">op</Client></Dial>', 12200),
        ('<Dial><Client><Parameter value="1"/><Identity>op</Identity></Client></Dial>', 12200),
        ('<Redirect method="PUT">/x</Redirect>', 13710),
        ("<Redirect></Redirect>", 11100),
        ('<Reject reason="no"/>', 12200),
        ("<Leave/>text", 12200),
    ],
)
def test_each_fault_of_a_verb_has_the_providers_number(verb: str, code: int) -> None:
    assert codes_of(verb)[0] == code


@pytest.mark.parametrize(
    "verb",
    [
        say("はい。"),
        '<Say voice="Google.ja-JP-Neural2-B" language="ja-JP">はい。</Say>',
        '<Say voice="Polly.Takumi" language="ja-JP">はい<say-as interpret-as="digits">1</say-as></Say>',
        '<Say voice="woman">Hello.</Say>',
        '<Gather input="dtmf" timeout="5" numDigits="1" finishOnKey="" action="/x" method="POST"><Pause/></Gather>',
        '<Enqueue waitUrl="" action="/x">q</Enqueue>',
        '<Enqueue waitUrl="http://127.0.0.1:8000/voice/wait#rc=2&amp;rp=all" waitUrlMethod="POST">q</Enqueue>',
        dial(noun='url="/w" statusCallback="http://127.0.0.1/s" statusCallbackEvent="initiated completed"'),
        '<Dial callerId="+81753660000" record="record-from-answer-dual"><Number>+81751111111</Number></Dial>',
        '<Dial><Conference startConferenceOnEnter="true" statusCallbackEvent="start end join">r</Conference></Dial>',
        "<Leave/>",
        '<Reject reason="busy"/>',
    ],
)
def test_what_is_right_has_no_fault(verb: str) -> None:
    assert codes_of(verb) == []


@pytest.mark.parametrize(
    ("text", "voice", "code"),
    [
        ("あ" * 500, "Polly.Tomoko-Neural", None),
        ("あ" * 501, "Polly.Tomoko-Neural", 13521),
        ("a" * 3000, "Polly.Tomoko-Neural", None),
        ("a" * 3001, "Polly.Tomoko-Neural", 13521),
        ("a" * 4096, "alice", None),
        ("a" * 4097, "alice", 13521),
        ("a" * 4500, "Google.ja-JP-Standard-B", None),
        ("a" * 4501, "Google.ja-JP-Standard-B", 13521),
        ("はい", "Polly.Tomoko", 13511),
        ("はい", "Polly.Kazuha-Neural", None),
        ("はい", "Polly.Kazuha", 13511),
        ("はい", "Polly.Joanna", 13511),
        ("はい", "man", 13511),
        ("はい", "nobody", 13511),
        ("", "Polly.Tomoko-Neural", 13520),
    ],
)
def test_a_text_has_to_suit_its_voice(text: str, voice: str, code: int | None) -> None:
    found = codes_of(f'<Say voice="{voice}" language="ja-JP">{text}</Say>')
    assert found == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ('voice="Polly.Tomoko-Neural" language="en-US"', 13512),
        ('voice="Polly.Tomoko-Neural"', None),
        ("", 13520),
        ('language="ja-JP"', 13511),
        ('voice="alice" language="en-US"', 13520),
    ],
)
def test_japanese_needs_a_japanese_voice(attributes: str, code: int | None) -> None:
    assert codes_of(f"<Say {attributes}>はい。</Say>") == ([] if code is None else [code])


def test_a_text_the_voice_does_not_take_is_not_heard_and_the_call_goes_on(stage: Stage) -> None:
    stage.answer(incoming=document(say("あ" * 501), say("はい。")))
    caller = stage.call()
    stage.run(3)
    assert caller.heard == ["はい。"]
    assert stage.codes == [13521]


def test_a_misspelt_attribute_takes_no_effect(stage: Stage) -> None:
    stage.answer(incoming=document('<Pause Length="9"/>', say("はい。")))
    caller = stage.call()
    stage.run(1.1)
    assert caller.heard == ["はい。"]
    assert stage.codes == [12200]


@pytest.mark.parametrize(("verb", "code"), [('<Enqueue method="PUT" action="/voice/left-queue">q</Enqueue>', 14201)])
def test_an_enqueue_that_cannot_be_executed_is_told_as_an_error(stage: Stage, verb: str, code: int) -> None:
    stage.answer(incoming=document(verb), left_queue=EMPTY)
    stage.call()
    stage.run(1)
    assert stage.product.to("/voice/left-queue")[0]["QueueResult"] == "error"
    assert stage.codes == [code]


@pytest.mark.parametrize(
    ("number", "more", "code"),
    [
        ("+819012345678", 'callerId="+81751111111"', 13214),
        ("anonymous", "", 13247),
        ("+266696687", "", 13247),
        ("anonymous", 'callerId="+81753660000"', None),
        ("+819012345678", "", None),
    ],
)
def test_a_number_is_dialled_under_a_number_that_may_be_shown(
    stage: Stage, number: str, more: str, code: int | None
) -> None:
    dialled = f'<Dial action="/voice/dial-ended" {more}><Number>+81751110004</Number></Dial>'
    stage.answer(incoming=document(dialled))
    stage.call(number)
    stage.run(20)
    assert stage.codes == ([] if code is None else [code])
    (told,) = stage.product.to("/voice/dial-ended")
    assert told["DialCallStatus"] == ("completed" if code is None else "failed")


def test_documents_that_go_round_in_a_circle_end_the_call(stage: Stage) -> None:
    stage.answer(incoming=document("<Redirect>/voice/incoming</Redirect>"))
    caller = stage.call()
    stage.run(30)
    assert caller.call.over
    assert stage.codes == [12400]
