from datetime import UTC, date, datetime, time, timedelta
from time import tzset

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_core.calendar import (
    LONGEST_CLOSURE_DAYS,
    Lead,
    WorkingDays,
    at,
    days,
    is_public_rest_day,
    is_turn_of_year,
    national_holidays,
)
from booking_core.clock import TOKYO

FIVE_AT_FIVE = Lead(5, time(17))
PLAIN = WorkingDays()
SECOND = timedelta(seconds=1)

# The Cabinet Office's list of 国民の祝日 with its substitute and in-between holidays.
HOLIDAYS = {
    2025: "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24",
    2026: "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23",
    2027: "1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23",
}


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


@pytest.mark.parametrize(("year", "number"), [(2025, 19), (2026, 18), (2027, 17)])
def test_the_national_holidays_are_those_of_the_official_list(year: int, number: int) -> None:
    listed = {date(year, *map(int, each.split("/"))) for each in HOLIDAYS[year].split()}
    assert len(listed) == number
    assert national_holidays(year) == listed


@pytest.mark.parametrize(
    ("day", "rests"),
    [
        (date(2025, 12, 28), False),
        (date(2025, 12, 29), True),
        (date(2025, 12, 31), True),
        (date(2026, 1, 1), True),
        (date(2026, 1, 3), True),
        (date(2026, 1, 4), False),
        (date(2025, 11, 29), False),
        (date(2026, 2, 3), False),
    ],
)
def test_the_turn_of_the_year_runs_from_29_december_to_3_january(day: date, rests: bool) -> None:  # noqa: FBT001 - a table
    assert is_turn_of_year(day) is rests


def test_a_sunday_is_no_public_rest_day_but_a_holiday_on_a_sunday_is() -> None:
    assert not is_public_rest_day(date(2025, 5, 11))
    assert is_public_rest_day(date(2025, 5, 4))


def test_the_storehouse_works_on_the_124_weekdays_of_the_contract() -> None:
    half_year = days(date(2025, 4, 1), date(2025, 9, 30))
    assert sum(PLAIN.includes(day) for day in half_year) == 124
    closed = WorkingDays(frozenset({date(2025, 4, 8), date(2025, 4, 12)}))
    assert not closed.includes(date(2025, 4, 8))
    assert closed.includes(date(2025, 4, 9))


DEADLINES = [
    ("2025-05-11", "2025-05-01T17:00:00"),  # a Sunday after the holidays (F-36)
    ("2025-05-07", "2025-04-25T17:00:00"),  # the first working day after them (F-36)
    ("2025-04-14", "2025-04-07T17:00:00"),  # a Monday: one weekend between
    ("2025-04-11", "2025-04-04T17:00:00"),  # a Friday
    ("2025-04-12", "2025-04-07T17:00:00"),  # a Saturday closes with the Monday after it
    ("2025-04-13", "2025-04-07T17:00:00"),
    ("2025-09-24", "2025-09-16T17:00:00"),  # 15 and 23 September rest
    ("2025-12-26", "2025-12-19T17:00:00"),
    ("2026-01-05", "2025-12-22T17:00:00"),  # over the turn of the year
    ("2026-01-09", "2025-12-26T17:00:00"),
    ("2026-01-13", "2026-01-05T17:00:00"),  # 12 January rests
]


@pytest.mark.parametrize(("visit", "last_moment"), DEADLINES)
def test_a_deadline_falls_five_working_days_of_the_storehouse_before_the_visit(visit: str, last_moment: str) -> None:
    assert FIVE_AT_FIVE.deadline(date.fromisoformat(visit), PLAIN) == tokyo(last_moment)


def test_a_closed_day_of_the_storehouse_brings_the_deadline_forward() -> None:
    closed = WorkingDays(frozenset({date(2025, 4, 8)}))
    assert FIVE_AT_FIVE.deadline(date(2025, 4, 15), PLAIN) == tokyo("2025-04-08T17:00:00")
    assert FIVE_AT_FIVE.deadline(date(2025, 4, 15), closed) == tokyo("2025-04-07T17:00:00")


def test_no_lead_means_the_visit_day_itself_working_or_not() -> None:
    assert Lead(0, time(8, 30)).deadline(date(2025, 4, 13), PLAIN) == tokyo("2025-04-13T08:30:00")
    assert Lead(1, time(23, 59, 59)).deadline(date(2025, 4, 13), PLAIN) == tokyo("2025-04-11T23:59:59")


def test_the_last_moment_is_itself_in_time_and_a_microsecond_later_is_not() -> None:
    moment = tokyo("2025-04-07T17:00:00")
    assert FIVE_AT_FIVE.first_day_open(moment, PLAIN) == date(2025, 4, 12)
    for late in (timedelta(microseconds=1), SECOND):
        assert FIVE_AT_FIVE.first_day_open(moment + late, PLAIN) == date(2025, 4, 15)


