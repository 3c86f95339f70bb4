"""Seats by the minute and operators' times, against walking through every second and against the changes themselves."""

from datetime import date, datetime, time, timedelta
from random import Random

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.calendar import at
from booking_core.db import in_transaction
from ivr.hours import LineHours
from ivr.queue.models import AwayReason, Status
from ivr.queue.operators import set_status
from ivr.queue.seat_plan import DayPlan, PlanStep
from metrics.open_seats import most_open_seats
from metrics.operator_time import OperatorChange, OperatorTime, occupancy, operator_times, time_of
from metrics.seat_load import seat_load
from metrics.seat_minutes import SeatMinute, Staffed, by_minute, seat_minutes
from tests.desk import add_staff
from tests.factories import done

DAY = date(2025, 4, 7)
HOURS = LineHours()
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NINE = at(DAY, time(9))


def become(engine: Engine, who: int, status: Status, when: datetime, reason: AwayReason | None = None) -> None:
    by = Actor.operator(who)
    done(in_transaction(engine, lambda db: set_status(db, who, status, reason, by=by, now=when)))


def minutes(engine: Engine, *, now: datetime) -> list[SeatMinute]:
    with engine.connect() as db:
        return seat_minutes(db, DAY, HOURS, now=now)


def test_a_minute_counts_with_the_fewest_seats_in_it() -> None:
    plan = DayPlan(DAY, (PlanStep(time(0), 3, 2),))
    changes = [
        Staffed(NINE - MINUTE, 3, 3), Staffed(NINE + 90 * SECOND, 2, 1), Staffed(NINE + 100 * SECOND, 3, 3),
        Staffed(NINE + 180 * SECOND, 1, 1),
    ]  # fmt: skip
    found = [(each.present, each.able) for each in by_minute(changes, plan, NINE, NINE + 4 * MINUTE)]
    assert found == [(3, 3), (2, 1), (3, 3), (1, 1)]


@pytest.mark.req("3-2-C")
@pytest.mark.parametrize("seed", range(3))
def test_seats_by_the_minute_are_what_a_walk_through_the_seconds_finds(engine: Engine, seed: int) -> None:
    dice = Random(seed)  # noqa: S311 - the same day for the same seed
    team = [add_staff(engine, f"walker{n}") for n in range(3)]
    standing = dict.fromkeys(team, (False, False))
    told: dict[int, dict[int, tuple[bool, bool]]] = {}
    for second in sorted(dice.sample(range(-600, 900), 40)):
        who = dice.choice(team)
        status = dice.choice([Status.AVAILABLE, Status.AVAILABLE, Status.AWAY, Status.OFFLINE])
        become(engine, who, status, NINE + second * SECOND, AwayReason.BREAK if status is Status.AWAY else None)
        told[second] = {who: (status is not Status.OFFLINE, status is Status.AVAILABLE)}
    by_second = []
    for second in range(-600, 900):
        standing |= told.get(second, {})
        by_second.append((sum(sits for sits, _ in standing.values()), sum(able for _, able in standing.values())))
    expected = [
        (min(sits for sits, _ in span), min(able for _, able in span))
        for span in (by_second[600 + 60 * n : 660 + 60 * n] for n in range(15))
    ]
    found = minutes(engine, now=NINE + 15 * MINUTE)
    assert [(each.present, each.able) for each in found] == expected
    assert all((each.planned, each.least) == (23, 23) for each in found)


@pytest.mark.req("3-2-C")
def test_twenty_two_on_a_monday_morning_are_too_few_and_twenty_after_three_are_not(engine: Engine) -> None:
    team = [add_staff(engine, f"seat{n}") for n in range(22)]
    for who in team:
        become(engine, who, Status.AVAILABLE, NINE)
    for who in team[:2]:
        become(engine, who, Status.OFFLINE, at(DAY, time(15, 10)))
    by_time = {each.at: each for each in minutes(engine, now=at(DAY, time(23)))}
    assert len(by_time) == 480
    assert by_time[at(DAY, time(10))].short
    assert (by_time[at(DAY, time(15, 30))].present, by_time[at(DAY, time(15, 30))].short) == (20, False)
    assert not by_time[at(DAY, time(15))].short


@pytest.mark.req("5-10")
def test_forty_operators_are_forty_seats(engine: Engine) -> None:
    for n in range(40):
        become(engine, add_staff(engine, f"seat{n}"), Status.AVAILABLE, NINE)
    (first, *_) = minutes(engine, now=NINE + 5 * MINUTE)
    assert (first.present, first.able, first.planned) == (40, 40, 23)


