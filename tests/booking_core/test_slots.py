from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, insert, text

from booking_core.actors import Actor
from booking_core.availability import list_free_times, list_receptions
from booking_core.booking import Wish, book
from booking_core.calendar import days
from booking_core.clock import TOKYO
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.models import (
    Pool,
    ReceptionHours,
    Service,
    ServiceAtVenue,
    SlotPlan,
    Venue,
    VenueKind,
)
from booking_core.seed.city import load_city
from booking_core.slots import PartDayClosure, materialise, materialised_until, starts_of_day
from tests.factories import (
    PHONE,
    balanced,
    booked,
    close_day,
    counters,
    done,
    new_card,
    owner_of,
    refused,
    service_id,
    slot_at,
    venue_id,
)

UNITS = (60, 30, 20, 15, 10)
WARDS = (
    *("kita", "kamigyo", "sakyo", "nakagyo", "higashiyama", "yamashina", "minami", "ukyo", "nishikyo", "rakusai"),
    *("fushimi", "fukakusa", "daigo"),
)

# Requirements §A, "Slot starts that result": for each unit of UNITS, how many starts and the last one.
TABLE: Mapping[str, tuple[time, time, tuple[tuple[int, str], ...]]] = {
    "center-3f, delivery and certificate": (
        time(9),
        time(16, 50),
        ((8, "16:00"), (16, "16:30"), (24, "16:40"), (32, "16:45"), (48, "16:50")),
    ),
    "center-3f, application": (
        time(9),
        time(16, 40),
        ((8, "16:00"), (16, "16:30"), (24, "16:40"), (31, "16:30"), (47, "16:40")),
    ),
    "center-1f in the evening, delivery and certificate": (
        time(17),
        time(18, 45),
        ((2, "18:00"), (4, "18:30"), (6, "18:40"), (8, "18:45"), (11, "18:40")),
    ),
    "center-1f in the evening, application": (
        time(17),
        time(18, 40),
        ((2, "18:00"), (4, "18:30"), (6, "18:40"), (7, "18:30"), (11, "18:40")),
    ),
    "center-1f at the weekend and wards, delivery and certificate": (
        time(9),
        time(16, 45),
        ((8, "16:00"), (16, "16:30"), (24, "16:40"), (32, "16:45"), (47, "16:40")),
    ),
    "center-1f at the weekend, application": (
        time(9),
        time(16, 40),
        ((8, "16:00"), (16, "16:30"), (24, "16:40"), (31, "16:30"), (47, "16:40")),
    ),
}


def calendar_of(venue: str, service: str, weekday: int) -> str | None:
    """Return the row of TABLE that holds at a venue on a weekday, None where it receives nobody."""
    if venue == "center-3f":
        kept = "center-3f" if weekday < 5 else None
    elif venue == "center-1f":
        kept = {0: "center-1f in the evening", 2: "center-1f in the evening"}.get(weekday)
        kept = "center-1f at the weekend" if weekday > 4 else kept
    else:
        kept = "wards" if weekday < 5 and service != "application" else None
    if kept is None:
        return None
    return next(
        name
        for name in TABLE
        if kept in name.split(",")[0] and (service in name or (service == "certificate" and "certificate" in name))
    )


@pytest.fixture
def city(engine: Engine) -> Engine:
    """Kyoto with its plans, valid from 1 April 2025, of which no slot has been cut yet."""
    with engine.begin() as db:
        load_city(db, valid_from=date(2025, 4, 1))
    return engine


def cut(engine: Engine, *, now: datetime, days_ahead: int, unit_minutes: int | None = None) -> int:
    """Cut the slots, with another unit than the seeded one if wanted."""
    with engine.begin() as db:
        if unit_minutes:
            db.execute(text("UPDATE slot_plan SET unit_minutes = :unit"), {"unit": unit_minutes})
        return materialise(db, now=now, days_ahead=days_ahead)


