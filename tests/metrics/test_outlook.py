"""What the next half hours need, what it rests on, and how the month stands against the goal."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from booking_core.calendar import at
from ivr.hours import LineHours
from metrics.call_counts import CallCounts
from metrics.definition import Definition, Rate
from metrics.expected_calls import CONTRACT_CALLS_A_DAY, expect_calls
from metrics.goal import GoalStanding, goal_of_day, goal_of_month
from metrics.outlook import outlook
from metrics.patience import Basis, estimate_handling, estimate_patience, patience_curve
from tests.desk import available_operator
from tests.metrics.call_log import LoggedCall, LoggedOffer, write

MONDAY = date(2025, 4, 7)
HOURS = LineHours()
SECOND = timedelta(seconds=1)


def answered_call(n: int, arrived: datetime, *, wait: float = 10, talk: float = 300, wrap: float = 60) -> LoggedCall:
    begins = arrived + wait * SECOND
    over = begins + talk * SECOND
    offer = LoggedOffer(begins, begins, over, over + wrap * SECOND, "completed")
    return LoggedCall(f"CA{n:032d}", arrived, "answered", arrived, begins, over, [offer])


def lost_call(n: int, arrived: datetime, *, wait: float = 60) -> LoggedCall:
    return LoggedCall(f"CB{n:032d}", arrived, "queue", arrived, None, arrived + wait * SECOND)


def evenly(day: date, count: int) -> list[datetime]:
    return [at(day, time(9)) + timedelta(hours=8) * (n + 0.5) / count for n in range(count)]


@pytest.mark.req("3-2-C-T1")
def test_without_any_calls_everything_rests_on_assumptions_and_says_so(engine: Engine, now: datetime) -> None:
    with engine.connect() as db:
        found = outlook(db, HOURS, now=now)
    assert {found.handling.basis, found.patience.basis, found.expected.basis} == {Basis.ASSUMED}
    assert round((9_375 + 938 + 5_167) * 6 / 124) == CONTRACT_CALLS_A_DAY
    assert found.expected.calls == pytest.approx(CONTRACT_CALLS_A_DAY * 7.5 / 8)
    assert [slot.since for slot in found.slots] == [
        at(MONDAY, time(9, 30)) + n * timedelta(minutes=30) for n in range(15)
    ]
    assert [slot.planned for slot in found.slots][:2] == [23, 23]
    assert all(0 < slot.needed <= 23 for slot in found.slots)
    assert found.share_of_day is not None
    assert found.share_of_day > 0.95


def test_the_same_weekdays_tell_what_comes_scaled_by_today(engine: Engine) -> None:
    weeks = [MONDAY - timedelta(weeks=n) for n in (1, 2, 3)]
    log = [answered_call(n, arrived) for n, arrived in enumerate(a for week in weeks for a in evenly(week, 160))]
    noon = at(MONDAY, time(13))
    today = [arrived for arrived in evenly(MONDAY, 240) if arrived < noon]
    log += [answered_call(1_000 + n, arrived) for n, arrived in enumerate(today)]
    write(engine, log)
    with engine.connect() as db:
        found = expect_calls(db, HOURS, now=noon)
        later = expect_calls(db, HOURS, now=noon + timedelta(minutes=10))
    assert (found.basis, found.days) == (Basis.RECENT, 3)
    assert [slot.calls for slot in found.slots] == pytest.approx([15] * 8)
    assert later.slots[0].until - later.slots[0].since == timedelta(minutes=20)


def test_a_first_day_goes_on_at_its_own_pace(engine: Engine) -> None:
    log = [answered_call(n, arrived) for n, arrived in enumerate(evenly(MONDAY, 320)) if arrived < at(MONDAY, time(11))]
    write(engine, log)
    with engine.connect() as db:
        found = expect_calls(db, HOURS, now=at(MONDAY, time(11)))
        closed = expect_calls(db, HOURS, now=at(MONDAY, time(17)))
    assert found.basis is Basis.TODAY
    assert found.calls == pytest.approx(240)
    assert closed.slots == ()


def test_today_s_calls_tell_handling_and_patience(engine: Engine, now: datetime) -> None:
    arrivals = evenly(MONDAY, 640)[:40]
    log = [answered_call(n, arrived) for n, arrived in enumerate(arrivals)]
    log += [lost_call(n, arrived) for n, arrived in enumerate(arrivals[:12])]
    write(engine, log)
    available_operator(engine, "operator1")
    with engine.connect() as db:
        found = outlook(db, HOURS, now=now)
    assert (found.handling.seconds, found.handling.basis, found.handling.calls) == (360, Basis.TODAY, 40)
    assert (found.patience.seconds, found.patience.basis) == ((40 * 10 + 12 * 60) / 12, Basis.TODAY)
    assert found.able_now == 1
    assert found.share_now is not None
    assert found.share_now < 0.5
    assert found.slots[0].needed > 5


@pytest.mark.parametrize(("handled", "gave_up"), [(29, 9), (30, 10)])
def test_few_calls_of_today_are_not_taken_for_the_truth(handled: int, gave_up: int) -> None:
    today = CallCounts(
        handled=handled, handled_talk_us=handled * 100_000_000, abandoned_in_queue=gave_up,
        abandoned_wait_us=gave_up * 50_000_000, answered_wait_us=0,
    )  # fmt: skip
    recent = CallCounts(handled=500, handled_talk_us=500 * 200_000_000, abandoned_while_ringing=100,
                        abandoned_wait_us=100 * 70_000_000)  # fmt: skip
    enough = handled == 30
    assert estimate_handling(today, recent).seconds == (100 if enough else 200)
    assert estimate_patience(today, recent).seconds == (50 if enough else 70)
    assert estimate_patience(today, today).basis is (Basis.TODAY if enough else Basis.ASSUMED)


def test_the_patience_curve_is_kaplan_and_meier_s() -> None:
    points = patience_curve([(1, True), (2, False), (3, True), (3, False), (4, False), (5, True)])
    assert [point.seconds for point in points] == [1, 3, 5]
    assert [point.still_waiting for point in points] == pytest.approx([5 / 6, 5 / 6 * 3 / 4, 0])


def test_both_estimates_find_the_patience_that_callers_had() -> None:
    dice = Random(4)  # noqa: S311 - the same callers in every run
    waits = []
    for _ in range(20_000):
        patience, answer = dice.expovariate(1 / 150), dice.expovariate(1 / 60)
        waits.append((min(patience, answer), patience < answer))
    lost = sum(gave_up for _, gave_up in waits)
    counts = CallCounts(abandoned_in_queue=lost, abandoned_wait_us=int(sum(seconds for seconds, _ in waits) * 1e6))
    assert estimate_patience(counts, counts).seconds == pytest.approx(150, rel=0.03)
    curve = patience_curve(waits)
    assert all(one.still_waiting > other.still_waiting for one, other in pairwise(curve))
    middle = next(point.seconds for point in curve if point.still_waiting <= 0.5)
    assert middle == pytest.approx(150 * 0.6931, rel=0.05)


def standing(answered: int, counted: int) -> GoalStanding:
    return GoalStanding(Rate(Definition("answer_rate.strict", 1), answered, counted))


@pytest.mark.req("3-2-J")
@given(st.integers(0, 5_000), st.integers(0, 2_000), st.integers(0, 3_000))
def test_one_more_than_may_be_lost_is_too_many_and_one_fewer_than_must_be_answered_too_few(
    answered: int, lost: int, to_come: int
) -> None:
    now = standing(answered, answered + lost)
    if now.may_lose or now.met:
        assert standing(answered, answered + lost + now.may_lose).met is not False
    assert standing(answered, answered + lost + now.may_lose + 1).met is False
    back = standing(answered + now.must_answer, answered + lost + now.must_answer)
    assert back.met is not False
    if now.must_answer:
        assert standing(answered + now.must_answer - 1, answered + lost + now.must_answer - 1).met is False
    spare = now.may_lose_with(to_come)
    whole = answered + lost + to_come
    if 0 <= spare <= to_come and whole:
        assert standing(answered + to_come - spare, whole).met
    if 0 <= spare < to_come:
        assert standing(answered + to_come - spare - 1, whole).met is False


@pytest.mark.req("3-2-J")
def test_the_month_to_date_ends_with_the_month(engine: Engine) -> None:
    days = [date(2024, 2, 1), date(2024, 2, 29), date(2024, 3, 1)]
    log = [answered_call(n, at(day, time(16, 59, 59))) for n, day in enumerate(days)]
    log += [lost_call(n, at(day, time(9))) for n, day in enumerate(days[1:])]
    write(engine, log)
    with engine.connect() as db:
        months = [goal_of_month(db, day).rate for day in (date(2024, 2, 29), date(2024, 3, 1))]
        today = goal_of_day(db, date(2024, 2, 29))
    assert [(rate.numerator, rate.denominator) for rate in months] == [(2, 3), (1, 2)]
    assert (today.rate.numerator, today.rate.denominator, today.must_answer) == (1, 2, 5)
