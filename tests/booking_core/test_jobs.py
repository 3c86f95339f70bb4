from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

from sqlalchemy import Connection, Engine, text

from booking_core.db import in_transaction
from booking_core.jobs import JobClaim, claim_period, finish, is_done

NOW = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
LEASE = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


def claim(engine: Engine, at: datetime = NOW, period: str = "2025-04-07") -> JobClaim | None:
    with engine.begin() as db:
        return claim_period(db, "daily", period, now=at, lease=LEASE)


def claimed(engine: Engine, at: datetime = NOW) -> JobClaim:
    mine = claim(engine, at)
    assert mine
    return mine


def end(engine: Engine, mine: JobClaim) -> bool:
    with engine.begin() as db:
        return finish(db, mine, now=NOW, outcome={"mails": 2})


def test_a_period_is_done_once(engine: Engine) -> None:
    mine = claimed(engine)
    assert claim(engine, NOW + LEASE - SECOND) is None
    assert end(engine, mine)
    assert claim(engine, NOW + 100 * LEASE) is None
    assert not end(engine, mine)
    with engine.connect() as db:
        assert is_done(db, "daily", "2025-04-07")
        assert db.execute(text("SELECT outcome FROM job_run")).scalar_one() == {"mails": 2}


def test_each_period_stands_for_itself(engine: Engine) -> None:
    assert claim(engine, period="2025-04-07")
    assert claim(engine, period="2025-04-08")
    with engine.connect() as db:
        assert not is_done(db, "daily", "2025-04-07")


def test_the_claim_of_a_dead_worker_is_taken_over_after_the_lease_and_he_cannot_finish(engine: Engine) -> None:
    dead = claimed(engine)
    heir = claimed(engine, NOW + LEASE)
    assert not end(engine, dead)
    assert end(engine, heir)


def test_many_schedulers_get_one_claim(engine: Engine) -> None:
    start = Barrier(10)

    def one(_: int) -> bool:
        start.wait(10)
        return claim(engine) is not None

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(one, range(10))) == 1


def test_of_two_who_work_on_one_period_only_one_leaves_its_work_behind(engine: Engine) -> None:
    """A lease that ran out while the first still worked: the second finishes, the first must undo what it did."""
    slow, heir = claimed(engine), claimed(engine, NOW + LEASE)

    def work(mine: JobClaim) -> bool:
        def report(db: Connection) -> bool:
            db.execute(text("INSERT INTO setting VALUES (:key, '1', :now)"), {"key": f"{mine.claimed_at}", "now": NOW})
            if not finish(db, mine, now=NOW):
                db.rollback()
                return False
            return True

        with engine.connect() as db, db.begin():
            return report(db)

    assert [work(heir), work(slow)] == [True, False]
    with engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM setting")).scalar_one() == 1


def test_reading_first_and_then_claiming_would_let_two_schedulers_work(engine: Engine) -> None:
    """The control: both read that nobody has claimed, then both claim."""
    both_have_read = Barrier(2)

    def carelessly(_: int) -> bool:
        with engine.begin() as db:
            free = not db.execute(text("SELECT id FROM job_run")).all()
            both_have_read.wait(10)
            return free

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(carelessly, range(2))) == 2


def test_claims_work_inside_a_unit_of_work(engine: Engine) -> None:
    answer = in_transaction(engine, lambda db: claim_period(db, "daily", "x", now=NOW, lease=LEASE))
    assert isinstance(answer, JobClaim)
