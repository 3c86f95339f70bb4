from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.availability import (
    FreeDay,
    Reception,
    list_first_free_days,
    list_free_days,
    list_free_times,
    list_next_free_times,
    list_receptions,
)
from booking_core.booking import Wish, book
from booking_core.calendar import at
from booking_core.clock import TOKYO
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.holds import hold
from booking_core.refusal import Refusal
from tests.factories import PHONE, booked, change_terms, done, new_card, owner_of, service_id, slot_at, venue_id

CITIZEN, OPERATOR, CLERK = Actor.citizen(1), Actor.operator(1), Actor.clerk(1)
DAY = date(2025, 4, 22)


def reception(engine: Engine, venue: str, by: Actor = CITIZEN, service: str = "delivery") -> Reception:
    with engine.connect() as db:
        (found,) = list_receptions(db, service_id(engine, service), by=by, venue_id=venue_id(engine, venue))
    return found


def free_days(engine: Engine, venue: str, *, by: Actor = CITIZEN, now: datetime, card_at: str = "") -> list[FreeDay]:
    lies_at = venue_id(engine, card_at) if card_at else None
    with engine.connect() as db:
        return list_free_days(db, reception(engine, venue, by), by=by, now=now, card_lies_at=lies_at)


def free_starts(engine: Engine, venue: str, day: date, *, by: Actor = CITIZEN, now: datetime) -> list[str]:
    with engine.connect() as db:
        found = list_free_times(db, reception(engine, venue, by), day, by=by, now=now)
    return [f"{each.starts_at.astimezone(TOKYO):%H:%M}" for each in found]


def test_the_first_day_offered_is_the_first_whose_deadline_has_not_passed_and_the_last_is_the_horizon(
    kyoto: Engine, now: datetime
) -> None:
    days = [each.day for each in free_days(kyoto, "kita", now=now)]
    assert (days[0], days[-1]) == (date(2025, 4, 14), date(2025, 6, 6))
    last_moment = at(date(2025, 4, 7), time(17))
    assert free_days(kyoto, "kita", now=last_moment)[0].day == date(2025, 4, 14)
    assert free_days(kyoto, "kita", now=last_moment + timedelta(seconds=1))[0].day == date(2025, 4, 15)


def test_a_card_that_lies_at_the_venue_opens_nearer_days_there_and_nowhere_else(kyoto: Engine, now: datetime) -> None:
    assert free_days(kyoto, "kita", now=now, card_at="kita")[0].day == date(2025, 4, 8)
    assert free_days(kyoto, "minami", now=now, card_at="kita")[0].day == date(2025, 4, 14)
    with kyoto.connect() as db:
        firsts = list_first_free_days(
            db, service_id(kyoto, "delivery"), by=CITIZEN, now=now, card_lies_at=venue_id(kyoto, "kita")
        )
    assert firsts[venue_id(kyoto, "kita")] == date(2025, 4, 8)
    assert firsts[venue_id(kyoto, "minami")] == date(2025, 4, 14)
    assert firsts[venue_id(kyoto, "center-1f")] == date(2025, 4, 12)  # a Saturday closes with the Monday after it
    assert len(firsts) == 15


def test_a_clerk_is_offered_today_from_this_moment_on(kyoto: Engine) -> None:
    for moment, first in ((time(9, 20), "09:20"), (time(9, 20, 1), "09:40"), (time(16, 40, 1), None)):
        starts = free_starts(kyoto, "kita", date(2025, 4, 8), by=CLERK, now=at(date(2025, 4, 8), moment))
        assert (starts[0] if starts else None) == first


def test_a_full_time_disappears_and_its_day_with_the_last_one(kyoto: Engine, now: datetime) -> None:
    whole = next(each.places for each in free_days(kyoto, "kita", now=now) if each.day == DAY)
    assert whole == 24 * 2
    booked(kyoto, new_card(kyoto), slot_at(kyoto, DAY, time(10), capacity=1), now=now)
    assert "10:00" not in free_starts(kyoto, "kita", DAY, now=now)
    assert next(each.places for each in free_days(kyoto, "kita", now=now) if each.day == DAY) == 23 * 2
    with kyoto.begin() as db:
        db.execute(
            text("UPDATE slot SET capacity = booked WHERE day = :day AND venue_id = :venue"),
            {"day": DAY, "venue": venue_id(kyoto, "kita")},
        )
    assert DAY not in [each.day for each in free_days(kyoto, "kita", now=now)]
    assert free_starts(kyoto, "kita", DAY, now=now) == []


def test_a_held_place_is_offered_again_from_the_second_the_hold_runs_out(kyoto: Engine, now: datetime) -> None:
    slot, delivery, until = (
        slot_at(kyoto, DAY, time(10), capacity=1),
        service_id(kyoto, "delivery"),
        now + timedelta(minutes=5),
    )
    done(in_transaction(kyoto, lambda db: hold(db, slot, delivery, owner="a", until=until, by=OPERATOR, now=now)))
    for moment, offered in ((now, False), (until - timedelta(seconds=1), False), (until, True)):
        assert ("10:00" in free_starts(kyoto, "kita", DAY, now=moment)) is offered


