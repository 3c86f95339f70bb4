"""How dates, times and numbers are written on screens. Pure: no Flask, no database, no clock.

Inside the system instants are aware UTC; this file is the edge where they become Tokyo time and Japanese words.
The words of days and times are those of the whole system: `booking_core/date_words.py`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import phonenumbers

from booking_core.date_words import (
    date_era,
    date_ja,
    datetime_ja,
    day_ja,
    day_time_ja,
    in_tokyo,
    month_ja,
    time_ja,
    weekday_ja,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def iso(value: date | datetime) -> str:
    """For `datetime` attributes: a day as 2025-04-08, an instant as Tokyo time with its offset."""
    if isinstance(value, datetime):
        return in_tokyo(value).isoformat(timespec="minutes")
    return value.isoformat()


def phone_ja(e164: str) -> str:
    """「075-123-4567」: a stored number (E.164), grouped as people in Japan write it; foreign ones keep their +.

    Raises phonenumbers.NumberParseException on anything else: storage is strict, so that would be a bug.
    """
    number = phonenumbers.parse(e164)
    japanese = number.country_code == phonenumbers.country_code_for_region("JP")
    style = phonenumbers.PhoneNumberFormat.NATIONAL if japanese else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)


def card_number_display(number: str) -> str:
    """「123-456-7890」: groups of three or four, as few as possible, the short ones first; easy to read aloud.

    Hyphens and spaces already in it are ignored. Lengths that cannot be cut so (1, 2 and 5) stay in one piece.
    """
    signs = re.sub(r"[\s\-]", "", number)
    groups = -(-len(signs) // 4)
    threes = groups * 4 - len(signs)
    if threes > groups:
        return signs
    sizes = [3] * threes + [4] * (groups - threes)
    ends = [sum(sizes[: n + 1]) for n in range(groups)]
    return "-".join(signs[end - size : end] for size, end in zip(sizes, ends, strict=True))


# What templates may call, under the same names.
FILTERS: Final[MappingProxyType[str, Callable[..., str]]] = MappingProxyType(
    {
        f.__name__: f
        for f in (
            card_number_display,
            date_era,
            date_ja,
            datetime_ja,
            day_ja,
            day_time_ja,
            iso,
            month_ja,
            phone_ja,
            time_ja,
            weekday_ja,
        )
    }
)
