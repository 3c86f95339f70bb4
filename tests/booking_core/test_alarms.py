from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.alarms import OpenAlarm, close_alarm, list_open, raise_alarm
from booking_core.db import in_transaction
from tests.factories import done

HOUR = timedelta(hours=1)


def ring(engine: Engine, kind: str, message: str, now: datetime) -> bool:
    return done(in_transaction(engine, lambda db: raise_alarm(db, kind, message, now=now)))


def standing(engine: Engine) -> list[OpenAlarm]:
    with engine.connect() as db:
        return list_open(db)


def close(engine: Engine, alarm_id: int, now: datetime) -> bool:
    return done(in_transaction(engine, lambda db: close_alarm(db, alarm_id, by=Actor.clerk(3), now=now)))


def test_a_fault_that_goes_on_is_one_alarm_with_its_newest_message(engine: Engine, now: datetime) -> None:
    assert ring(engine, "recount", "1件", now)
    assert not ring(engine, "recount", "2件", now + HOUR)
    assert ring(engine, "slots", "足りません", now + 2 * HOUR)
    first, second = standing(engine)
    assert (first.kind, first.message, first.raised_at, first.seen_at) == ("recount", "2件", now, now + HOUR)
    assert second.kind == "slots"


def test_a_closed_alarm_comes_again_when_the_fault_does(engine: Engine, now: datetime) -> None:
    ring(engine, "recount", "1件", now)
    (alarm,) = standing(engine)
    assert close(engine, alarm.id, now)
    assert standing(engine) == []
    assert ring(engine, "recount", "1件", now + HOUR)
    assert standing(engine)[0].id != alarm.id


def test_closing_is_on_record_once(engine: Engine, now: datetime) -> None:
    ring(engine, "recount", "1件", now)
    alarm = standing(engine)[0].id
    assert close(engine, alarm, now)
    assert not close(engine, alarm, now)
    assert not close(engine, 404, now)
    with engine.connect() as db:
        rows = db.execute(text("SELECT verb, target, actor_id, detail FROM audit")).all()
    assert [tuple(row) for row in rows] == [("alarm.close", f"alarm:{alarm}", 3, {"kind": "recount"})]


def test_alarms_raised_at_once_are_one(engine: Engine, now: datetime) -> None:
    start = Barrier(8)

    def one(_: int) -> None:
        start.wait(10)
        ring(engine, "recount", "1件", now)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(8)))
    assert len(standing(engine)) == 1
