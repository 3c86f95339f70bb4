"""Every sentence the line speaks, as the city reviews it. The caller pays for the time it takes (3-2-D)."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

LONGEST_ENCODED = 4_500
LONGEST_BYTES = 3_000
"""What one spoken text may be at most: as it is written in an address, and in UTF-8 (the strictest of the voices)."""


class Prompt(StrEnum):
    GREETING = "greeting"
    NOTICE = "notice"
    NEXT_IN_LINE = "next_in_line"
    PLEASE_WAIT = "please_wait"
    BACK_IN_LINE = "back_in_line"
    CLOSED = "closed"
    SORRY = "sorry"
    THANKS = "thanks"


PROMPTS: Mapping[Prompt, str] = {
    Prompt.GREETING: "京都市マイナンバーカード予約センターです。係の者におつなぎします。",
    Prompt.NOTICE: (
        "カードの受け取りの予約には、市から届いた案内に書いてある、予約番号とパスワードが必要です。お手元にご用意ください。"
    ),
    Prompt.NEXT_IN_LINE: "次に、係の者におつなぎします。このままお待ちください。",
    Prompt.PLEASE_WAIT: "ただいま電話が混み合っています。お待ちの順番は、{position}番目です。このままお待ちください。",
    Prompt.BACK_IN_LINE: (
        "申し訳ありません。係の者が電話に出られませんでした。順番はそのままです。もう少しお待ちください。"
    ),
    Prompt.CLOSED: (
        "京都市マイナンバーカード予約センターです。ただいまの時間は、電話を受け付けていません。"
        "受付は、祝日と年末年始を除く、月曜日から金曜日の、午前9時から午後5時までです。"
        "カードの受け取りは、ホームページから、いつでも予約できます。"
    ),
    Prompt.SORRY: "申し訳ありません。ただいま電話をおつなぎできません。しばらくしてから、もう一度おかけ直しください。",
    Prompt.THANKS: "お電話ありがとうございました。",
}


def spoken(prompt: Prompt, *, position: int | None = None) -> str:
    """Return the words of a prompt."""
    return PROMPTS[prompt].format(position=position)


def fits_one_breath(words: str) -> bool:
    """Tell whether the provider's voice takes this text in one go; a kana costs nine signs of an address."""
    return len(quote(words)) <= LONGEST_ENCODED and len(words.encode()) <= LONGEST_BYTES
