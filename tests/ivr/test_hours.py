from datetime import date, datetime

import pytest

from booking_core.clock import TOKYO
from ivr.hours import Closure, LineHours


@pytest.mark.req("3-2-B")
@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2025-04-28 08:59", False),  # Monday
        ("2025-04-28 09:00", True),
        ("2025-04-28 16:59", True),
        ("2025-04-28 17:00", False),
        ("2025-04-29 10:00", False),  # 昭和の日
        ("2025-05-02 16:59", True),
        ("2025-05-03 10:00", False),  # Saturday
        ("2025-05-04 10:00", False),  # Sunday
        ("2025-05-06 10:00", False),  # substitute for みどりの日
        ("2025-05-07 09:00", True),
        ("2023-12-28 10:00", True),  # Thursday
        ("2023-12-29 10:00", False),
        ("2025-12-28 10:00", False),  # Sunday
        ("2025-12-29 10:00", False),
        ("2024-01-03 10:00", False),
        ("2024-01-04 10:00", True),
    ],
)
def test_the_line_is_open_on_working_days_from_nine_to_five(moment: str, *, is_open: bool) -> None:
    assert LineHours().open_at(datetime.fromisoformat(moment).replace(tzinfo=TOKYO)) is is_open


def test_the_line_closes_with_the_first_instant_of_five_o_clock() -> None:
    last = datetime(2025, 4, 28, 16, 59, 59, 999_999, tzinfo=TOKYO)
    assert LineHours().open_at(last)


def closed(first: str, last: str) -> LineHours:
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=TOKYO) for each in (first, last))
    return LineHours(closures=(Closure(begin, end, "停電のため、電話を受け付けていません。"),))


def test_a_day_closed_by_agreement_is_no_operating_day() -> None:
    hours = closed("2025-04-28 00:00", "2025-04-29 00:00")
    assert not hours.open_on(date(2025, 4, 28))
    assert hours.open_on(date(2025, 4, 30))


@pytest.mark.parametrize(
    ("moment", "is_open"), [("10:59:59", True), ("11:00:00", False), ("14:59:59", False), ("15:00:00", True)]
)
def test_a_closure_of_some_hours_closes_the_line_for_these_alone(moment: str, *, is_open: bool) -> None:
    hours = closed("2025-04-28 11:00", "2025-04-28 15:00")
    assert hours.open_at(datetime.fromisoformat(f"2025-04-28 {moment}").replace(tzinfo=TOKYO)) is is_open
    assert hours.open_on(date(2025, 4, 28))


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2025-04-28 17:00", "2025-04-30 09:00"),  # over 昭和の日
        ("2025-04-28 08:00", "2025-04-28 09:00"),
        ("2025-05-02 17:00", "2025-05-07 09:00"),  # over the long rest
        ("2025-12-26 17:00", "2026-01-05 09:00"),  # over the year's end
    ],
)
def test_a_caller_is_told_when_the_line_opens_again(moment: str, opens: str) -> None:
    told = LineHours().next_opening(datetime.fromisoformat(moment).replace(tzinfo=TOKYO))
    assert told == datetime.fromisoformat(opens).replace(tzinfo=TOKYO)


def test_the_line_opens_again_where_a_closure_ends_within_the_hours() -> None:
    hours = closed("2025-04-28 11:00", "2025-04-28 15:00")
    noon = datetime(2025, 4, 28, 12, tzinfo=TOKYO)
    assert hours.next_opening(noon) == datetime(2025, 4, 28, 15, tzinfo=TOKYO)
