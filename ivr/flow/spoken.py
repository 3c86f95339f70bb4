"""How figures sound: days, times, digits written so that a Japanese voice reads them right. Pure.

A voice reads most of 「4月15日、午後1時30分」 right by itself, and kana alone without melody; so kana stand only where
voices go wrong: the days with names of their own, seven o'clock, and digits, which together become one large number.
"""

from collections.abc import Mapping
from datetime import date, datetime, time

from booking_core.clock import TOKYO
from booking_core.date_words import NOON, WEEKDAYS

NAMED_DAYS: Mapping[int, str] = {
    1: "ついたち",
    2: "ふつか",
    3: "みっか",
    4: "よっか",
    5: "いつか",
    6: "むいか",
    7: "なのか",
    8: "ようか",
    9: "ここのか",
    10: "とおか",
    14: "じゅうよっか",
    20: "はつか",
    24: "にじゅうよっか",
}
NAMED_HOURS: Mapping[int, str] = {0: "れいじ", 4: "よじ", 7: "しちじ", 9: "くじ"}
DIGITS = ("ゼロ", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう")
GROUP = 4


def spoken_day(day: date) -> str:
    """「4月ようか、火曜日」."""
    return f"{day.month}月{NAMED_DAYS.get(day.day, f'{day.day}日')}、{WEEKDAYS[day.weekday()]}曜日"


def spoken_time(moment: time) -> str:
    """「午後しちじ」, 「午前くじ30分」: twelve hours, as people say them; noon is 午後れいじ, as on the screens."""
    hour = moment.hour % NOON
    half = "午前" if moment.hour < NOON else "午後"
    minutes = f"{moment.minute}分" if moment.minute else ""
    return f"{half}{NAMED_HOURS.get(hour, f'{hour}時')}{minutes}"


def spoken_instant(instant: datetime) -> str:
    """「4月ようか、火曜日、午前くじ」, in Tokyo."""
    local = instant.astimezone(TOKYO)
    return f"{spoken_day(local.date())}、{spoken_time(local.time())}"


def spoken_digits(text: str) -> str:
    """「いち・に・さん・よん、ご」: digits one by one, with a breath after every four; other signs are left out."""
    digits = [DIGITS[int(sign)] for sign in text if sign in "0123456789"]
    groups = ("・".join(digits[at : at + GROUP]) for at in range(0, len(digits), GROUP))
    return "、".join(groups)
