import pytest

from ivr.flow.prompts import PROMPTS, Prompt, fits_one_breath, spoken

SIGNS_A_SECOND = 6
"""Mixed kanji and kana as the voice reads them, on the slow side."""


@pytest.mark.parametrize("prompt", Prompt)
def test_every_prompt_fits_into_one_spoken_text(prompt: Prompt) -> None:
    assert fits_one_breath(spoken(prompt, position=1000))


def test_a_text_beyond_the_provider_s_limit_is_found_out() -> None:
    assert fits_one_breath("あ" * 500)
    assert not fits_one_breath("あ" * 501)


@pytest.mark.parametrize("prompt", [p for p in Prompt if p not in {Prompt.CLOSED, Prompt.NOTICE}])
def test_what_a_waiting_caller_pays_for_takes_no_longer_than_ten_seconds(prompt: Prompt) -> None:
    assert len(spoken(prompt, position=99)) <= 10 * SIGNS_A_SECOND


def test_every_prompt_has_words_and_the_place_in_the_queue_is_said() -> None:
    assert set(PROMPTS) == set(Prompt)
    assert "12番目" in spoken(Prompt.PLEASE_WAIT, position=12)


def test_no_prompt_asks_for_the_card_s_pin() -> None:
    assert not any("暗証番号" in words for words in PROMPTS.values())