def starts_cut(engine: Engine) -> dict[tuple[str, str, date], list[str]]:
    """Return the Tokyo start times of every venue, service and day."""
    found: dict[tuple[str, str, date], list[str]] = defaultdict(list)
    with engine.connect() as db:
        for venue, service, day, starts_at in db.execute(
            text("""
            SELECT v.code, p.code, s.day, s.starts_at FROM slot s
            JOIN venue v ON v.id = s.venue_id JOIN pool p ON p.id = s.pool_id ORDER BY s.starts_at""")
        ):
            found[venue, service, day].append(f"{starts_at.astimezone(TOKYO):%H:%M}")
    return found


def days_cut(engine: Engine, venue: str) -> set[date]:
    with engine.connect() as db:
        found = db.execute(
            text("SELECT DISTINCT s.day FROM slot s JOIN venue v ON v.id = s.venue_id WHERE v.code = :venue"),
            {"venue": venue},
        )
        return set(found.scalars())


@pytest.mark.parametrize("name", TABLE)
def test_the_grid_of_a_day_gives_the_printed_number_of_starts_and_the_last_one(name: str) -> None:
    opens, last_reception, figures = TABLE[name]
    for unit, (number, last) in zip(UNITS, figures, strict=True):
        starts = starts_of_day(unit, opens, last_reception)
        assert (len(starts), f"{starts[-1]:%H:%M}") == (number, last), unit
        assert starts[0] == opens
        assert all(start <= last_reception for start in starts)


def test_a_start_on_the_last_reception_counts_and_one_minute_less_drops_it() -> None:
    assert starts_of_day(15, time(9), time(9, 45)) == [time(9), time(9, 15), time(9, 30), time(9, 45)]
    assert starts_of_day(15, time(9), time(9, 44))[-1] == time(9, 30)
    assert starts_of_day(60, time(9), time(9)) == [time(9)]


@pytest.mark.req("3-1-B-v-1", "1-2-T1")
@pytest.mark.parametrize("unit", UNITS)
def test_every_floor_weekday_and_service_is_cut_as_printed(city: Engine, now: datetime, unit: int) -> None:
    cut(city, now=now, days_ahead=13, unit_minutes=unit)
    found = starts_cut(city)
    for venue in ("center-3f", "center-1f", *WARDS):
        for service in ("delivery", "certificate", "application"):
            for day in days(date(2025, 4, 7), date(2025, 4, 20)):
                row = calendar_of(venue, service, day.weekday())
                starts = found.get((venue, service, day), [])
                if row is None:
                    assert not starts, (venue, service, day)
                    continue
                number, last = TABLE[row][2][UNITS.index(unit)]
                assert (len(starts), starts[-1]) == (number, last), (venue, service, day)
                assert starts[0] == f"{TABLE[row][0]:%H:%M}"


@pytest.mark.req("1-2-T1", "1-2-T2")
def test_the_half_year_of_the_contract_has_the_printed_number_of_open_days(city: Engine) -> None:
    first = datetime(2025, 3, 31, 15, 0, tzinfo=UTC)  # 1 April in Tokyo
    cut(city, now=first, days_ahead=182, unit_minutes=60)
    centre = days_cut(city, "center-3f")
    assert (min(centre), max(centre)) == (date(2025, 4, 1), date(2025, 9, 30))
    assert [sum(day.month == month for day in centre) for month in range(4, 10)] == [21, 20, 21, 22, 20, 20]
    for ward in WARDS:
        assert days_cut(city, ward) == centre
    ground_floor = days_cut(city, "center-1f")
    by_weekday = [sum(day.weekday() == weekday for day in ground_floor) for weekday in range(7)]
    assert by_weekday[:5] == [22, 0, 26, 0, 0]
    assert sum(by_weekday[5:]) == 50


@pytest.mark.req("1-2-T1", "1-2-T2")
def test_national_holidays_have_no_slots_on_weekdays_nor_at_weekends(kyoto: Engine) -> None:
    holidays = {date(2025, 4, 29), *days(date(2025, 5, 3), date(2025, 5, 6))}
    cut_days = days_cut(kyoto, "center-3f")
    assert not holidays & (cut_days | days_cut(kyoto, "center-1f") | days_cut(kyoto, "kita"))
    assert {date(2025, 4, 28), date(2025, 4, 30), date(2025, 5, 2), date(2025, 5, 7)} <= cut_days
    assert {date(2025, 4, 26), date(2025, 4, 27), date(2025, 5, 10)} <= days_cut(kyoto, "center-1f")