def test_a_closed_slot_is_not_offered(kyoto: Engine, now: datetime) -> None:
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET open = false WHERE id = :id"), {"id": slot_at(kyoto, DAY, time(10))})
    assert "10:00" not in free_starts(kyoto, "kita", DAY, now=now)


@pytest.mark.parametrize(
    "day", [date(2025, 4, 11), date(2025, 6, 9), date(2025, 4, 20), date(2025, 4, 29), date(2030, 1, 7)]
)
def test_a_day_outside_its_bounds_or_at_rest_has_no_times(kyoto: Engine, now: datetime, day: date) -> None:
    assert free_starts(kyoto, "kita", day, now=now) == []


def test_times_over_all_venues_come_earliest_first_and_no_more_than_asked(kyoto: Engine, now: datetime) -> None:
    with kyoto.connect() as db:
        receptions = list_receptions(db, service_id(kyoto, "delivery"), by=CITIZEN)
        ten = list_next_free_times(db, receptions, by=CITIZEN, now=now, limit=10)
        many = list_next_free_times(db, receptions, by=CITIZEN, now=now, limit=50)
    assert len(receptions) == 15
    assert len(ten) == 10
    assert many[:10] == ten
    assert [each.starts_at for each in many] == sorted(each.starts_at for each in many)
    assert {each.venue_id for each in ten} == {venue_id(kyoto, "center-1f")}  # the Saturday, where only it is open


def test_a_venue_without_a_free_place_before_the_horizon_is_named_as_such(kyoto: Engine, now: datetime) -> None:
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET open = false WHERE venue_id = :id"), {"id": venue_id(kyoto, "daigo")})
    with kyoto.connect() as db:
        firsts = list_first_free_days(db, service_id(kyoto, "delivery"), by=CITIZEN, now=now)
    assert firsts[venue_id(kyoto, "daigo")] is None
    assert firsts[venue_id(kyoto, "kita")] == date(2025, 4, 14)


def test_only_services_of_the_channel_are_listed_in_the_citys_order(kyoto: Engine) -> None:
    with kyoto.connect() as db:
        by_phone = list_receptions(db, service_id(kyoto, "application"), by=OPERATOR)
        on_web = list_receptions(db, service_id(kyoto, "application"), by=CITIZEN)
    assert [each.venue_id for each in by_phone] == [venue_id(kyoto, "center-3f"), venue_id(kyoto, "center-1f")]
    assert on_web == []
    change_terms(kyoto, "center-1f", "application", on_web=True)
    with kyoto.connect() as db:
        (opened,) = list_receptions(db, service_id(kyoto, "application"), by=CITIZEN)
    assert opened.venue_id == venue_id(kyoto, "center-1f")


@pytest.mark.parametrize("venue", ["kita", "center-1f"])
@pytest.mark.parametrize(
    "moment", ["2025-04-25T17:00:00", "2025-04-25T17:00:01", "2025-05-01T17:00:00", "2025-05-01T17:00:01"]
)
def test_nothing_is_offered_that_would_be_refused_and_nothing_kept_back_that_would_not(
    kyoto: Engine, venue: str, moment: str
) -> None:
    """Around the May holidays, one slot of every day is tried for real."""
    now = datetime.fromisoformat(moment).replace(tzinfo=TOKYO).astimezone(UTC)
    card, delivery = new_card(kyoto), service_id(kyoto, "delivery")
    shown = {each.day for each in free_days(kyoto, venue, by=Actor.citizen(card), now=now)}
    with kyoto.connect() as db:
        rows = db.execute(
            text("""
            SELECT s.day, min(s.id) AS id FROM slot s JOIN pool p ON p.id = s.pool_id
            WHERE s.venue_id = :venue AND p.code = 'delivery' GROUP BY s.day"""),
            {"venue": venue_id(kyoto, venue)},
        ).all()
    takes = {}
    for row in rows:
        with kyoto.connect() as db:  # tried and rolled back
            wish = Wish(row.id, delivery, Contact(PHONE), card_id=card)
            takes[row.day] = not isinstance(book(db, wish, by=Actor.citizen(card), key="k", now=now), Refusal)
    assert {day for day, taken in takes.items() if taken} == shown
    assert shown


def test_the_free_times_are_found_by_index_in_a_large_book(kyoto: Engine, now: datetime) -> None:
    one = reception(kyoto, "kita")
    with owner_of(kyoto).connect() as db:
        db.execute(text("ANALYZE slot"))
        plan = db.execute(
            text("EXPLAIN SELECT id FROM slot WHERE pool_id = :pool AND day BETWEEN :first AND :last"),
            {"pool": one.pool_id, "first": one.first_day_open(CITIZEN, now, card_is_here=False), "last": DAY},
        )
        assert "ix_slot_pool_id_day" in "\n".join(plan.scalars())
