from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.db import in_transaction
from ivr.hours import Closure, LineHours
from ivr.queue.seat_plan import (
    DayPlan,
    PlanStep,
    forget_day_plan,
    list_exceptions,
    plan_at,
    plan_of_day,
    set_day_plan,
    set_weekday_plan,
)
from metrics.period import day_start
from tests.factories import done, refused

MONDAY, TUESDAY, WEDNESDAY = date(2025, 4, 7), date(2025, 4, 8), date(2025, 4, 9)
BY = Actor.operator(1)
HOURS = LineHours()
FORTY = [PlanStep(time(9), 40, 40)]


@pytest.mark.req("3-2-C")
@pytest.mark.parametrize(
    ("day", "moment", "seats", "least"),
    [
        (MONDAY, time(9), 23, 23),
        (TUESDAY, time(14, 59), 23, 23),
        (TUESDAY, time(15), 23, 20),
        (WEDNESDAY, time(9), 18, 18),
        (date(2025, 4, 11), time(16, 59), 18, 15),
        (MONDAY, time(8, 59), 0, 0),
        (MONDAY, time(17), 0, 0),
        (date(2025, 4, 12), time(10), 0, 0),
        (date(2025, 4, 29), time(10), 0, 0),
        (date(2025, 12, 29), time(10), 0, 0),
        (date(2024, 2, 29), time(10), 18, 18),
    ],
)
def test_the_contract_s_plan_stands_by_weekday_and_hour(
    engine: Engine, day: date, moment: time, seats: int, least: int
) -> None:
    with engine.connect() as db:
        step = plan_at(db, day, moment, HOURS)
    assert (step.seats, step.least) == (seats, least)


def test_a_day_on_which_the_line_is_closed_has_no_seats(engine: Engine) -> None:
    closed = LineHours(closures=(Closure(day_start(MONDAY), day_start(TUESDAY), "工事"),))
    with engine.connect() as db:
        assert plan_of_day(db, MONDAY, closed).steps == ()


@pytest.mark.req("5-10")
def test_forty_seats_are_a_plan_from_a_day_on_and_the_days_before_keep_theirs(engine: Engine, now: datetime) -> None:
    next_monday = MONDAY + timedelta(days=7)
    done(in_transaction(engine, lambda db: set_weekday_plan(db, 0, FORTY, valid_from=next_monday, by=BY, now=now)))
    with engine.connect() as db:
        plans = [plan_of_day(db, next_monday + timedelta(days=7 * n), HOURS).at(time(10)).seats for n in (-1, 0, 5)]
        audited = db.execute(text("SELECT verb, target, detail FROM audit")).one()
    assert plans == [23, 40, 40]
    assert (audited.verb, audited.target) == ("seat_plan.weekday", "weekday:0")
    assert audited.detail["after"] == [["09:00", 40, 40]]


def test_one_day_may_differ_with_a_reason_and_follow_its_weekday_again(engine: Engine, now: datetime) -> None:
    plan = done(in_transaction(engine, lambda db: set_day_plan(db, MONDAY, FORTY, reason="発送の翌日", by=BY, now=now)))
    assert plan == DayPlan(MONDAY, tuple(FORTY), "発送の翌日")
    with engine.connect() as db:
        assert plan_of_day(db, MONDAY, HOURS) == plan
        assert list_exceptions(db, since=MONDAY) == [plan]
    assert done(in_transaction(engine, lambda db: forget_day_plan(db, MONDAY, by=BY, now=now)))
    assert not done(in_transaction(engine, lambda db: forget_day_plan(db, MONDAY, by=BY, now=now)))
    with engine.connect() as db:
        assert plan_of_day(db, MONDAY, HOURS).at(time(10)).seats == 23
        assert db.execute(text("SELECT count(*) FROM audit WHERE target = 'day:2025-04-07'")).scalar_one() == 2


def test_the_past_and_nonsense_are_refused(engine: Engine, now: datetime) -> None:
    def weekday(steps: list[PlanStep], valid_from: date = TUESDAY) -> str:
        return refused(
            in_transaction(engine, lambda db: set_weekday_plan(db, 1, steps, valid_from=valid_from, by=BY, now=now))
        )

    assert weekday(FORTY, MONDAY) == "plan_too_late"
    assert weekday([]) == "setting_invalid"
    assert weekday([PlanStep(time(9), 10, 11)]) == "setting_invalid"
    assert weekday([PlanStep(time(9), -1, -1)]) == "setting_invalid"
    assert weekday([PlanStep(time(15), 9, 9), PlanStep(time(9), 9, 9)]) == "setting_invalid"

    def day(which: date, reason: str) -> str:
        return refused(in_transaction(engine, lambda db: set_day_plan(db, which, FORTY, reason=reason, by=BY, now=now)))

    assert day(MONDAY - timedelta(days=1), "x") == "plan_too_late"
    assert day(TUESDAY, " ") == "choice_needed"
