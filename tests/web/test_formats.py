from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from phonenumbers import NumberParseException

from booking_core import date_words
from web import formats


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2025, 4, 8), "2025年4月8日（火）"),
        (date(2025, 12, 31), "2025年12月31日（水）"),
        (date(2024, 2, 29), "2024年2月29日（木）"),
    ],
)
def test_a_day_is_written_with_its_weekday(day: date, written: str) -> None:
    assert date_words.date_ja(day) == written


def test_a_week_runs_through_all_seven_weekdays() -> None:
    sunday = date(2025, 4, 6)
    assert "".join(date_words.weekday_ja(sunday + timedelta(days=n)) for n in range(7)) == "日月火水木金土"


def test_a_calendar_says_the_year_once() -> None:
    assert date_words.month_ja(date(2025, 4, 8)) == "2025年4月"
    assert date_words.day_ja(date(2025, 4, 8)) == "4月8日（火）"


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2025, 4, 8), "令和7年4月8日"),
        (date(2020, 1, 1), "令和2年1月1日"),
        (date(2019, 5, 1), "令和元年5月1日"),
        (date(2019, 4, 30), "平成31年4月30日"),
        (date(1989, 1, 8), "平成元年1月8日"),
        (date(1989, 1, 7), "昭和64年1月7日"),
        (date(1926, 12, 25), "昭和元年12月25日"),
        (date(1926, 12, 24), "大正15年12月24日"),
        (date(1912, 7, 30), "大正元年7月30日"),
        (date(1912, 7, 29), "明治45年7月29日"),
        (date(1868, 10, 23), "明治元年10月23日"),
    ],
)
def test_an_era_begins_and_ends_on_its_own_day(day: date, written: str) -> None:
    assert date_words.date_era(day) == written


def test_a_day_before_the_first_known_era_is_refused() -> None:
    with pytest.raises(ValueError, match="1868-10-22"):
        date_words.date_era(date(1868, 10, 22))


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (time(0, 0), "午前0時"),
        (time(9, 0), "午前9時"),
        (time(11, 59, 59), "午前11時59分"),
        (time(12, 0), "午後0時"),
        (time(12, 5), "午後0時5分"),
        (time(13, 30), "午後1時30分"),
        (time(23, 59), "午後11時59分"),
    ],
)
def test_a_time_is_written_on_the_twelve_hour_clock(moment: time, written: str) -> None:
    assert date_words.time_ja(moment) == written


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(2025, 4, 8, 4, 30, tzinfo=UTC), "2025年4月8日（火）午後1時30分"),
        (datetime(2025, 4, 7, 14, 59, 59, tzinfo=UTC), "2025年4月7日（月）午後11時59分"),
        (datetime(2025, 4, 7, 15, 0, tzinfo=UTC), "2025年4月8日（火）午前0時"),
        (datetime(2025, 12, 31, 10, 0, tzinfo=timezone(timedelta(hours=-5))), "2026年1月1日（木）午前0時"),
    ],
)
def test_an_instant_is_shown_on_a_tokyo_clock(instant: datetime, written: str) -> None:
    assert date_words.datetime_ja(instant) == written
    assert written.endswith(date_words.day_time_ja(instant))


def test_a_datetime_without_zone_is_refused() -> None:
    naive = datetime(2025, 4, 8, 13, 30)  # noqa: DTZ001 - the claim is about naive ones
    for write in (date_words.datetime_ja, date_words.day_time_ja, formats.iso):
        with pytest.raises(ValueError, match="time zone"):
            write(naive)


@pytest.mark.parametrize(
    "write", [date_words.date_ja, date_words.day_ja, date_words.month_ja, date_words.date_era, date_words.weekday_ja]
)
def test_an_instant_is_never_taken_for_a_day(write: object) -> None:
    # In UTC this is still the 7th, in Tokyo already the 8th: writing either without asking would be a guess.
    with pytest.raises(TypeError, match="in_tokyo"):
        write(datetime(2025, 4, 7, 15, 0, tzinfo=UTC))  # type: ignore[operator]  # one of the five functions above


def test_iso_is_for_machines() -> None:
    assert formats.iso(date(2025, 4, 8)) == "2025-04-08"
    assert formats.iso(datetime(2025, 4, 8, 4, 30, tzinfo=UTC)) == "2025-04-08T13:30+09:00"


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("+81752223333", "075-222-3333"),
        ("+81312345678", "03-1234-5678"),
        ("+819012345678", "090-1234-5678"),
        ("+815012345678", "050-1234-5678"),
        ("+81120123456", "0120-123-456"),
        ("+442079460018", "+44 20 7946 0018"),
    ],
)
def test_a_phone_number_is_grouped_as_people_write_it(stored: str, written: str) -> None:
    assert formats.phone_ja(stored) == written


def test_a_number_that_was_not_stored_as_e164_is_a_bug() -> None:
    with pytest.raises(NumberParseException):
        formats.phone_ja("075-222-3333")


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("", ""),
        ("12", "12"),
        ("123", "123"),
        ("1234", "1234"),
        ("12345", "12345"),
        ("123456", "123-456"),
        ("1234567", "123-4567"),
        ("12345678", "1234-5678"),
        ("123456789", "123-456-789"),
        ("1234567890", "123-456-7890"),
        ("12345678901", "123-4567-8901"),
        ("123456789012", "1234-5678-9012"),
        ("ABC123456", "ABC-123-456"),
        ("ABC-123 456", "ABC-123-456"),
    ],
)
def test_a_reservation_number_is_cut_into_threes_and_fours(number: str, written: str) -> None:
    assert formats.card_number_display(number) == written


def test_templates_find_every_format_under_its_own_name() -> None:
    assert formats.FILTERS["date_ja"](date(2025, 4, 8)) == "2025年4月8日（火）"
    assert set(formats.FILTERS) >= {
        "date_ja",
        "date_era",
        "time_ja",
        "datetime_ja",
        "day_time_ja",
        "weekday_ja",
        "phone_ja",
        "iso",
    }
