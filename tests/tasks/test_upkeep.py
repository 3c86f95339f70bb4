"""The jobs that keep the book in order do what they say, once where once is meant, and raise an alarm where not."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from booking_core import audit_chain, lockout
from booking_core.actors import Actor
from booking_core.alarms import list_open
from booking_core.calendar import at
from booking_core.cards.sessions import open_session
from booking_core.clock import Clock, real_now, tokyo_day
from booking_core.db import in_transaction
from booking_core.holds import hold
from booking_core.slots import DAYS_AHEAD
from tasks.celery_app import make_celery
from tasks.running import JobFailed
from tasks.schedule import SCHEDULE, Job
from tasks.senders.choice import NoSender
from tasks.upkeep import cut_slots, drop_sessions, expire_holds, recount, seal_audit, settle_visits, verify_audit
from tasks.wiring import JobWiring
from tests.factories import balanced, booked, counters, done, new_card, owner_of, service_id, slot_at

MONDAY = date(2025, 4, 7)


@pytest.fixture
def at_time(kyoto: Engine, tmp_path: Path) -> Callable[[datetime], JobWiring]:
    file = tmp_path / "clock.json"

    def wired(instant: datetime) -> JobWiring:
        file.write_text(f'{{"mode": "stepped", "now": "{instant.isoformat()}"}}')
        return JobWiring(kyoto, Clock(file), NoSender())

    return wired


def alarms(engine: Engine) -> dict[str, str]:
    with engine.connect() as db:
        return {alarm.kind: alarm.message for alarm in list_open(db)}


def test_places_of_run_out_holds_come_back(kyoto: Engine, at_time: Callable[[datetime], JobWiring]) -> None:
    now, slot = at(MONDAY, time(10)), slot_at(kyoto, date(2025, 4, 21), time(9))
    delivery = service_id(kyoto, "delivery")
    until = now + timedelta(minutes=5)
    held = in_transaction(
        kyoto, lambda db: hold(db, slot, delivery, owner="desk:1", until=until, by=Actor.operator(1), now=now)
    )
    done(held)
    assert expire_holds(at_time(until - timedelta(seconds=1))) == {"places": 0}
    assert counters(kyoto, slot) == (0, 1)
    assert expire_holds(at_time(until)) == {"places": 1}
    assert counters(kyoto, slot) == (0, 0)


def test_a_missed_visit_is_settled_when_the_venue_has_closed(
    kyoto: Engine, at_time: Callable[[datetime], JobWiring]
) -> None:
    visit = date(2025, 4, 21)
    booked(kyoto, new_card(kyoto), slot_at(kyoto, visit, time(9)), now=at(MONDAY, time(10)))
    assert settle_visits(at_time(at(visit, time(16, 59)))) == {"settled": 0}
    assert settle_visits(at_time(at(visit, time(17)))) == {"settled": 1}
    assert settle_visits(at_time(at(visit, time(17)))) == {"settled": 0}
    with kyoto.connect() as db:
        assert db.execute(text("SELECT state FROM booking")).scalar_one() == "not_recorded"


def test_slots_are_cut_ahead_once_a_day(kyoto: Engine, at_time: Callable[[datetime], JobWiring]) -> None:
    next_week = at(MONDAY + timedelta(days=7), time(3))
    assert cut_slots(at_time(next_week))["added"] > 0
    assert cut_slots(at_time(next_week)) == {}
    with kyoto.connect() as db:
        last = db.execute(text("SELECT max(day) FROM slot")).scalar_one()
    assert last >= tokyo_day(next_week) + timedelta(days=DAYS_AHEAD - 3)
    assert not alarms(kyoto)


def test_slots_that_fall_behind_raise_an_alarm(kyoto: Engine, at_time: Callable[[datetime], JobWiring]) -> None:
    with owner_of(kyoto).begin() as db:
        venue_pool = db.execute(text("SELECT min(pool_id) FROM slot_plan")).scalar_one()
        db.execute(text("UPDATE slot_plan SET places = 0 WHERE pool_id = :pool"), {"pool": venue_pool})
    cut_slots(at_time(at(MONDAY + timedelta(days=40), time(3))))
    assert "2025-07-1" in alarms(kyoto)["slots.behind"]


def test_the_nightly_recount_names_the_slots_that_do_not_add_up(
    kyoto: Engine, at_time: Callable[[datetime], JobWiring]
) -> None:
    slot = slot_at(kyoto, date(2025, 4, 21), time(9))
    assert recount(at_time(at(MONDAY, time(3)))) == {"miscounts": 0}
    assert not alarms(kyoto)
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET booked = booked + 1 WHERE id = :id"), {"id": slot})
    assert recount(at_time(at(MONDAY, time(4)))) == {}  # done for today
    tuesday = MONDAY + timedelta(days=1)
    assert recount(at_time(at(tuesday, time(1, 59)))) == {}
    assert recount(at_time(at(tuesday, time(2)))) == {"miscounts": 1}
    assert str(slot) in alarms(kyoto)["recount"]
    assert not balanced(kyoto)


def test_the_trail_is_sealed_and_an_altered_row_raises_an_alarm(
    kyoto: Engine, at_time: Callable[[datetime], JobWiring]
) -> None:
    booked(kyoto, new_card(kyoto), slot_at(kyoto, date(2025, 4, 21), time(9)), now=at(MONDAY, time(1)))
    night = at_time(at(MONDAY, time(3)))
    assert seal_audit(night)["sealed"] == 1
    assert seal_audit(night) == {"sealed": 0}
    assert verify_audit(night) == {"broken": 0}
    with owner_of(kyoto).begin() as db:
        db.execute(text("UPDATE audit SET actor_id = 99"))
    assert verify_audit(at_time(at(MONDAY + timedelta(days=1), time(3)))) == {"broken": 1}
    assert audit_chain.Fault.ROWS_ALTERED in alarms(kyoto)["audit.broken"]


def test_sessions_that_ran_out_are_dropped_and_others_stay(
    kyoto: Engine, at_time: Callable[[datetime], JobWiring]
) -> None:
    card = new_card(kyoto)
    with kyoto.begin() as db:
        open_session(db, card, now=real_now() - timedelta(hours=1))
        open_session(db, card, now=real_now())
    assert drop_sessions(at_time(at(MONDAY, time(10)))) == {"dropped": 1}


def test_failed_log_ins_of_yesterday_are_forgotten_and_those_of_today_stay(
    kyoto: Engine, at_time: Callable[[datetime], JobWiring]
) -> None:
    with kyoto.begin() as db:
        lockout.begin_try(db, b"yesterday", now=real_now() - lockout.REMEMBERED - timedelta(minutes=1))
        lockout.begin_try(db, b"today", now=real_now())
    job = next(job for job in SCHEDULE if job.name == "forget_failures")
    assert job.run(at_time(at(MONDAY, time(10)))) == {"forgotten": 1}
    with kyoto.connect() as db:
        assert db.execute(text("SELECT digest FROM credential_lock")).scalars().all() == [b"today"]


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return all that was printed and logged."""
    return lambda: "".join(capfd.readouterr()) + caplog.text


def test_a_job_that_fails_says_where_and_never_what_the_error_says(
    kyoto: Engine,
    at_time: Callable[[datetime], JobWiring],
    monkeypatch: pytest.MonkeyPatch,
    told: Callable[[], str],
) -> None:
    def fail(wiring: JobWiring) -> dict[str, int]:
        with wiring.engine.begin() as db:
            db.execute(text("SELECT CAST('075-123-4567' AS integer)"))
        return {}

    job, wiring = Job("broken", 60, fail, "never works"), at_time(at(MONDAY, time(10)))
    monkeypatch.setattr("tasks.celery_app.SCHEDULE", (job,))
    task = make_celery("memory://", wiring).tasks["tasks.broken"]
    with pytest.raises(JobFailed, match=r"^broken: DataError$") as raised:
        task.apply(throw=True)
    assert raised.value.__context__ is None
    said = told()
    assert "test_upkeep.py" in said
    assert "DataError" in alarms(kyoto)["job.broken"]
    assert "123-4567" not in said + alarms(kyoto)["job.broken"]
