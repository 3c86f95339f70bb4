from xml.etree.ElementTree import Element, fromstring

import pytest

from ivr.flow.next_step import Connect, Enqueue, HangUp, LeaveQueue, Menu, Nothing, Step, Wait
from ivr.twilio.twiml import LONGEST_SILENCE_SECONDS, SHORTEST_SILENCE_SECONDS, Speech, document, silence_seconds

SPEECH = Speech("https://voice.example.jp")
IN_A_WAIT_DOCUMENT = {"Play", "Say", "Pause", "Hangup", "Redirect", "Leave", "Gather"}


def written(step: Step) -> Element:
    text = document(step, SPEECH)
    assert text.startswith("<?xml")
    root = fromstring(text)  # noqa: S314 - our own answer
    assert root.tag == "Response"
    return root


def test_the_greeting_ends_in_a_queue_that_asks_us_while_she_waits() -> None:
    say, enqueue = written(Enqueue(("おつなぎします。",)))
    assert (say.tag, say.text, say.get("language")) == ("Say", "おつなぎします。", "ja-JP")
    assert enqueue.tag == "Enqueue"
    assert enqueue.get("waitUrl") == "https://voice.example.jp/voice/wait"
    assert enqueue.get("action") == "https://voice.example.jp/voice/left-queue"
    assert 0 < len(enqueue.text or "") <= 64


@pytest.mark.parametrize("step", [Wait(), Wait(("お待ちください。",), 3), LeaveQueue(), HangUp(("終わりました。",))])
def test_a_wait_document_holds_only_what_may_stand_there(step: Step) -> None:
    assert {each.tag for each in written(step)} <= IN_A_WAIT_DOCUMENT


def test_a_wait_document_takes_time_so_that_it_is_not_asked_for_in_a_tight_loop() -> None:
    assert written(Wait())[-1].attrib == {"length": str(SHORTEST_SILENCE_SECONDS)}


def test_who_stands_far_behind_is_asked_less_often() -> None:
    seconds = [silence_seconds(position) for position in (1, 4, 20, 1000)]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (SHORTEST_SILENCE_SECONDS, LONGEST_SILENCE_SECONDS)


def test_the_menu_takes_one_key_and_goes_on_without_one() -> None:
    gather, redirect = written(Menu(("予約は1を。",)))
    assert (gather.tag, gather.get("numDigits"), gather.get("action")) == (
        "Gather",
        "1",
        f"{SPEECH.voice_url}/voice/menu",
    )
    assert [each.tag for each in gather] == ["Say"]
    assert (redirect.tag, redirect.text) == ("Redirect", f"{SPEECH.voice_url}/voice/menu")


def test_taking_a_caller_out_of_the_queue_needs_no_more_than_a_word() -> None:
    assert [each.tag for each in written(LeaveQueue())] == ["Leave"]


def test_an_operator_is_rung_and_every_way_it_ends_comes_back_to_us() -> None:
    (dial,) = written(Connect(offer_id=7, account_id=3))
    (client,) = dial
    assert dial.get("action") == "https://voice.example.jp/voice/dial-ended?offer=7"
    assert dial.get("answerOnBridge") == "true"
    assert 5 <= int(dial.get("timeout", "0")) <= 600
    assert client.text == "op_3"
    assert client.get("url") == "https://voice.example.jp/voice/operator-answered?offer=7"
    assert client.get("statusCallback") == "https://voice.example.jp/voice/operator-status?offer=7"
    assert client.get("statusCallbackEvent") == "initiated ringing answered completed"


def test_nothing_to_say_is_an_empty_document_and_not_an_empty_body() -> None:
    assert len(written(Nothing())) == 0
    assert [each.tag for each in written(HangUp())] == ["Hangup"]
