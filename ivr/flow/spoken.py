"""How figures sound: days, times, digits and venues written so that a Japanese voice reads them right.

A voice reads 「4月8日」 or 「19時」 now one way, now another, and digits that stand together as one large number. Pure.
"""

from datetime import date, datetime, time

from booking_core.clock import TOKYO
from booking_core.date_words import NOON

MONTHS = (
    *("いちがつ", "にがつ", "さんがつ", "しがつ", "ごがつ", "ろくがつ"),
    *("しちがつ", "はちがつ", "くがつ", "じゅうがつ", "じゅういちがつ", "じゅうにがつ"),
)
_FIRST_DAYS = (
    *("ついたち", "ふつか", "みっか", "よっか", "いつか", "むいか", "なのか", "ようか", "ここのか", "とおか"),
    *("じゅういちにち", "じゅうににち", "じゅうさんにち", "じゅうよっか", "じゅうごにち", "じゅうろくにち"),
    *("じゅうしちにち", "じゅうはちにち", "じゅうくにち", "はつか", "にじゅういちにち", "にじゅうににち"),
    *("にじゅうさんにち", "にじゅうよっか", "にじゅうごにち", "にじゅうろくにち", "にじゅうしちにち"),
    *("にじゅうはちにち", "にじゅうくにち", "さんじゅうにち", "さんじゅういちにち"),
)
WEEKDAYS = ("げつようび", "かようび", "すいようび", "もくようび", "きんようび", "どようび", "にちようび")
HOURS = (
    *("れいじ", "いちじ", "にじ", "さんじ", "よじ", "ごじ"),
    *("ろくじ", "しちじ", "はちじ", "くじ", "じゅうじ", "じゅういちじ"),
)
DIGITS = ("ゼロ", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう")
_TENS = ("", "じゅう", "にじゅう", "さんじゅう", "よんじゅう", "ごじゅう")
_MINUTE_ENDS = (
    "",
    "いっぷん",
    "にふん",
    "さんぷん",
    "よんぷん",
    "ごふん",
    "ろっぷん",
    "ななふん",
    "はっぷん",
    "きゅうふん",
)
GROUP = 4
TEN = 10


def spoken_day(day: date) -> str:
    """「しがつようか、かようび」."""
    return f"{MONTHS[day.month - 1]}{_FIRST_DAYS[day.day - 1]}、{WEEKDAYS[day.weekday()]}"


def spoken_time(moment: time) -> str:
    """「ごごしちじ」, 「ごぜんくじさんじゅっぷん」: twelve hours, as people say them; noon is ごごれいじ."""
    half = "ごぜん" if moment.hour < NOON else "ごご"
    return f"{half}{HOURS[moment.hour % NOON]}{_minutes(moment.minute)}"


def spoken_instant(instant: datetime) -> str:
    """「しがつようか、かようび、ごぜんくじ」, in Tokyo."""
    local = instant.astimezone(TOKYO)
    return f"{spoken_day(local.date())}、{spoken_time(local.time())}"


def spoken_digits(text: str) -> str:
    """「いち・に・さん・よん、ご」: digits one by one, with a breath after every four; other signs are left out."""
    digits = [DIGITS[int(sign)] for sign in text if sign in "0123456789"]
    groups = ("・".join(digits[at : at + GROUP]) for at in range(0, len(digits), GROUP))
    return "、".join(groups)


def _minutes(minute: int) -> str:
    if minute == 0:
        return ""
    tens, ones = divmod(minute, TEN)
    if ones:
        return _TENS[tens] + _MINUTE_ENDS[ones]
    return {1: "じゅっぷん", 2: "にじゅっぷん", 3: "さんじゅっぷん", 4: "よんじゅっぷん", 5: "ごじゅっぷん"}[tens]
