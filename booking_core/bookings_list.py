"""Bookings as staff list and find them (3-1-B-vi, 3-1-B-xi): filters, sorting, pages, one search field for every key.

Fast at a whole contract's bookings: every search key and the orders by time have their index, and nothing is counted
further than anybody turns pages. The orders by venue and by reading join first and sort what the filters leave.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from booking_core.actors import Channel
from booking_core.calendar import at
from booking_core.cards.credentials import normalise_number
from booking_core.contact import kana_key
from booking_core.models import BookingState, ServiceCode
from booking_core.phone import normalise_phone

ROWS_A_PAGE = 50
COUNTED = 10_000
"""How far matches are counted and pages can be turned; beyond it a narrower filter is of more help."""

LONGEST_QUERY = 100
REFERENCE_DIGITS = 10
_EARLIEST, _LATEST = date(1900, 1, 1), date(2200, 1, 1)


class SortBy(StrEnum):
    START = "start"
    CREATED = "created"
    VENUE = "venue"
    KANA = "kana"


@dataclass(frozen=True, slots=True)
class Sort:
    """In which order bookings are listed."""

    by: SortBy = SortBy.START
    descending: bool = False


@dataclass(frozen=True, slots=True)
class BookingFilter:
    """Which bookings are listed; None leaves a thing open. Days are of the visit, both ends included.

    `text` is what somebody typed into the search field: see `read_query`.
    """

    day_from: date | None = None
    day_to: date | None = None
    venue_id: int | None = None
    service: ServiceCode | None = None
    state: BookingState | None = None
    channel: Channel | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class BookingRow:
    """A booking in a list. Number and kana come from its card where it has one."""

    id: int
    reference: str
    venue_id: int
    venue_name: str
    service_code: str
    service_name: str
    starts_at: datetime
    minutes: int
    state: str
    channel: str
    created_at: datetime
    number: str | None
    name: str | None
    kana: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `total` stops at `COUNTED`; `counted_all` says whether that is all there are."""

    rows: tuple[BookingRow, ...]
    number: int
    pages: int
    total: int
    counted_all: bool


@dataclass(frozen=True, slots=True)
class Query:
    """What a typed text may mean; None where it cannot mean that."""

    number: str | None
    reference: str | None
    phone: str | None
    kana_key: str | None


