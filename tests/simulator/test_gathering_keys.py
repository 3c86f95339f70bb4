"""Keys a caller presses."""

from typing import Any

import pytest

from tests.simulator.conftest import Stage
from tests.simulator.product import document, say


def gather(more: str, *prompts: str) -> str:
    return f'<Gather action="/voice/menu" {more}>{"".join(prompts)}</Gather>'


def test_a_key_cuts_the_prompt_and_reaches_the_action(stage: Stage) -> None:
    stage.answer(incoming=document(gather('numDigits="1"', say("あ" * 80), say("い" * 80)), say("聞こえない。")))
    caller = stage.call("+819012345678", {"when": "answered", "after": 2, "press": "1"})
    stage.run(3)
    (told,) = stage.product.to("/voice/menu")
    assert (told["Digits"], told["msg"], told["CallStatus"]) == ("1", "Gather End", "in-progress")
    assert caller.heard == ["あ" * 80]


@pytest.mark.parametrize(
    ("more", "keys", "digits"),
    [
        ("", "123#", "123"),
        ('numDigits="2"', "123", "12"),
        ('finishOnKey="*"', "1#2*", "1#2"),
        ('finishOnKey="" numDigits="3"', "1#2", "1#2"),
        ("", "12", "12"),
    ],
)
def test_the_keys_end_as_the_document_says(stage: Stage, more: str, keys: str, digits: str) -> None:
    stage.answer(incoming=document(gather(more)))
    stage.call("+819012345678", {"after": 1, "press": keys})
    stage.run(8)
    assert stage.product.to("/voice/menu")[0]["Digits"] == digits


@pytest.mark.parametrize("script", [[], [{"after": 1, "press": "#"}]])
def test_silence_and_a_lone_finishing_key_fall_through(stage: Stage, script: list[dict[str, Any]]) -> None:
    stage.answer(incoming=document(gather('timeout="4"', say("はい。")), say("ありません。")))
    caller = stage.call("+819012345678", *script)
    stage.run(20)
    assert caller.heard[-1] == "ありません。"
    assert stage.product.to("/voice/menu") == []


def test_silence_reaches_the_action_if_it_is_asked_for(stage: Stage) -> None:
    stage.answer(incoming=document(gather('actionOnEmptyResult="true" timeout="4"')))
    stage.call()
    stage.run(3.9)
    assert stage.product.to("/voice/menu") == []
    stage.run(0.2)
    assert stage.product.to("/voice/menu")[0]["Digits"] == ""


def test_the_time_to_press_begins_after_the_prompt(stage: Stage) -> None:
    stage.answer(incoming=document(gather('timeout="2" numDigits="1"', say("あ" * 80))))
    stage.call("+819012345678", {"after": 11.5, "press": "7"})
    stage.run(20)
    assert stage.product.to("/voice/menu")[0]["Digits"] == "7"


def test_a_key_pressed_before_anything_listens_is_lost(stage: Stage) -> None:
    stage.answer(incoming=document(say("あ" * 40), gather('timeout="2"')))
    stage.call("+819012345678", {"after": 1, "press": "1"})
    stage.run(20)
    assert stage.product.to("/voice/menu") == []


def test_without_an_action_the_same_document_is_asked_again(stage: Stage) -> None:
    stage.answer(incoming=[document('<Gather numDigits="1"/>'), document("<Hangup/>")])
    stage.call("+819012345678", {"after": 1, "press": "1"})
    stage.run(3)
    assert [told.get("Digits") for told in stage.product.to("/voice/incoming")] == [None, "1"]


def test_a_caller_presses_when_she_hears_the_words(stage: Stage) -> None:
    stage.answer(incoming=document(say("お待ちください。"), gather('numDigits="4"', say("番号を押してください。"))))
    stage.call("+819012345678", {"heard": "番号", "after": 0.5, "press": "1234"})
    stage.run(10)
    assert stage.product.to("/voice/menu")[0]["Digits"] == "1234"
