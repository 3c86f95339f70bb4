"""The month's workbook, read back by another library: the dailies sum to it."""

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine, text

from booking_core.calendar import at
from ivr.hours import read_hours
from reports import archive
from reports.daily import compose
from reports.monthly import month_of
from reports.monthly_sheet import monthly_sheet
from tests.factories import booked, new_card, owner_of, slot_at
from tests.reports.day import add_call, fill_a_day

APRIL = date(2025, 4, 1)


def report_on(engine: Engine, *days: date) -> None:
    """Make the reports of days at 17:05, each as the job would."""
    for day in days:
        now = at(day, time(17, 5))
        with engine.begin() as db:
            archive.keep(db, compose(db, day, read_hours(db, now=now), now=now), now=now)


@pytest.fixture
def sheet_of(kyoto: Engine) -> Callable[..., Any]:
    def made(first: date, *, values: bool = True) -> Any:
        with kyoto.connect() as db:
            content = monthly_sheet(month_of(db, first))
        return openpyxl.load_workbook(io.BytesIO(content), data_only=values)

    return made


def column(book: Any, heading: str) -> dict[date | str, Any]:
    """Return a column of the sheet of days by its day, with the sum under 「合計」."""
    rows: Sequence[Any] = list(book["日別"].iter_rows(min_row=4, values_only=True))
    place = rows[0].index(heading)
    return {
        (row[0].date() if isinstance(row[0], datetime) else row[0]): row[place]
        for row in rows[1:]
        if row[0] is not None
    }


@pytest.mark.req("3-2-L")
def test_the_dailies_sum_to_the_monthly(kyoto: Engine, sheet_of: Callable[..., Any]) -> None:
    days = [date(2025, 4, 7), date(2025, 4, 8), date(2025, 4, 9)]
    for day in days[:2]:
        fill_a_day(kyoto, day)
    add_call(kyoto, at(days[2], time(12)), "abandoned_queue")
    report_on(kyoto, *days)
    received, answered, made = (column(sheet_of(APRIL), name) for name in ("入電数", "応答数", "新規予約"))
    assert [received[day] for day in days] == [12, 12, 1]
    assert received["合計"] == 25 == sum(received[day] for day in days)
    assert answered["合計"] == 18
    assert made["合計"] == 4
    assert column(sheet_of(APRIL), "応答率")["合計"] == pytest.approx(18 / 25)
    assert column(sheet_of(APRIL), "状態")[days[0]] == "確定"
    assert column(sheet_of(APRIL), "状態")[days[2]] == "速報"
    assert column(sheet_of(APRIL), "状態")[date(2025, 4, 10)] == "日報なし"
    hours = list(sheet_of(APRIL)["時間帯別"].iter_rows(min_row=4, values_only=True))
    assert sum(row[1] for row in hours) == 25


@pytest.mark.req("3-2-L")
def test_what_came_after_the_cut_off_and_on_closed_days_is_in_the_month(
    kyoto: Engine, sheet_of: Callable[..., Any]
) -> None:
    friday, saturday, monday = date(2025, 4, 11), date(2025, 4, 12), date(2025, 4, 14)
    report_on(kyoto, friday)
    for n, moment in enumerate((at(friday, time(23, 40)), at(saturday, time(10)))):
        booked(kyoto, new_card(kyoto), slot_at(kyoto, date(2025, 5, 8), time(9 + n)), now=moment)
    assert column(sheet_of(APRIL), "新規予約")["合計"] == 0
    report_on(kyoto, monday)
    made = column(sheet_of(APRIL), "新規予約")
    assert (made[friday], made[saturday], made["合計"]) == (1, 1, 2)
    assert column(sheet_of(APRIL), "電話の受付")[saturday] == "休み"


def test_the_first_report_of_a_month_completes_the_last_days_of_the_one_before(
    kyoto: Engine, sheet_of: Callable[..., Any]
) -> None:
    last, first = date(2025, 4, 30), date(2025, 5, 1)
    report_on(kyoto, last)
    booked(kyoto, new_card(kyoto), slot_at(kyoto, date(2025, 5, 22), time(9)), now=at(last, time(20)))
    report_on(kyoto, first)
    assert column(sheet_of(APRIL), "新規予約")["合計"] == 1
    assert column(sheet_of(date(2025, 5, 1)), "新規予約")["合計"] == 0


@pytest.mark.req("3-2-L")
def test_the_main_reasons_of_the_days_sum_to_the_months(kyoto: Engine, sheet_of: Callable[..., Any]) -> None:
    days = [date(2025, 4, 7), date(2025, 4, 8)]
    for day in days:
        fill_a_day(kyoto, day)
    report_on(kyoto, *days)
    rows = {row[0]: row[1] for row in sheet_of(APRIL)["用件"].iter_rows(min_row=4, values_only=True)}
    assert rows == {"新しい予約": 8, "問い合わせ": 6, "まだ記録なし": 4, "合計": 18}


def test_sums_are_formulas_that_say_what_is_written_beside_them(kyoto: Engine, sheet_of: Callable[..., Any]) -> None:
    fill_a_day(kyoto)
    report_on(kyoto, date(2025, 4, 7))
    page = sheet_of(APRIL, values=False)["日別"]
    total = next(row for row in page.iter_rows() if row[0].value == "合計")
    assert total[3].value == "=SUM(D5:D34)"
    assert page._charts, "the chart is gone"


def test_no_text_becomes_a_formula_or_a_link(kyoto: Engine, sheet_of: Callable[..., Any]) -> None:
    with owner_of(kyoto).begin() as db:
        db.execute(text("UPDATE service SET name = '=cmd|calc http://example.jp'"))
    fill_a_day(kyoto)
    report_on(kyoto, date(2025, 4, 7))
    page = sheet_of(APRIL, values=False)["予約"]
    cell = next(row[0] for row in page.iter_rows(min_row=4))
    assert cell.value == "=cmd|calc http://example.jp"
    assert cell.data_type == "s"
    assert cell.hyperlink is None


def test_a_leap_year_s_february_has_29_days_and_a_month_without_reports_none(sheet_of: Callable[..., Any]) -> None:
    days = [day for day in column(sheet_of(date(2028, 2, 1)), "状態") if isinstance(day, date)]
    assert days[-1] == date(2028, 2, 29)
    assert days[-1] - days[0] == timedelta(days=28)
    assert column(sheet_of(date(2028, 2, 1)), "入電数")["合計"] == 0
