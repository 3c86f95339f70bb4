import pytest

from ivr.flow.next_step import TOPICS
from ivr.flow.prompts import PROMPTS, Prompt, fits_one_breath
from ivr.notices import LONGEST_WORDS
from ivr.twilio.twiml import KEY_SECONDS

SIGNS_A_SECOND = 6
"""Mixed kanji and kana as the voice reads them, on the slow side."""

FIGURES = {"position": 1000, "minutes": 30, "words": "あ" * LONGEST_WORDS, "opening": "あ" * 20} | {
    "opens": "午前くじ30分",
    "closes": "午後じゅうにじ",
}


@pytest.mark.parametrize("prompt", Prompt)
def test_every_prompt_fits_into_one_spoken_text(prompt: Prompt) -> None:
    assert fits_one_breath(PROMPTS[prompt].format(**FIGURES))


def test_a_text_beyond_the_provider_s_limit_is_found_out() -> None:
    assert fits_one_breath("あ" * 500)
    assert not fits_one_breath("あ" * 501)


@pytest.mark.req("3-2-D")
@pytest.mark.parametrize(
    "prompt", [p for p in Prompt if p not in {Prompt.MENU, Prompt.CLOSED, Prompt.CLOSED_FOR, Prompt.NOBODY_LEFT}]
)
def test_what_a_caller_pays_for_takes_no_longer_than_ten_seconds(prompt: Prompt) -> None:
    assert len(PROMPTS[prompt].format(**FIGURES)) <= 10 * SIGNS_A_SECOND


def test_silence_brings_a_person_within_twenty_five_seconds() -> None:
    spoken = PROMPTS[Prompt.GREETING] + PROMPTS[Prompt.MENU]
    assert len(spoken) / SIGNS_A_SECOND + KEY_SECONDS <= 25


def test_the_menu_has_at_most_four_choices_and_names_each_of_them() -> None:
    assert len(TOPICS) + 1 <= 4
    assert all(f"{key}を" in PROMPTS[Prompt.MENU] for key in (*TOPICS, "0"))


def test_every_prompt_has_words_and_none_asks_for_the_card_s_pin() -> None:
    assert set(PROMPTS) == set(Prompt)
    assert not any("暗証番号" in words for words in PROMPTS.values())