def test_a_venue_that_the_city_opens_on_holidays_has_slots_on_them(city: Engine, now: datetime) -> None:
    with city.begin() as db:
        db.execute(text("UPDATE venue SET opens_on_holidays = true WHERE code = 'center-1f'"))
    cut(city, now=now, days_ahead=30)
    opened = days_cut(city, "center-1f")
    assert {date(2025, 5, 3), date(2025, 5, 4), date(2025, 5, 5)} <= opened  # Saturday, Sunday, Monday
    assert date(2025, 5, 6) not in opened  # a Tuesday, on which it never opens
    assert date(2025, 5, 6) not in days_cut(city, "center-3f")


def test_the_turn_of_the_year_has_no_slots(city: Engine) -> None:
    cut(city, now=datetime(2025, 12, 19, 15, 0, tzinfo=UTC), days_ahead=21)
    centre = days_cut(city, "center-3f")
    rest = set(days(date(2025, 12, 29), date(2026, 1, 3)))
    assert not rest & (centre | days_cut(city, "center-1f"))
    assert {date(2025, 12, 26), date(2026, 1, 5)} <= centre
    assert {date(2025, 12, 28), date(2026, 1, 4)} <= days_cut(city, "center-1f")  # the Sundays beside it


def test_a_closed_day_and_closed_hours_lose_exactly_their_starts(city: Engine, now: datetime) -> None:
    tuesday, wednesday, thursday = date(2025, 4, 8), date(2025, 4, 9), date(2025, 4, 10)
    close_day(city, "kita", tuesday, starts=time(12), ends=time(13))
    close_day(city, "kita", wednesday)
    close_day(city, "center-ukyo", thursday)  # the storehouse's rest closes no counter
    cut(city, now=now, days_ahead=6)
    found = starts_cut(city)
    for service, lost in (("delivery", {"12:00", "12:20", "12:40"}), ("certificate", {"12:00", "12:30"})):
        whole_day = set(found["minami", service, tuesday])
        assert whole_day - set(found["kita", service, tuesday]) == lost
        assert not found.get(("kita", service, wednesday))
        assert set(found["minami", service, wednesday]) == set(found["kita", service, thursday]) == whole_day


def test_cutting_again_adds_nothing_and_leaves_standing_slots_as_they_are(city: Engine, now: datetime) -> None:
    cut(city, now=now, days_ahead=20)
    slot = slot_at(city, date(2025, 4, 22), time(10), capacity=7)
    booked(city, new_card(city), slot, now=now)
    with city.begin() as db:
        db.execute(text("UPDATE slot SET open = false WHERE id = :id"), {"id": slot})
        db.execute(text("UPDATE slot_plan SET places = 1"))
        before = db.execute(text("SELECT * FROM slot ORDER BY id")).all()
        assert materialise(db, now=now, days_ahead=20) == 0
        assert db.execute(text("SELECT * FROM slot ORDER BY id")).all() == before
        row = db.execute(text("SELECT capacity, booked, open FROM slot WHERE id = :id"), {"id": slot}).one()
    assert tuple(row) == (7, 1, False)


def test_each_day_adds_only_the_day_that_came_into_reach(city: Engine, now: datetime) -> None:
    cut(city, now=now, days_ahead=3)
    assert max(days_cut(city, "kita")) == date(2025, 4, 10)
    assert cut(city, now=now + timedelta(days=1), days_ahead=3) == 13 * (24 + 16) + 32 + 16 + 16  # Friday
    assert max(days_cut(city, "kita")) == date(2025, 4, 11)


def test_two_jobs_that_cut_at_once_cut_each_slot_once(city: Engine, kyoto: Engine, now: datetime) -> None:
    with ThreadPoolExecutor(2) as threads:
        jobs = [
            threads.submit(in_transaction, city, lambda db: materialise(db, now=now, days_ahead=30)) for _ in range(2)
        ]
        added = [done(job.result()) for job in jobs]
    within_reach = {key: starts for key, starts in starts_cut(kyoto).items() if key[2] <= date(2025, 5, 7)}
    assert starts_cut(city) == within_reach
    assert sum(added) == sum(len(starts) for starts in within_reach.values())