def list_bookings(
    db: Connection, which: BookingFilter, sort: Sort | None = None, page: int = 1, *, rows_a_page: int = ROWS_A_PAGE
) -> Page:
    """Return one page of the bookings that match. A page number out of range gives the nearest there is."""
    conditions, values = _conditions(which)
    total = int(db.execute(text(_COUNT.format(conditions=conditions)), values | {"most": COUNTED + 1}).scalar_one())
    counted = min(total, COUNTED)
    pages = max(1, -(-counted // rows_a_page))
    number = min(max(page, 1), pages)
    statement = text(_LIST.format(conditions=conditions, order=_order(sort or Sort())))
    rows = db.execute(statement, values | {"limit": rows_a_page, "offset": (number - 1) * rows_a_page})
    return Page(tuple(BookingRow(*row) for row in rows), number, pages, counted, counted_all=total <= COUNTED)


def find_bookings(db: Connection, query: str, *, limit: int = ROWS_A_PAGE) -> tuple[BookingRow, ...]:
    """Return the bookings that a reservation number, a booking reference, a telephone number or kana stands for.

    Numbers may be typed with any dashes, spaces and widths; kana in either script, the beginning is enough. The latest
    visit comes first.
    """
    newest_first = Sort(SortBy.START, descending=True)
    return list_bookings(db, BookingFilter(text=query), newest_first, rows_a_page=limit).rows if query.strip() else ()


def read_query(typed: str) -> Query:
    """Return everything that a typed text may mean: 0123456789 may be a number, a reference and a telephone number."""
    plain = "".join(sign for sign in typed[:LONGEST_QUERY] if unicodedata.category(sign) not in {"Cc", "Cf", "Cs"})
    number, phone, kana = normalise_number(plain), normalise_phone(plain), kana_key(plain)
    return Query(
        number=number if number.isascii() and number.isalnum() else None,
        reference=number if number.isascii() and number.isdigit() and len(number) == REFERENCE_DIGITS else None,
        phone=phone if isinstance(phone, str) else None,
        kana_key=kana if kana and not kana.isascii() else None,
    )


def _conditions(which: BookingFilter) -> tuple[str, dict[str, Any]]:
    """Return the SQL of a filter, made of constants of this file alone, and its bound values."""
    values: dict[str, Any] = {
        "starts_from": at(_within(which.day_from), time(0)) if which.day_from else None,
        "starts_before": at(_within(which.day_to) + timedelta(days=1), time(0)) if which.day_to else None,
        "venue_id": which.venue_id,
        "service": which.service,
        "state": which.state,
        "channel": which.channel,
    }
    asked = {key: value for key, value in values.items() if value is not None}
    parts = [_CONDITIONS[key] for key in asked]
    if which.text.strip():
        meant, bound = _meant(read_query(which.text))
        parts.append(meant)
        asked |= bound
    return " AND ".join(parts) or "true", asked


def _within(day: date) -> date:
    """Bring a day that somebody typed into the years that have an instant in every zone."""
    return min(max(day, _EARLIEST), _LATEST)


def _meant(query: Query) -> tuple[str, dict[str, Any]]:
    bound: dict[str, Any] = {
        "number": query.number,
        "reference": query.reference,
        "phone": query.phone,
        "kana": query.kana_key,
    }
    asked = {key: value for key, value in bound.items() if value is not None}
    if query.kana_key:
        asked["kana_end"] = query.kana_key + chr(0x10FFFF)  # the last of all that begin like this
    found = " UNION ".join(_MEANINGS[key] for key in _MEANINGS if key in asked)
    return (f"b.id IN ({found})", asked) if found else ("false", {})


def _order(sort: Sort) -> str:
    direction = "DESC" if sort.descending else "ASC"
    return ", ".join(f"{column} {direction}" for column in (*_ORDERS[sort.by], "b.id"))


_CONDITIONS: Mapping[str, str] = {
    "starts_from": "s.starts_at >= :starts_from",
    "starts_before": "s.starts_at < :starts_before",
    "venue_id": "s.venue_id = :venue_id",
    "service": "b.service_id = (SELECT id FROM service WHERE code = :service)",
    "state": "b.state = :state",
    "channel": "b.channel = :channel",
}
_MEANINGS: Mapping[str, str] = {
    "number": "SELECT o.id FROM card c JOIN booking o ON o.card_id = c.id WHERE c.number = :number",
    "reference": "SELECT o.id FROM booking o WHERE o.reference = :reference",
    "phone": "SELECT o.id FROM booking o WHERE o.phone = :phone",
    "kana": """
        SELECT o.id FROM booking o WHERE o.kana_key ~>=~ :kana AND o.kana_key ~<~ :kana_end UNION
        SELECT o.id FROM card c JOIN booking o ON o.card_id = c.id
        WHERE c.kana_key ~>=~ :kana AND c.kana_key ~<~ :kana_end""",
}
_ORDERS: Mapping[SortBy, tuple[str, ...]] = {
    SortBy.START: ("s.starts_at",),
    SortBy.CREATED: ("b.created_at",),
    SortBy.VENUE: ("v.position", "s.starts_at"),
    SortBy.KANA: ("coalesce(b.kana_key, k.kana_key, '')",),
}
_COUNT = """
    SELECT count(*) FROM (
        SELECT FROM booking b JOIN slot s ON s.id = b.slot_id WHERE {conditions} LIMIT :most) AS matching"""
_LIST = """
    SELECT b.id, b.reference, s.venue_id, v.name AS venue_name, t.code AS service_code, t.name AS service_name,
           s.starts_at, s.minutes, b.state, b.channel, b.created_at, k.number, b.name,
           coalesce(b.kana, k.kana) AS kana
    FROM booking b
    JOIN slot s ON s.id = b.slot_id
    JOIN venue v ON v.id = s.venue_id
    JOIN service t ON t.id = b.service_id
    LEFT JOIN card k ON k.id = b.card_id
    WHERE {conditions}
    ORDER BY {order} LIMIT :limit OFFSET :offset"""