def test_a_seat_on_a_break_is_present_and_not_able_and_closed_days_have_no_minutes(engine: Engine) -> None:
    who = add_staff(engine, "seat")
    become(engine, who, Status.AVAILABLE, NINE)
    become(engine, who, Status.AWAY, NINE + MINUTE, AwayReason.BREAK)
    assert [(m.present, m.able, m.short_able) for m in minutes(engine, now=NINE + 3 * MINUTE)] == [
        (1, 1, True), (1, 0, True), (1, 0, True),
    ]  # fmt: skip
    with engine.connect() as db:
        assert seat_minutes(db, date(2025, 4, 29), HOURS, now=at(date(2025, 5, 1), time(0))) == []


def test_who_takes_over_at_the_same_instant_is_no_seat_more(engine: Engine) -> None:
    goes, comes = add_staff(engine, "goes"), add_staff(engine, "comes")
    become(engine, goes, Status.AVAILABLE, NINE)
    become(engine, comes, Status.AVAILABLE, NINE + MINUTE)
    become(engine, goes, Status.OFFLINE, NINE + MINUTE)
    with engine.connect() as db:
        assert most_open_seats(db, DAY) == 1


def test_an_operator_s_time_is_told_apart_to_the_second(engine: Engine) -> None:
    who = add_staff(engine, "one")
    become(engine, who, Status.AVAILABLE, NINE)
    become(engine, who, Status.AWAY, NINE + 100 * SECOND, AwayReason.MEETING)
    become(engine, who, Status.AVAILABLE, NINE + 130 * SECOND)
    become(engine, who, Status.OFFLINE, NINE + 200 * SECOND)
    with engine.connect() as db:
        (found,) = operator_times(db, NINE + 10 * SECOND, NINE + 500 * SECOND)
        idle = seat_load(db, NINE, NINE + 500 * SECOND)
    assert (found.idle_us, found.away_us, found.at_work_us) == (160_000_000, {"meeting": 30_000_000}, 190_000_000)
    assert (idle.numerator, idle.denominator) == (0, 170_000_000)


def test_time_on_calls_counts_whatever_status_she_chose_meanwhile() -> None:
    def change(second: int, status: str, offer_state: str | None, reason: str | None = None) -> OperatorChange:
        return OperatorChange(1, NINE + second * SECOND, status, reason, offer_state)

    changes = [
        change(0, "available", None), change(10, "available", "pending"), change(15, "available", "accepted"),
        change(75, "available", "wrapping"), change(95, "away", "completed", "break"),
        change(155, "available", "completed"),
    ]  # fmt: skip
    found = time_of(1, changes, NINE, NINE + 200 * SECOND)
    assert found == OperatorTime(
        1, on_call_us=60_000_000, wrap_up_us=20_000_000, ringing_us=5_000_000, idle_us=55_000_000,
        away_us={"break": 60_000_000},
    )  # fmt: skip
    rate = occupancy([found])
    assert (rate.numerator, rate.denominator) == (80_000_000, 140_000_000)
    cut = time_of(1, changes, NINE + 20 * SECOND, NINE + 80 * SECOND)
    assert (cut.on_call_us, cut.wrap_up_us, cut.at_work_us) == (55_000_000, 5_000_000, 60_000_000)


@pytest.mark.parametrize("table", ["operator_event", "seat_event"])
def test_the_application_cannot_rewrite_when_somebody_was_there(engine: Engine, table: str) -> None:
    become(engine, add_staff(engine, "one"), Status.AVAILABLE, NINE)
    for statement in (f"UPDATE {table} SET at = at", f"DELETE FROM {table}"):  # noqa: S608 - names from this file
        with engine.connect() as db, pytest.raises(Exception, match="permission denied"):
            db.execute(text(statement))


def test_the_application_cannot_rewrite_how_a_call_ended(engine: Engine) -> None:
    for column in ("outcome", "answered_at", "received_at", "ended_at", "in_hours", "place", "wait_us"):
        statement = text(f"UPDATE call_facts SET {column} = {column}")  # noqa: S608 - names from this file
        with engine.connect() as db, pytest.raises(Exception, match="permission denied"):
            db.execute(statement)
    with engine.connect() as db, pytest.raises(Exception, match="permission denied"):
        db.execute(text("DELETE FROM call_facts"))
    with engine.begin() as db:
        db.execute(text("UPDATE call_facts SET main_reason = main_reason, wrap_up_us = wrap_up_us"))
