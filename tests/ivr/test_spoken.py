from datetime import UTC, date, datetime, time

import pytest

from ivr.flow.spoken import spoken_day, spoken_digits, spoken_instant, spoken_time


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2025, 4, 1), "4月ついたち、火曜日"),
        (date(2025, 4, 4), "4月よっか、金曜日"),
        (date(2025, 4, 8), "4月ようか、火曜日"),
        (date(2025, 4, 14), "4月じゅうよっか、月曜日"),
        (date(2025, 4, 15), "4月15日、火曜日"),
        (date(2025, 4, 20), "4月はつか、日曜日"),
        (date(2025, 9, 24), "9月にじゅうよっか、水曜日"),
    ],
)
def test_days_with_a_name_of_their_own_are_said_by_it(day: date, said: str) -> None:
    assert spoken_day(day) == said


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (time(9), "午前くじ"),
        (time(9, 30), "午前くじ30分"),
        (time(12), "午後れいじ"),
        (time(13, 30), "午後1時30分"),
        (time(16, 45), "午後よじ45分"),
        (time(19), "午後しちじ"),
    ],
)
def test_times_are_said_in_twelve_hours_and_seven_is_shichi(moment: time, said: str) -> None:
    assert spoken_time(moment) == said


def test_an_instant_is_said_in_tokyo() -> None:
    assert spoken_instant(datetime(2025, 4, 7, 15, 30, tzinfo=UTC)) == "4月ようか、火曜日、午前れいじ30分"


def test_digits_are_said_one_by_one_in_groups() -> None:
    assert spoken_digits("90-1234-0") == "きゅう・ゼロ・いち・に、さん・よん・ゼロ"
