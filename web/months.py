"""Days and times arranged as a citizen reads them: a month at a time, a morning and an afternoon."""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache

import jpholiday

from booking_core.availability import FreeDay, FreeTime
from booking_core.clock import TOKYO

FEW_PLACES = 3
"""Up to so many places a day is called 「残りわずか」."""

NOON = 12


@dataclass(frozen=True, slots=True)
class DayCell:
    date: date
    state: str  # open | few | full | closed
    href: str | None
    holiday: str | None


@dataclass(frozen=True, slots=True)
class MonthPage:
    days: list[DayCell]
    selected: date | None
    previous: str | None
    following: str | None
    any_free: bool


@dataclass(frozen=True, slots=True)
class TimeCell:
    time: time
    state: str
    href: str | None
    action: str | None = None


def month_page(
    offered: list[FreeDay],
    *,
    wanted: str,
    today: date,
    day_url: Callable[[date], str],
    month_url: Callable[[str], str],
) -> MonthPage:
    """Return one month of offered days: the wanted one (`2025-04`), else the first with a free day.

    An unknown or far-off month shows the first one: nobody should meet an error for an old bookmark.
    """
    free = [each.day for each in offered if each.places]
    months = sorted({each.day.replace(day=1) for each in offered}) or [today.replace(day=1)]
    shown = _month(wanted)
    if shown not in months:
        shown = (free[0] if free else months[0]).replace(day=1)
    places = {each.day: each.places for each in offered}
    position = months.index(shown) if shown in months else 0
    return MonthPage(
        days=[_cell(day, places.get(day), day_url) for day in _days_of(shown)],
        selected=None,
        previous=month_url(f"{months[position - 1]:%Y-%m}") if position > 0 else None,
        following=month_url(f"{months[position + 1]:%Y-%m}") if position + 1 < len(months) else None,
        any_free=bool(free),
    )


def group_by_half_day(
    free: list[FreeTime], *, url: Callable[[int], str], posts: bool = False
) -> list[tuple[str, list[TimeCell]]]:
    """Return the free times of a day as (午前 | 午後, times); a half without free times is left out.

    `posts`: a time is chosen by sending a form to its address, not by following a link.
    """
    halves: dict[str, list[TimeCell]] = {"午前": [], "午後": []}
    for each in free:
        local = each.starts_at.astimezone(TOKYO).time()
        state = "few" if each.places == 1 else "open"
        address = url(each.slot_id)
        cell = TimeCell(local, state, None, address) if posts else TimeCell(local, state, address)
        halves["午前" if local.hour < NOON else "午後"].append(cell)
    return [(name, cells) for name, cells in halves.items() if cells]


def _cell(day: date, places: int | None, day_url: Callable[[date], str]) -> DayCell:
    holiday = _holiday(day)
    if places is None:
        return DayCell(day, "closed", None, holiday)
    if not places:
        return DayCell(day, "full", None, holiday)
    return DayCell(day, "few" if places <= FEW_PLACES else "open", day_url(day), holiday)


@lru_cache(maxsize=1_000)  # the law is asked once for a day, not once for every page that shows it
def _holiday(day: date) -> str | None:
    name: str | None = jpholiday.is_holiday_name(day)
    return name


def _days_of(month: date) -> list[date]:
    _, length = calendar.monthrange(month.year, month.month)
    return [month + timedelta(days=offset) for offset in range(length)]


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
