"""Which bookings a list shows and in which order, as its address says it; nothing personal ever stands there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from booking_core.actors import Channel
from booking_core.bookings_list import BookingFilter, Sort, SortBy
from booking_core.catalogue import VenueView
from booking_core.models import BookingState, ServiceCode

SORTS: Mapping[str, tuple[str, Sort]] = {
    "start": ("来庁の早い順", Sort(SortBy.START)),
    "-start": ("来庁の遅い順", Sort(SortBy.START, descending=True)),
    "-created": ("受け付けの新しい順", Sort(SortBy.CREATED, descending=True)),
    "created": ("受け付けの古い順", Sort(SortBy.CREATED)),
    "venue": ("場所の順", Sort(SortBy.VENUE)),
    "kana": ("お名前（カナ）の順", Sort(SortBy.KANA)),
}
FIELDS = ("day_from", "day_to", "venue", "service", "state", "channel", "sort")
WRONG_DAY = "日にちを選び直してください。例：2025-04-07"
WRONG_CHOICE = "選択肢の中から選んでください。"

Code = TypeVar("Code", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ListWish:
    """A filter and an order as asked for. `errors` names what could not be read: it was left out of the filter."""

    which: BookingFilter
    sort: Sort
    errors: Mapping[str, str]
    typed: Mapping[str, str]


def read_wish(typed: Mapping[str, str], venues: Sequence[VenueView], *, today: date) -> ListWish:
    """Read the address of a list. One that asks for nothing shows today and later."""
    asked = {name: typed.get(name, "").strip() for name in FIELDS}
    if not any(asked.values()):
        asked["day_from"] = today.isoformat()
    errors: dict[str, str] = {}
    ids = {venue.code: venue.id for venue in venues}
    if asked["venue"] and asked["venue"] not in ids:
        errors["venue"] = WRONG_CHOICE
    if asked["sort"] and asked["sort"] not in SORTS:
        errors["sort"] = WRONG_CHOICE
    which = BookingFilter(
        day_from=_day("day_from", asked, errors),
        day_to=_day("day_to", asked, errors),
        venue_id=ids.get(asked["venue"]),
        service=_code(ServiceCode, "service", asked, errors),
        state=_code(BookingState, "state", asked, errors),
        channel=_code(Channel, "channel", asked, errors),
    )
    _, sort = SORTS.get(asked["sort"], SORTS["start"])
    return ListWish(which, sort, errors, asked)


def _day(name: str, asked: Mapping[str, str], errors: dict[str, str]) -> date | None:
    if not asked[name]:
        return None
    try:
        return date.fromisoformat(asked[name])
    except ValueError:
        errors[name] = WRONG_DAY
        return None


def _code(codes: type[Code], name: str, asked: Mapping[str, str], errors: dict[str, str]) -> Code | None:
    if not asked[name]:
        return None
    try:
        return codes(asked[name])
    except ValueError:
        errors[name] = WRONG_CHOICE
        return None
