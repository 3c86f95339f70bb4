from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from statistics import quantiles
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from booking_core.actors import Channel
from booking_core.bookings_list import (
    COUNTED,
    BookingFilter,
    BookingRow,
    Page,
    Sort,
    SortBy,
    find_bookings,
    list_bookings,
    read_query,
)
from booking_core.calendar import at
from booking_core.contact import kana_key
from booking_core.models import BookingState, ServiceCode
from tests.factories import add_card, booked, new_card, service_id, slot_at, venue_id

DAY = date(2025, 4, 22)
CREATED = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
WEEK = {"day_from": DAY, "day_to": DAY + timedelta(days=6)}
LOOKS: tuple[dict[str, Any], ...] = (
    {},
    {"day_from": DAY},
    {"day_to": DAY},
    WEEK,
    {"venue_id": 1},
    {"service": ServiceCode.DELIVERY},
    {"service": ServiceCode.CERTIFICATE},
    {"state": BookingState.BOOKED},
    {"state": BookingState.CANCELLED, "channel": Channel.PHONE},
    {"channel": Channel.WEB},
    WEEK | {"venue_id": 1, "state": BookingState.BOOKED},
    {"text": "K77"},
    {"text": "0000000077"},
    {"text": "075-000-0077"},
    {"text": "ア"},
)
"""What staff ask the list for: each filter by itself, and those that go together. A venue stands for some venue."""


def add(
    engine: Engine,
    reference: str,
    day: date = DAY,
    start: time = time(10),
    *,
    venue: str = "kita",
    service: str = "delivery",
    state: str = "booked",
    channel: str = "web",
    number: str | None = None,
    kana: str | None = None,
    card_kana: str = "",
    phone: str = "+81751234567",
    created: datetime = CREATED,
) -> int:
    """Put a booking into the book as it would stand there; with `number`, it hangs on a card."""
    slot, service_ = slot_at(engine, day, start, venue=venue, service=service), service_id(engine, service)
    with engine.begin() as db:
        card = add_card(db, number) if number else None
        db.execute(
            text("UPDATE card SET kana = :kana, kana_key = :key WHERE id = :id"),
            {"id": card, "kana": card_kana, "key": kana_key(card_kana)},
        )
        statement = text("""
            INSERT INTO booking (reference, slot_id, service_id, card_id, kana, kana_key, phone, places, state, channel,
                                 change_until, created_at, changed_at)
            VALUES (:reference, :slot, :service, :card, :kana, :key, :phone, 1, :state, :channel,
                    :created, :created, :created) RETURNING id""")
        values = {
            "reference": reference,
            "slot": slot,
            "service": service_,
            "card": card,
            "kana": kana,
            "key": kana_key(kana) if kana else None,
            "phone": phone,
            "state": state,
            "channel": channel,
            "created": created,
        }
        return int(db.execute(statement, values).scalar_one())


def page(engine: Engine, sort: Sort | None = None, number: int = 1, *, size: int = 50, **which: Any) -> Page:
    with engine.connect() as db:
        return list_bookings(db, BookingFilter(**which), sort, number, rows_a_page=size)


def listed(engine: Engine, sort: Sort | None = None, **which: Any) -> str:
    """Return the references of the first page, each cut down to its first letter."""
    return "".join(row.reference[0] for row in page(engine, sort, **which).rows)


def found(engine: Engine, query: str) -> str:
    with engine.connect() as db:
        return "".join(row.reference[0] for row in find_bookings(db, query))


@pytest.mark.req("3-1-B-xi")
def test_a_booking_made_on_the_web_is_found_in_the_next_request(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, time(10))
    answer = booked(kyoto, card, slot, now=now)
    with kyoto.connect() as db:
        number = db.execute(text("SELECT number FROM card WHERE id = :id"), {"id": card}).scalar_one()
        (row,) = find_bookings(db, number)
    assert row == BookingRow(
        id=answer.id,
        reference=answer.reference,
        venue_id=venue_id(kyoto, "kita"),
        venue_name="北区役所カード交付コーナー",
        service_code="delivery",
        service_name="カードの受け取り（交付）",
        starts_at=datetime(2025, 4, 22, 1, 0, tzinfo=UTC),
        minutes=row.minutes,
        state="booked",
        channel="web",
        created_at=now,
        number=number,
        name=None,
        kana="テスト",
    )


@pytest.mark.req("3-1-B-vi")
def test_bookings_are_filtered_by_each_of_their_sides_and_by_several_at_once(kyoto: Engine) -> None:
    add(kyoto, "a", DAY)
    add(kyoto, "b", DAY + timedelta(days=1), state="cancelled")
    add(kyoto, "c", DAY + timedelta(days=2), venue="minami", channel="phone")
    add(kyoto, "d", DAY + timedelta(days=3), service="certificate", channel="phone")
    minami = venue_id(kyoto, "minami")
    assert listed(kyoto) == "abcd"
    assert listed(kyoto, day_from=DAY + timedelta(days=1), day_to=DAY + timedelta(days=2)) == "bc"
    assert listed(kyoto, day_from=DAY + timedelta(days=3)) == "d"
    assert listed(kyoto, day_to=DAY) == "a"
    assert listed(kyoto, venue_id=minami) == "c"
    assert listed(kyoto, service=ServiceCode.CERTIFICATE) == "d"
    assert listed(kyoto, state=BookingState.CANCELLED) == "b"
    assert listed(kyoto, channel=Channel.PHONE) == "cd"
    assert listed(kyoto, channel=Channel.PHONE, venue_id=minami, day_from=DAY, state=BookingState.BOOKED) == "c"
    assert listed(kyoto, channel=Channel.PHONE, venue_id=minami, state=BookingState.CANCELLED) == ""