def test_the_newest_plan_that_is_valid_on_a_day_cuts_it(city: Engine, now: datetime) -> None:
    with city.begin() as db:
        db.execute(
            text("""
            INSERT INTO slot_plan (pool_id, weekday, unit_minutes, places, valid_from)
            SELECT p.id, w.day, CASE w.day WHEN 0 THEN 60 ELSE 30 END, CASE w.day WHEN 1 THEN 0 ELSE 9 END, :since
            FROM pool p JOIN venue v ON v.id = p.venue_id CROSS JOIN (VALUES (0), (1)) AS w (day)
            WHERE v.code = 'kita' AND p.code = 'delivery'"""),
            {"since": date(2025, 4, 14)},
        )
    cut(city, now=now, days_ahead=13)
    found = starts_cut(city)
    assert len(found["kita", "delivery", date(2025, 4, 7)]) == 24
    assert len(found["kita", "delivery", date(2025, 4, 14)]) == 8
    assert len(found["kita", "delivery", date(2025, 4, 8)]) == 24
    assert not found.get(("kita", "delivery", date(2025, 4, 15)))  # no places: the day is not received
    assert len(found["kita", "delivery", date(2025, 4, 16)]) == 24  # a weekday without a newer plan


def test_the_reach_of_the_slots_is_that_of_the_pool_that_has_least(kyoto: Engine) -> None:
    with kyoto.begin() as db:
        assert materialised_until(db) == date(2025, 7, 16)  # center-1f, whose days are Mon, Wed, Sat and Sun
        db.execute(
            text("""
            DELETE FROM slot USING pool p, venue v
            WHERE slot.pool_id = p.id AND v.id = p.venue_id AND v.code = 'daigo' AND p.code = 'delivery'
              AND slot.day > :day"""),
            {"day": date(2025, 6, 2)},
        )
        assert materialised_until(db) == date(2025, 6, 2)
        db.execute(text("DELETE FROM slot WHERE venue_id = (SELECT id FROM venue WHERE code = 'daigo')"))
        assert materialised_until(db) is None


def test_services_that_share_a_pool_keep_their_own_last_reception(city: Engine, now: datetime) -> None:
    share_pool_of_delivery(city, "application", at_venue="center-3f")
    cut(city, now=now, days_ahead=20, unit_minutes=10)
    day = date(2025, 4, 22)
    last, shared = (
        slot_at(city, day, time(16, 50), venue="center-3f"),
        slot_at(city, day, time(16, 40), venue="center-3f"),
    )
    assert refused(apply_by_phone(city, last, now, "a")) == "not_offered_here"
    done(apply_by_phone(city, shared, now, "b"))
    booked(city, new_card(city), shared, now=now)
    booked(city, new_card(city), last, now=now, key="c")
    assert counters(city, shared) == (2, 0)
    assert last_offered(city, "application", day, now) == time(16, 40)
    assert last_offered(city, "delivery", day, now) == time(16, 50)
    assert balanced(city)


def test_services_that_share_a_pool_keep_their_own_opening(city: Engine, now: datetime) -> None:
    share_pool_of_delivery(city, "application", at_venue="center-3f")
    with city.begin() as db:
        db.execute(
            text("""
            UPDATE reception_hours h SET opens = '10:00' FROM service_at_venue sv JOIN service v ON v.id = sv.service_id
            WHERE h.service_at_venue_id = sv.id AND v.code = 'application'""")
        )
    cut(city, now=now, days_ahead=20, unit_minutes=30)
    day = date(2025, 4, 22)
    early, later = slot_at(city, day, time(9, 30), venue="center-3f"), slot_at(city, day, time(10), venue="center-3f")
    assert refused(apply_by_phone(city, early, now, "a")) == "not_offered_here"
    done(apply_by_phone(city, later, now, "b"))
    booked(city, new_card(city), early, now=now)


def share_pool_of_delivery(engine: Engine, service: str, *, at_venue: str) -> None:
    with engine.begin() as db:
        db.execute(
            text("""
            UPDATE service_at_venue sv SET pool_id = p.id FROM venue w, service v, pool p
            WHERE sv.venue_id = w.id AND sv.service_id = v.id AND p.venue_id = w.id AND p.code = 'delivery'
              AND w.code = :venue AND v.code = :service"""),
            {"venue": at_venue, "service": service},
        )


