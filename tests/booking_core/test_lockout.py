from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import Connection, Engine, text

from booking_core import lockout
from booking_core.db import in_transaction
from booking_core.lockout import Tries, after_failure, lock_length

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def fail_at(*minutes: float) -> Tries:
    tries = Tries()
    for minute in minutes:
        tries = after_failure(tries, NOW + minute * MINUTE)
    return tries


def test_four_wrong_tries_do_not_lock_and_the_fifth_does() -> None:
    assert not fail_at(0, 1, 2, 3).is_locked(NOW + 3 * MINUTE)
    assert fail_at(0, 1, 2, 3, 4).locked_until == NOW + 19 * MINUTE


def test_wrong_tries_count_together_only_within_a_quarter_of_an_hour() -> None:
    assert fail_at(0, 1, 2, 3, 14.99).locks == 1
    assert fail_at(0, 1, 2, 3, 15).locks == 0


def test_a_lock_ends_to_the_instant() -> None:
    locked = fail_at(0, 0, 0, 0, 0)
    assert locked.is_locked(NOW + 15 * MINUTE - timedelta(microseconds=1))
    assert not locked.is_locked(NOW + 15 * MINUTE)


@pytest.mark.parametrize(
    ("locks_before", "minutes"), [(0, 15), (1, 30), (2, 60), (3, 120), (6, 960), (7, 1440), (8, 1440), (5000, 1440)]
)
def test_each_further_lock_is_twice_as_long_up_to_a_day(locks_before: int, minutes: int) -> None:
    assert lock_length(locks_before) == minutes * MINUTE


def test_counters_nobody_touched_for_a_day_are_forgotten_and_running_locks_are_not(engine: Engine) -> None:
    def count_and_lock(digest: bytes, locks: int) -> None:
        def work(db: Connection) -> None:
            tries = lockout.begin_try(db, digest, now=NOW)
            full = Tries((NOW,) * 4, locks, tries.locked_until)
            lockout.fail(db, digest, full, now=NOW)

        in_transaction(engine, work)

    count_and_lock(b"short", locks=0)
    count_and_lock(b"a whole day", locks=9)
    a_day_later = NOW + timedelta(hours=24)
    assert in_transaction(engine, lambda db: lockout.forget_old(db, now=a_day_later)) == 0
    assert in_transaction(engine, lambda db: lockout.forget_old(db, now=a_day_later + MINUTE)) == 2
    count_and_lock(b"locked later", locks=9)
    with engine.begin() as db:
        db.execute(text("UPDATE credential_lock SET locked_until = :until"), {"until": NOW + timedelta(hours=48)})
    assert in_transaction(engine, lambda db: lockout.forget_old(db, now=a_day_later + MINUTE)) == 0


def test_counting_by_reading_first_would_lose_tries(engine: Engine) -> None:
    """The control: two tries that read before either writes count as one, which `begin_try` must never let happen."""
    both_have_read = Barrier(2)
    with engine.begin() as db:
        lockout.begin_try(db, b"x", now=NOW)

    def count_carelessly() -> None:
        with engine.begin() as db:
            read = db.execute(text("SELECT failures FROM credential_lock")).scalar_one()
            both_have_read.wait(10)
            db.execute(text("UPDATE credential_lock SET failures = :failures"), {"failures": read + 1})

    threads = [Thread(target=count_carelessly) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as db:
        assert db.execute(text("SELECT failures FROM credential_lock")).scalar_one() == 2
