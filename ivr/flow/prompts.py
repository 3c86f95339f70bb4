"""Every sentence the line speaks, as the city reviews it. The caller pays for the time it takes (3-2-D).

Numbers that vary are spoken by `ivr/flow/spoken.py`, so that no voice reads them wrong.
"""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

LONGEST_ENCODED = 4_500
LONGEST_BYTES = 3_000
"""What one spoken text may be at most: as it is written in an address, and in UTF-8 (the strictest of the voices)."""


class Prompt(StrEnum):
    GREETING = "greeting"
    MENU = "menu"
    WRONG_KEY = "wrong_key"
    CONNECTING = "connecting"
    HAVE_READY = "have_ready"
    NEXT_IN_LINE = "next_in_line"
    PLEASE_WAIT = "please_wait"
    EXPECT = "expect"
    EXPECT_LONG = "expect_long"
    STILL_WAITING = "still_waiting"
    BACK_IN_LINE = "back_in_line"
    CLOSED = "closed"
    CLOSED_FOR = "closed_for"
    OPENS_AGAIN = "opens_again"
    BOOK_ONLINE = "book_online"
    NOBODY_LEFT = "nobody_left"
    SORRY = "sorry"
    THANKS = "thanks"


PROMPTS: Mapping[Prompt, str] = {
    Prompt.GREETING: "京都市マイナンバーカード予約センターです。",
    Prompt.MENU: (
        "カードの受け取りの予約は、1を。"
        "カードの申請や、電子証明書の更新の予約は、2を。"
        "予約の変更や、取り消しは、3を。"
        "そのほかは、0を押してください。"
        "押さずにお待ちになっても、係の者につながります。"
    ),
    Prompt.WRONG_KEY: "その番号のご案内は、ありません。",
    Prompt.CONNECTING: "係の者におつなぎします。",
    Prompt.HAVE_READY: "市から届いた案内に書いてある、予約番号とパスワードを、お手元にご用意ください。",
    Prompt.NEXT_IN_LINE: "次に、係の者におつなぎします。このままお待ちください。",
    Prompt.PLEASE_WAIT: "ただいま電話が混み合っています。お待ちの順番は、{position}番目です。",
    Prompt.EXPECT: "およそ{minutes}分で、おつなぎできる見込みです。",
    Prompt.EXPECT_LONG: "おつなぎするまで、{minutes}分よりも長くかかる見込みです。",
    Prompt.STILL_WAITING: "このままお待ちください。",
    Prompt.BACK_IN_LINE: (
        "申し訳ありません。係の者が、電話に出られませんでした。順番はそのままです。もう少しお待ちください。"
    ),
    Prompt.CLOSED: (
        "京都市マイナンバーカード予約センターです。ただいまの時間は、電話を受け付けていません。"
        "受付は、祝日と年末年始を除く、月曜日から金曜日の、{opens}から{closes}までです。"
    ),
    Prompt.CLOSED_FOR: "京都市マイナンバーカード予約センターです。{words}",
    Prompt.OPENS_AGAIN: "次の受付は、{opening}からです。",
    Prompt.BOOK_ONLINE: "カードの受け取りは、ホームページから、いつでも予約できます。",
    Prompt.NOBODY_LEFT: ("申し訳ありません。本日の受付は終わりました。次の受付の時間に、もう一度おかけください。"),
    Prompt.SORRY: "申し訳ありません。ただいま電話をおつなぎできません。しばらくしてから、もう一度おかけ直しください。",
    Prompt.THANKS: "お電話ありがとうございました。",
}


def fits_one_breath(words: str) -> bool:
    """Tell whether the provider's voice takes this text in one go; a kana costs nine signs of an address."""
    return len(quote(words)) <= LONGEST_ENCODED and len(words.encode()) <= LONGEST_BYTES
