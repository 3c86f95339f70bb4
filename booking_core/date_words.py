"""How days, times and instants are written for people in Japanese. Pure: no database, no clock.

Inside the system instants are aware UTC; here they become Tokyo time.
"""

from datetime import date, datetime, time
from typing import Final

from booking_core.clock import TOKYO

WEEKDAYS: Final = "月火水木金土日"
NOON: Final = 12

# First day of each era that a person alive today may have been born in, newest first.
ERAS: Final = (
    (date(2019, 5, 1), "令和"),
    (date(1989, 1, 8), "平成"),
    (date(1926, 12, 25), "昭和"),
    (date(1912, 7, 30), "大正"),
    (date(1868, 10, 23), "明治"),
)


def _refuse_instant(day: date) -> None:
    if isinstance(day, datetime):
        raise TypeError("an instant is no day: convert it with in_tokyo(...).date() first")


def weekday_ja(day: date) -> str:
    """「火」: the weekday as one character.

    Like all functions here that take a day, it refuses a datetime: in UTC that may lie on the day before.
    """
    _refuse_instant(day)
    return WEEKDAYS[day.weekday()]


def date_ja(day: date) -> str:
    """「2025年4月8日（火）」: the form of every screen."""
    return f"{day.year}年{day_ja(day)}"


def day_ja(day: date) -> str:
    """「4月8日（火）」: where the year is said nearby, as in a calendar."""
    return f"{day.month}月{day.day}日（{weekday_ja(day)}）"


def month_ja(day: date) -> str:
    """「2025年4月」: the month a day lies in."""
    _refuse_instant(day)
    return f"{day.year}年{day.month}月"


def date_era(day: date) -> str:
    """「令和7年4月8日」: the form of letters. The first year of an era is 元年.

    Raises ValueError before 1868-10-23, which no date in this system can be.
    """
    _refuse_instant(day)
    for first, name in ERAS:
        if day >= first:
            year = day.year - first.year + 1
            return f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日"
    raise ValueError(f"no era is known for {day.isoformat()}")


def time_ja(moment: time) -> str:
    """「午後1時30分」, on the full hour 「午後1時」; noon is 午後0時 and midnight 午前0時. Seconds are not shown."""
    half = "午前" if moment.hour < NOON else "午後"
    minutes = f"{moment.minute}分" if moment.minute else ""
    return f"{half}{moment.hour % NOON}時{minutes}"


def in_tokyo(instant: datetime) -> datetime:
    """The same instant on a Tokyo clock. Refuses a naive datetime: it does not say which instant it means."""
    if instant.tzinfo is None:
        raise ValueError("a datetime without a time zone names no instant")
    return instant.astimezone(TOKYO)


def datetime_ja(instant: datetime) -> str:
    """「2025年4月8日（火）午後1時30分」: an aware instant, on a Tokyo clock."""
    local = in_tokyo(instant)
    return f"{date_ja(local.date())}{time_ja(local.time())}"


def day_time_ja(instant: datetime) -> str:
    """「4月8日（火）午後1時30分」: where lists are narrow and the year goes without saying."""
    local = in_tokyo(instant)
    return f"{day_ja(local.date())}{time_ja(local.time())}"