def apply_by_phone(engine: Engine, slot: int, now: datetime, key: str) -> object:
    wish = Wish(slot, service_id(engine, "application"), Contact(PHONE, "都 花子"))
    return in_transaction(engine, lambda db: book(db, wish, by=Actor.operator(1), key=key, now=now))


def last_offered(engine: Engine, service: str, day: date, now: datetime) -> time:
    with engine.connect() as db:
        (reception,) = list_receptions(
            db, service_id(engine, service), by=Actor.operator(1), venue_id=venue_id(engine, "center-3f")
        )
        times = list_free_times(db, reception, day, by=Actor.operator(1), now=now)
    return times[-1].starts_at.astimezone(TOKYO).time()


@pytest.mark.req("3-1-B-x")
def test_forty_venues_can_be_registered_and_the_fortieth_takes_a_booking(engine: Engine, now: datetime) -> None:
    with engine.begin() as db:
        storehouse = {"code": "center-ukyo", "name": "保管庫", "reading": "ホカンコ", "address": "-", "position": 0}
        db.execute(insert(Venue).values(storehouse | {"kind": VenueKind.STOREHOUSE}))
        delivery = {"code": "delivery", "name": "カードの受け取り", "needs_card": True, "purposes": {}, "position": 0}
        service = db.execute(insert(Service).values(delivery).returning(Service.id)).scalar_one()
        for number in range(1, 41):
            register_venue(db.execute, number, service)
        assert (
            materialise(db, now=now, days_ahead=30) == 40 * 8 * 3
        )  # 8, 15 and 22 April; 29 April and 6 May are holidays
    slot = slot_at(engine, date(2025, 4, 22), time(10), venue="venue-40")
    booked(engine, new_card(engine), slot, now=now)
    assert counters(engine, slot) == (1, 0)


def register_venue(execute: Callable[..., object], number: int, service: int) -> None:
    """Register a venue that receives on Tuesdays, as the city's staff would: place, pool, terms, hours, plan."""
    venue = {"code": f"venue-{number}", "name": f"窓口{number}", "reading": "マドグチ", "address": "-"}
    execute(insert(Venue).values(venue | {"position": number}))
    ids = {"venue_id": number + 1, "pool_id": number, "service_at_venue_id": number}
    execute(insert(Pool).values(venue_id=ids["venue_id"], code="delivery"))
    terms = {"service_id": service, "on_web": True, "by_phone": True, "by_keypad": False}
    execute(insert(ServiceAtVenue).values(terms | {"venue_id": ids["venue_id"], "pool_id": ids["pool_id"]}))
    hours = {"weekday": 1, "opens": time(9), "closes": time(17), "last_reception": time(16, 45)}
    execute(insert(ReceptionHours).values(hours | {"service_at_venue_id": ids["service_at_venue_id"]}))
    plan = {"weekday": 1, "unit_minutes": 60, "places": 1, "valid_from": date(2025, 4, 7)}
    execute(insert(SlotPlan).values(plan | {"pool_id": ids["pool_id"]}))


@pytest.mark.parametrize(
    "closure", [PartDayClosure(None, None), PartDayClosure(None, time(10)), PartDayClosure(time(10), None)]
)
def test_a_closure_without_both_its_hours_lasts_all_day(closure: PartDayClosure) -> None:
    assert all(closure.covers(time(hour)) for hour in range(24))


def test_one_slot_that_is_missing_is_cut_again(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, date(2025, 4, 22), time(10))
    with owner_of(kyoto).begin() as db:
        db.execute(text("DELETE FROM slot WHERE id = :id"), {"id": slot})
    assert done(in_transaction(kyoto, lambda db: materialise(db, now=now))) == 1
    assert slot_at(kyoto, date(2025, 4, 22), time(10)) != slot


def test_a_day_that_opens_on_the_half_hour_starts_there() -> None:
    assert starts_of_day(60, time(9, 30), time(12)) == [time(9, 30), time(10, 30), time(11, 30)]
