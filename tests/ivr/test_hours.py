from datetime import date, datetime

import pytest

from booking_core.clock import TOKYO
from ivr.hours import LineHours


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


def test_a_day_agreed_with_the_city_is_closed() -> None:
    hours = LineHours(closed_days=frozenset({date(2025, 4, 28)}))
    assert not hours.open_at(datetime(2025, 4, 28, 10, tzinfo=TOKYO))
