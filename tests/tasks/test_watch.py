"""A person hears of it when the target is missed, when callers wait, when the line has stopped: once a fault."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.alarms import close_alarm, list_open
from booking_core.clock import Clock, real_now
from tasks.senders.choice import NoSender
from tasks.watch import BELOW_TARGET, LINE_SILENT, LONG_WAIT, watch_line
from tasks.wiring import JobWiring
from tests.conftest import MONDAY_MORNING
from tests.reports.day import add_call

NEW, NOTHING_NEW = {"alarms": 1}, {"alarms": 0}


@pytest.fixture
def at_minute(kyoto: Engine, tmp_path: Path) -> Callable[[float], JobWiring]:
    """Return the jobs' wiring so many minutes after 9:30."""

    def wired(minute: float) -> JobWiring:
        file = tmp_path / "clock.json"
        instant = MONDAY_MORNING + timedelta(minutes=minute)
        file.write_text(f'{{"mode": "stepped", "now": "{instant.isoformat()}"}}')
        return JobWiring(kyoto, Clock(file), NoSender())

    return wired


def calls(engine: Engine, minute: float, *, answered: int, lost: int) -> None:
    since = MONDAY_MORNING + timedelta(minutes=minute)
    for n in range(answered + lost):
        add_call(engine, since + timedelta(seconds=n), "answered" if n < answered else "abandoned_queue")


def open_alarms(engine: Engine) -> dict[str, str]:
    with engine.connect() as db:
        return {alarm.kind: alarm.message for alarm in list_open(db)}


def close_all(engine: Engine, now: datetime) -> None:
    with engine.begin() as db:
        for alarm in list_open(db):
            close_alarm(db, alarm.id, by=Actor.operator(1), now=now)


@pytest.mark.req("3-2-J")
def test_below_85_percent_of_15_minutes_is_an_alarm_and_85_is_none(
    kyoto: Engine, at_minute: Callable[[float], JobWiring]
) -> None:
    calls(kyoto, 0, answered=17, lost=3)
    assert watch_line(at_minute(1)) == NOTHING_NEW
    calls(kyoto, 2, answered=0, lost=1)
    assert watch_line(at_minute(3)) == NEW
    assert "直近15分の応答率は80.9%（17／21）" in open_alarms(kyoto)[BELOW_TARGET]


def test_too_few_calls_are_no_alarm(kyoto: Engine, at_minute: Callable[[float], JobWiring]) -> None:
    calls(kyoto, 0, answered=0, lost=9)
    assert watch_line(at_minute(1)) == NOTHING_NEW
    calls(kyoto, 2, answered=0, lost=1)
    assert watch_line(at_minute(3)) == NEW


@pytest.mark.req("3-2-J")
def test_the_same_fault_is_told_once_and_again_only_after_87_percent(
    kyoto: Engine, at_minute: Callable[[float], JobWiring]
) -> None:
    calls(kyoto, 0, answered=8, lost=2)
    assert watch_line(at_minute(1)) == NEW
    close_all(kyoto, MONDAY_MORNING)
    assert watch_line(at_minute(2)) == NOTHING_NEW  # somebody has seen to it, and it goes on
    assert not open_alarms(kyoto)
    calls(kyoto, 20, answered=86, lost=14)  # 86 % is back above the goal, and not enough
    assert watch_line(at_minute(22)) == NOTHING_NEW
    calls(kyoto, 40, answered=8, lost=2)
    assert watch_line(at_minute(42)) == NOTHING_NEW
    calls(kyoto, 60, answered=87, lost=13)
    assert watch_line(at_minute(62)) == NOTHING_NEW
    calls(kyoto, 80, answered=8, lost=2)
    assert watch_line(at_minute(82)) == NEW


def test_an_alarm_that_is_over_says_so_until_somebody_closes_it(
    kyoto: Engine, at_minute: Callable[[float], JobWiring]
) -> None:
    calls(kyoto, 0, answered=8, lost=2)
    watch_line(at_minute(1))
    calls(kyoto, 20, answered=20, lost=0)
    watch_line(at_minute(22))
    assert "その後、戻りました" in open_alarms(kyoto)[BELOW_TARGET]


def test_two_workers_that_look_at_once_raise_one(kyoto: Engine, at_minute: Callable[[float], JobWiring]) -> None:
    calls(kyoto, 0, answered=0, lost=12)
    wiring, together = at_minute(1), threading.Barrier(4)
    new: list[int] = []

    def look() -> None:
        together.wait()
        new.append(watch_line(wiring)["alarms"])

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [0, 0, 0, 1]


def test_somebody_who_waits_longer_than_is_set_is_an_alarm(
    kyoto: Engine, at_minute: Callable[[float], JobWiring]
) -> None:
    with kyoto.begin() as db:
        db.execute(
            text("""INSERT INTO call (call_sid, to_number, state, received_at, enqueued_at, offerable_at)
                    VALUES ('CA1', '+81753660000', 'queued', :at, :at, :at)"""),
            {"at": MONDAY_MORNING},
        )
    assert watch_line(at_minute(3)) == NOTHING_NEW
    assert watch_line(at_minute(3.1)) == NEW
    assert watch_line(at_minute(5)) == NOTHING_NEW
    assert "最長5分" in open_alarms(kyoto)[LONG_WAIT]
    with kyoto.begin() as db:
        db.execute(text("UPDATE call SET state = 'ended', outcome = 'abandoned_queue', ended_at = received_at"))
    watch_line(at_minute(6))
    assert "今はいません" in open_alarms(kyoto)[LONG_WAIT]


def seen(engine: Engine, ago: timedelta) -> None:
    with engine.begin() as db:
        db.execute(text("DELETE FROM line_process"))
        db.execute(text("INSERT INTO line_process VALUES ('a', :at)"), {"at": real_now() - ago})


def test_a_line_that_gives_no_sign_for_30_seconds_is_an_alarm_at_the_second_look(
    kyoto: Engine, at_minute: Callable[[float], JobWiring]
) -> None:
    wiring = at_minute(0)
    assert watch_line(wiring) == NOTHING_NEW  # none ever ran here
    seen(kyoto, timedelta(seconds=20))
    assert watch_line(wiring) == NOTHING_NEW
    seen(kyoto, timedelta(seconds=40))
    assert watch_line(wiring) == NOTHING_NEW  # it may just be starting, together with the jobs
    with kyoto.begin() as db:
        db.execute(text("UPDATE alarm_latch SET noticed_at = noticed_at - interval '15 seconds'"))
    assert watch_line(wiring) == NEW
    assert list(open_alarms(kyoto)) == [LINE_SILENT]
    seen(kyoto, timedelta(0))
    assert watch_line(wiring) == NOTHING_NEW
    assert "また動いています" in open_alarms(kyoto)[LINE_SILENT]