def test_the_year_and_the_day_are_those_of_tokyo() -> None:
    assert at(date(2025, 4, 8), time(8, 59)) == datetime(2025, 4, 7, 23, 59, tzinfo=UTC)
    just_before_midnight = datetime(2025, 4, 7, 14, 59, 59, tzinfo=UTC)
    same_day = Lead(0, time(23, 59, 59))
    assert same_day.first_day_open(just_before_midnight, PLAIN) == date(2025, 4, 7)
    assert same_day.first_day_open(just_before_midnight + SECOND, PLAIN) == date(2025, 4, 8)


def test_closures_without_end_are_an_error_and_no_endless_search() -> None:
    forever = WorkingDays(frozenset(days(date(2024, 1, 1), date(2025, 12, 31))))
    with pytest.raises(ValueError, match="no working day of the storehouse"):
        forever.before(date(2025, 6, 1), 1)
    tuesday = date(2025, 6, 3)
    longest = days(tuesday, tuesday + timedelta(days=LONGEST_CLOSURE_DAYS - 1))
    assert WorkingDays(frozenset(longest)).before(tuesday + timedelta(days=LONGEST_CLOSURE_DAYS), 1) == date(2025, 6, 2)
    too_long = days(tuesday, tuesday + timedelta(days=LONGEST_CLOSURE_DAYS))
    with pytest.raises(ValueError, match="no working day of the storehouse"):
        WorkingDays(frozenset(too_long)).before(tuesday + timedelta(days=LONGEST_CLOSURE_DAYS + 1), 1)


def test_each_working_day_found_starts_the_search_afresh() -> None:
    tuesday, wednesday, monday, visit = date(2025, 6, 3), date(2025, 6, 4), date(2025, 8, 4), date(2025, 8, 5)
    rest = WorkingDays(frozenset(days(wednesday + timedelta(days=1), monday - timedelta(days=1))))
    assert (monday - wednesday).days - 1 == LONGEST_CLOSURE_DAYS
    assert [rest.before(visit, count) for count in (1, 2, 3)] == [monday, wednesday, tuesday]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_deadlines_are_the_same_whatever_the_machines_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    tzset()
    try:
        evening = at(date(2025, 4, 7), time(20))
        assert evening == datetime(2025, 4, 7, 11, tzinfo=UTC)
        assert evening.tzinfo is UTC
        assert Lead(0, time(21)).first_day_open(evening, PLAIN) == date(2025, 4, 7)
    finally:
        monkeypatch.undo()
        tzset()


def test_days_yields_both_ends() -> None:
    assert list(days(date(2025, 4, 30), date(2025, 5, 2))) == [date(2025, 4, 30), date(2025, 5, 1), date(2025, 5, 2)]
    assert list(days(date(2025, 5, 2), date(2025, 5, 1))) == []


def rests_by_hand(day: date, closed: frozenset[date]) -> bool:
    """Tell what `WorkingDays` decides, from the printed lists alone."""
    holidays = {date(y, *map(int, each.split("/"))) for y, year in HOLIDAYS.items() for each in year.split()}
    turn = {(12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3)}
    return day.isoweekday() in {6, 7} or day in holidays or (day.month, day.day) in turn or day in closed


@given(
    visit=st.dates(date(2025, 2, 15), date(2027, 12, 31)),
    lead=st.integers(0, 12),
    closed=st.frozensets(st.dates(date(2025, 1, 5), date(2027, 12, 28)), max_size=12),
)
@settings(max_examples=200)
def test_counting_back_passes_exactly_that_many_working_days(visit: date, lead: int, closed: frozenset[date]) -> None:
    found = WorkingDays(closed).before(visit, lead)
    passed = [day for day in days(found, visit - timedelta(days=1)) if not rests_by_hand(day, closed)]
    assert len(passed) == lead
    assert found == (passed[0] if passed else visit)


@given(
    moment=st.datetimes(datetime(2025, 1, 6), datetime(2026, 1, 6)),  # noqa: DTZ001 - hypothesis adds the zone
    seconds_off=st.sampled_from([-1, 0, 1, None]),
    lead=st.integers(0, 10),
    until=st.sampled_from([time(0), time(8, 30), time(12), time(17), time(23, 59, 59)]),
    closed=st.frozensets(st.dates(date(2025, 1, 5), date(2026, 1, 31)), max_size=8),
)
@settings(max_examples=200)
def test_the_first_day_open_is_what_trying_every_day_finds(
    moment: datetime, seconds_off: int | None, lead: int, until: time, closed: frozenset[date]
) -> None:
    now = moment.replace(tzinfo=TOKYO)
    if seconds_off is not None:  # stand on the edge of a deadline, where mistakes live
        now = datetime.combine(now.date(), until, TOKYO) + seconds_off * SECOND
    calendar, rule = WorkingDays(closed), Lead(lead, until)
    today = now.date()
    tried = [day for day in days(today, today + timedelta(days=60)) if rule.deadline(day, calendar) >= now]
    found = rule.first_day_open(now, calendar)
    assert found == tried[0]
    assert tried == list(days(found, today + timedelta(days=60)))  # every later day is open as well
