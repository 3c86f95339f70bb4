from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine, text

from booking_core.alarms import list_open
from booking_core.db import in_transaction
from booking_core.outbox import MOST_ATTEMPTS, ClaimedMessage, claim_due, mark_failed, mark_sent, put
from booking_core.refusal import Reason, Refusal
from tests.factories import done

NOW = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
BUSINESS = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = 60


def leave(engine: Engine, key: str, *, at: datetime = NOW, kind: str = "mail") -> bool:
    return done(in_transaction(engine, lambda db: put(db, kind, key, {"key": key}, now=NOW, due_at=at)))


def claim(engine: Engine, at: datetime = NOW, *, limit: int = 100, kind: str | None = None) -> list[ClaimedMessage]:
    def work(db: Connection) -> list[ClaimedMessage]:
        return claim_due(db, now=at, business_now=BUSINESS, limit=limit, lease_seconds=LEASE, kind=kind)

    return done(in_transaction(engine, work))


def fail(engine: Engine, message: ClaimedMessage, at: datetime, retry_at: datetime | None) -> bool:
    def work(db: Connection) -> bool:
        return mark_failed(db, message, "refused", retry_at=retry_at, now=at, business_now=BUSINESS)

    return done(in_transaction(engine, work))


def sent(engine: Engine, message: ClaimedMessage) -> bool:
    return done(in_transaction(engine, lambda db: mark_sent(db, message, now=NOW)))


def alarms(engine: Engine) -> list[str]:
    with engine.connect() as db:
        found = list_open(db)
    assert {alarm.seen_at for alarm in found} <= {BUSINESS}  # the clock of all alarms, not the outbox's
    return [alarm.kind for alarm in found]


def test_a_message_is_written_once_however_often_it_is_put(engine: Engine) -> None:
    assert leave(engine, "a")
    assert not leave(engine, "a")
    assert [message.content for message in claim(engine)] == [{"key": "a"}]


def test_a_rolled_back_writer_sends_nothing(engine: Engine) -> None:
    def change_of_mind(db: Connection) -> Refusal:
        put(db, "mail", "a", {}, now=NOW)
        return Refusal(Reason.FULL)

    in_transaction(engine, change_of_mind)
    assert claim(engine) == []


def test_only_what_is_due_is_claimed_oldest_first_and_of_the_wanted_kind(engine: Engine) -> None:
    leave(engine, "later", at=NOW + MINUTE)
    leave(engine, "second")
    leave(engine, "first", at=NOW - MINUTE)
    leave(engine, "other", kind="fax")
    assert [message.content["key"] for message in claim(engine, limit=1)] == ["first"]
    assert [message.content["key"] for message in claim(engine, kind="mail")] == ["second"]
    assert {message.content["key"] for message in claim(engine, NOW + MINUTE)} == {"later", "other", "first", "second"}


def test_a_sent_message_is_never_claimed_again(engine: Engine) -> None:
    leave(engine, "a")
    (message,) = claim(engine)
    assert sent(engine, message)
    assert not sent(engine, message)
    assert claim(engine, NOW + 100 * MINUTE) == []


def test_the_claim_of_a_dead_worker_comes_back_after_the_lease(engine: Engine) -> None:
    leave(engine, "a")
    (first,) = claim(engine)
    assert claim(engine, NOW + timedelta(seconds=LEASE - 1)) == []
    (second,) = claim(engine, NOW + timedelta(seconds=LEASE))
    assert (second.id, second.attempt) == (first.id, 2)


def test_a_worker_whose_claim_was_taken_over_cannot_fail_the_message(engine: Engine) -> None:
    leave(engine, "a")
    (slow,) = claim(engine)
    (second,) = claim(engine, NOW + MINUTE)
    assert not fail(engine, slow, NOW + MINUTE, retry_at=None)
    assert alarms(engine) == []
    assert sent(engine, second)


def test_what_a_slow_worker_did_send_is_not_sent_again(engine: Engine) -> None:
    leave(engine, "a")
    (slow,) = claim(engine)
    (second,) = claim(engine, NOW + MINUTE)
    assert sent(engine, slow)
    assert not fail(engine, second, NOW + MINUTE, retry_at=NOW + MINUTE)
    assert claim(engine, NOW + 100 * MINUTE) == []


def test_a_failed_message_is_tried_again_when_it_says_so(engine: Engine) -> None:
    leave(engine, "a")
    (message,) = claim(engine)
    assert fail(engine, message, NOW, retry_at=NOW + 5 * MINUTE)
    assert claim(engine, NOW + 4 * MINUTE) == []
    assert [again.attempt for again in claim(engine, NOW + 5 * MINUTE)] == [2]


def test_a_message_that_cannot_be_sent_at_all_is_given_up_with_an_alarm(engine: Engine) -> None:
    leave(engine, "a")
    (message,) = claim(engine)
    assert not fail(engine, message, NOW, retry_at=None)
    assert alarms(engine) == ["outbox.mail"]
    assert claim(engine, NOW + 100 * MINUTE) == []


def test_after_the_last_attempt_a_message_is_given_up_with_an_alarm(engine: Engine) -> None:
    leave(engine, "a")
    for attempt in range(1, MOST_ATTEMPTS + 1):
        at = NOW + attempt * MINUTE
        (message,) = claim(engine, at)
        assert fail(engine, message, at, retry_at=at) is (attempt < MOST_ATTEMPTS)
    assert alarms(engine) == ["outbox.mail"]
    assert claim(engine, NOW + 100 * MINUTE) == []


def test_a_message_that_kills_its_worker_every_time_is_given_up_too(engine: Engine) -> None:
    leave(engine, "poison")
    for attempt in range(MOST_ATTEMPTS):
        assert len(claim(engine, NOW + attempt * MINUTE)) == 1
    assert claim(engine, NOW + MOST_ATTEMPTS * MINUTE) == []
    assert alarms(engine) == ["outbox.mail"]


def test_many_workers_claim_each_message_once(engine: Engine) -> None:
    for n in range(60):
        leave(engine, str(n))
    start = Barrier(6)

    def work(_: int) -> list[int]:
        start.wait(10)
        mine: list[int] = []
        while some := claim(engine, limit=3):
            mine += [message.id for message in some]
        return mine

    with ThreadPoolExecutor(6) as threads:
        claimed = [message for mine in threads.map(work, range(6)) for message in mine]
    assert len(claimed) == len(set(claimed)) == 60


@pytest.mark.parametrize("guard", ["FOR UPDATE SKIP LOCKED", ""])
def test_without_the_lock_two_workers_would_take_the_same_message(engine: Engine, guard: str) -> None:
    """The control: reading what is due without locking it hands one message to both."""
    leave(engine, "a")
    both_have_looked = Barrier(2)

    def look(_: int) -> int:
        with engine.begin() as db:
            due = db.execute(text(f"SELECT id FROM outbox WHERE claimed_at IS NULL {guard}")).all()  # noqa: S608
            both_have_looked.wait(10)
        return len(due)

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(look, range(2))) == (1 if guard else 2)