def test_a_day_is_the_day_in_tokyo_from_its_first_to_its_last_minute(kyoto: Engine) -> None:
    for reference, start, moved_to in (("early", time(10), time(0)), ("late", time(11), time(23, 59))):
        add(kyoto, reference, DAY, start)
        with kyoto.begin() as db:
            moved = {"slot": slot_at(kyoto, DAY, start), "to": at(DAY, moved_to)}
            db.execute(text("UPDATE slot SET starts_at = :to WHERE id = :slot"), moved)
    assert listed(kyoto, day_from=DAY, day_to=DAY) == "el"
    assert listed(kyoto, day_to=DAY - timedelta(days=1)) == ""
    assert listed(kyoto, day_from=DAY + timedelta(days=1)) == ""


@pytest.mark.parametrize("day", [date.min, date.max, date(1868, 1, 1), date(9999, 12, 31)])
def test_a_day_nobody_lives_in_lists_nothing_and_breaks_nothing(kyoto: Engine, day: date) -> None:
    add(kyoto, "a")
    assert listed(kyoto, day_from=day, day_to=day) == ""
    assert listed(kyoto, day_from=date.min, day_to=date.max) == "a"


@pytest.mark.req("3-1-B-vi")
@pytest.mark.parametrize(
    ("by", "ascending"), [(SortBy.START, "cab"), (SortBy.CREATED, "abc"), (SortBy.VENUE, "acb"), (SortBy.KANA, "bca")]
)
def test_bookings_are_sorted_either_way(kyoto: Engine, by: SortBy, ascending: str) -> None:
    add(kyoto, "a", DAY, venue="center-3f", start=time(11), kana="ワダ", service="application", created=CREATED)
    add(
        kyoto, "b", DAY, venue="minami", start=time(12), number="X1", card_kana="アオキ", created=CREATED + timedelta(1)
    )
    add(kyoto, "c", DAY, venue="kita", start=time(9), number="X2", card_kana="ナカイ", created=CREATED + timedelta(2))
    assert listed(kyoto, Sort(by)) == ascending
    assert listed(kyoto, Sort(by, descending=True)) == ascending[::-1]


def test_pages_follow_each_other_without_gap_or_repetition(kyoto: Engine) -> None:
    for n in range(7):
        add(kyoto, f"{n}")  # all at one start: only the id tells them apart
    pages = [page(kyoto, None, number, size=3) for number in (1, 2, 3)]
    assert "".join(row.reference for each in pages for row in each.rows) == "0123456"
    assert {(each.total, each.pages, each.counted_all) for each in pages} == {(7, 3, True)}
    assert [page(kyoto, None, number, size=3).number for number in (-5, 0, 4, 10**12)] == [1, 1, 3, 3]


def test_an_empty_list_is_one_empty_page(kyoto: Engine) -> None:
    assert page(kyoto) == Page((), 1, 1, 0, counted_all=True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("A-0001", "n"),
        ("ａ０００１", "n"),
        ("A0002", ""),
        ("1234567890", "1"),
        ("123-456-7890", "1"),
        ("090-1234-5678", "p"),
        ("０９０ー１２３４ー５６７８", "p"),
        ("+81 90 1234 5678", "p"),
        ("ヤマダ", "kc"),
        ("やまだ は", "kc"),
        ("ﾔﾏﾀﾞ", "kc"),
        ("ヤマダハナヨ", "k"),
        ("マダ", ""),
        ("山田", ""),
        ("%", ""),
        ("ヤ_ダ", ""),
        ("", ""),
        (" \u3000", ""),
        ("\0", ""),
        ("ヤマダ\0\ud800", "kc"),
        ("x" * 10_000, ""),
        ("' OR 1=1 --", ""),
    ],
)
def test_a_booking_is_found_by_number_reference_telephone_or_kana(kyoto: Engine, query: str, expected: str) -> None:
    add(kyoto, "number", DAY, number="A0001", phone="+81751111111")
    add(kyoto, "1234567890", DAY)
    add(kyoto, "phone", DAY, phone="+819012345678")
    add(kyoto, "kana", DAY + timedelta(days=2), kana="ヤマダ　ハナヨ", service="certificate")
    add(kyoto, "card", DAY + timedelta(days=1), number="A9", card_kana="ヤマダ ハナコ")
    assert found(kyoto, query) == expected


def test_a_text_in_the_filter_goes_together_with_the_other_filters(kyoto: Engine) -> None:
    add(kyoto, "a", kana="ヤマダ", state="cancelled")
    add(kyoto, "b", kana="ヤマダ")
    assert listed(kyoto, text="やまだ", state=BookingState.BOOKED) == "b"
    assert listed(kyoto, text="。", state=BookingState.BOOKED) == ""
    assert listed(kyoto, text="  ") == "ab"


def test_one_text_is_read_as_everything_it_may_mean() -> None:
    query = read_query("０７５-１２３-４５６７")
    assert (query.number, query.reference, query.phone) == ("0751234567", "0751234567", "+81751234567")
    assert query.kana_key is None


@pytest.fixture
def crowded(kyoto: Engine) -> Engine:
    """A book with more bookings than anybody counts, known to the planner."""
    crowd(kyoto, COUNTED + 500)
    return kyoto


def crowd(engine: Engine, count: int) -> None:
    """Put `count` bookings of as many cards into the book, spread over its slots, in every state and channel."""
    with engine.begin() as db:
        db.execute(text("SET LOCAL enable_nestloop = off"))
        db.execute(text("SET LOCAL statement_timeout = 0"))
        db.execute(
            text("""
            INSERT INTO card (number, password_hmac, kana, kana_key, state, lies_at)
            SELECT 'K' || n, '', '', chr(12450 + n % 80) || chr(12450 + n / 80 % 80) || n, 'imported',
                   (SELECT id FROM venue WHERE kind = 'storehouse')
            FROM generate_series(1, :count) n"""),
            {"count": count},
        )
        db.execute(
            text("""
            INSERT INTO booking (reference, slot_id, service_id, card_id, phone, places, state, channel,
                                 change_until, created_at, changed_at)
            SELECT n, s.id, (SELECT id FROM service WHERE code = 'delivery'), k.id, '+8175' || n, 1,
                   (CAST(:states AS text[]))[1 + n % 5], (CAST(:channels AS text[]))[1 + n % 3],
                   s.starts_at, s.starts_at - n * interval '1 second', s.starts_at
            FROM generate_series(1, :count) n JOIN card k ON k.number = 'K' || n
            JOIN (SELECT id, starts_at, row_number() OVER () - 1 AS place FROM slot) s
                 ON s.place = n % (SELECT count(*) FROM slot)"""),
            {
                "count": count,
                "states": ["booked", "visited", "handed_over", "no_show", "cancelled"],
                "channels": ["web", "phone", "counter"],
            },
        )
        db.execute(text("SET LOCAL ROLE NONE"))
        db.execute(text("ANALYZE booking, card, slot"))


def plans(engine: Engine, work: Any) -> str:
    """Return how the database carries out the statements of `work`."""
    said: list[tuple[str, Any]] = []
    with engine.connect() as db:
        event.listen(db, "before_cursor_execute", lambda *a: said.append((a[2], a[3])))
        work(db)
        asked = list(said)
        return "\n".join(
            row[0]
            for statement, values in asked
            for row in db.connection.cursor().execute(f"EXPLAIN {statement}", values).fetchall()
        )


def test_matches_are_counted_no_further_than_pages_can_be_turned(crowded: Engine) -> None:
    last = page(crowded, None, 10**6)
    assert (last.total, last.counted_all, last.number, last.pages) == (COUNTED, False, 200, 200)
    assert len(last.rows) == 50


@pytest.mark.parametrize("query", ["K77", "0000000077", "075-000-0077", "ヤマダ タロウ"])
def test_a_search_reads_no_table_from_end_to_end(crowded: Engine, query: str) -> None:
    plan = plans(crowded, lambda db: find_bookings(db, query))
    for table in ("booking", "card", "slot"):
        assert f"Seq Scan on {table} " not in plan, plan


def test_the_newest_bookings_are_read_in_their_order_and_not_sorted_out_of_all(crowded: Engine) -> None:
    plan = plans(crowded, lambda db: list_bookings(db, BookingFilter(), Sort(SortBy.CREATED, descending=True)))
    assert "Index Scan Backward using ix_booking_created_at" in plan, plan


def test_every_filter_and_every_order_is_one_of_those_staff_meet() -> None:
    assert {each.name for each in fields(BookingFilter)} == {name for which in LOOKS for name in which}


@pytest.mark.long
@pytest.mark.req("3-1-B-vi")
def test_ninety_five_of_a_hundred_looks_at_125_000_bookings_take_less_than_a_second(kyoto: Engine) -> None:
    crowd(kyoto, 125_000)
    minami = venue_id(kyoto, "minami")
    took = []
    for which in LOOKS:
        asked = {name: minami if name == "venue_id" else value for name, value in which.items()}
        for by in SortBy:
            for descending in (False, True):
                for number in (1, 3, 200):
                    begun = perf_counter()
                    page(kyoto, Sort(by, descending=descending), number, **asked)
                    took.append(perf_counter() - begun)
    assert quantiles(took, n=20)[-1] < 1, sorted(took)[-20:]
