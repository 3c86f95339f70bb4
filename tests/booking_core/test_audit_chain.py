from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError

from booking_core.actors import Actor
from booking_core.audit import AuditEntry, record
from booking_core.audit_chain import ROWS_A_SEAL, BrokenLink, Fault, newest_digest, seal, verify
from booking_core.db import in_transaction, make_engine
from tests.factories import done

REAL = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
BUSINESS = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def book(new_database: Callable[[str], str]) -> str:
    return new_database("empty")


@pytest.fixture
def engine(book: str) -> Iterator[Engine]:
    """The application's engine, on a database whose owner a test can play as well."""
    engine = make_engine(book)
    yield engine
    engine.dispose()


@pytest.fixture
def owner(book: str) -> Iterator[Engine]:
    """Whoever holds the owner's password: the one the chain is there to expose."""
    engine = make_engine(book, role=None)
    yield engine
    engine.dispose()


def write(db: Connection, n: int = 1) -> int:
    entry = AuditEntry(
        Actor.operator(7, source="192.0.2.7"), "book", f"booking:{n}", {"slot": n}, {"name": f"山田{n}", "phone": None}
    )
    return record(db, entry, now=BUSINESS)


def written(engine: Engine, rows: int) -> list[int]:
    return done(in_transaction(engine, lambda db: [write(db, n) for n in range(rows)]))


def sealed(engine: Engine, at: datetime = REAL) -> int:
    return done(in_transaction(engine, lambda db: seal(db, now=at)))


def broken(engine: Engine) -> list[BrokenLink]:
    with engine.connect() as db:
        return verify(db)


def tamper(owner: Engine, statement: str) -> None:
    with owner.begin() as db:
        assert db.execute(text(statement)).rowcount == 1


def test_every_row_is_sealed_once_and_the_chain_holds(engine: Engine) -> None:
    written(engine, 3)
    assert sealed(engine) == 3
    assert sealed(engine) == 0
    written(engine, 2)
    assert sealed(engine) == 2
    assert broken(engine) == []
    with engine.connect() as db:
        links = db.execute(text("SELECT audit_ids, previous, digest FROM audit_seal ORDER BY id")).all()
        assert newest_digest(db) == links[1].digest
    assert [len(link.audit_ids) for link in links] == [3, 2]
    assert links[1].previous == links[0].digest


def test_an_empty_trail_holds(engine: Engine) -> None:
    assert sealed(engine) == 0
    assert broken(engine) == []


def test_many_rows_are_sealed_in_batches(engine: Engine) -> None:
    written(engine, ROWS_A_SEAL * 2 + 1)
    assert sealed(engine) == ROWS_A_SEAL * 2 + 1
    with engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM audit_seal")).scalar_one() == 3
    assert broken(engine) == []


@pytest.mark.req("3-1-C-ix")
@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "actor_kind = 'clerk'",
        "actor_id = 8",
        "on_behalf_of = NULL",
        "channel = 'web'",
        "identified_by = 'city_questions'",
        "source = '192.0.2.8'",
        "verb = 'cancel'",
        "target = 'booking:2'",
        "detail = '{\"slot\": 2}'",
        'detail = \'{"slot": 1, "more": null}\'',
        "personal_digest = NULL",
    ],
)
def test_altering_any_value_of_a_row_breaks_the_chain(engine: Engine, owner: Engine, change: str) -> None:
    ids = written(engine, 3)
    sealed(engine)
    tamper(owner, f"UPDATE audit SET {change} WHERE id = {ids[1]}")  # noqa: S608 - from the table above
    assert BrokenLink(Fault.ROWS_ALTERED, 1, tuple(ids)) in broken(engine)


@pytest.mark.req("3-1-C-ix")
def test_deleting_a_row_breaks_the_chain_and_names_it(engine: Engine, owner: Engine) -> None:
    ids = written(engine, 3)
    sealed(engine)
    with owner.begin() as db:
        db.execute(text("DELETE FROM audit_personal WHERE audit_id = :id"), {"id": ids[1]})
        db.execute(text("DELETE FROM audit WHERE id = :id"), {"id": ids[1]})
    assert broken(engine) == [BrokenLink(Fault.ROWS_GONE, 1, (ids[1],))]


def test_erasing_personal_values_leaves_the_chain_whole(engine: Engine, owner: Engine) -> None:
    ids = written(engine, 3)
    sealed(engine)
    tamper(owner, f"DELETE FROM audit_personal WHERE audit_id = {ids[0]}")  # noqa: S608 - a number
    assert broken(engine) == []


def test_changing_personal_values_is_found(engine: Engine, owner: Engine) -> None:
    ids = written(engine, 3)
    sealed(engine)
    tamper(owner, f"UPDATE audit_personal SET content = '{{}}' WHERE audit_id = {ids[2]}")  # noqa: S608 - a number
    assert broken(engine) == [BrokenLink(Fault.PERSONAL_ALTERED, 1, (ids[2],))]


def test_taking_a_seal_out_with_its_rows_cuts_the_chain(engine: Engine, owner: Engine) -> None:
    for _ in range(3):
        written(engine, 1)
        sealed(engine)
    with owner.begin() as db:
        db.execute(text("DELETE FROM audit_personal WHERE audit_id = 2"))
        db.execute(text("DELETE FROM audit WHERE id = 2"))
        db.execute(text("DELETE FROM audit_seal WHERE id = 2"))
    assert broken(engine) == [BrokenLink(Fault.CHAIN_CUT, 3, ())]


def test_sealing_an_altered_row_anew_cuts_the_chain_behind_it(engine: Engine, owner: Engine) -> None:
    for _ in range(2):
        written(engine, 1)
        sealed(engine)
    with owner.begin() as db:
        db.execute(text("UPDATE audit SET verb = 'cancel' WHERE id = 1"))
        db.execute(text("DELETE FROM audit_seal WHERE id = 1"))
        db.execute(
            text("INSERT INTO audit_seal (audit_ids, previous, digest, sealed_at) VALUES ('{1}', :p, :d, :at)"),
            {"p": bytes(32), "d": b"forged", "at": REAL},
        )
    assert {link.fault for link in broken(engine)} >= {Fault.CHAIN_CUT}


def test_a_row_slipped_in_under_an_old_id_is_found(engine: Engine, owner: Engine) -> None:
    with engine.connect() as db:  # an id that was drawn and rolled back
        write(db)
        db.rollback()
    for days in range(3):
        written(engine, 1)
        sealed(engine, REAL + days * DAY)
    with owner.begin() as db:
        db.execute(
            text("""
            INSERT INTO audit (id, at, actor_kind, channel, identified_by, verb, target, detail)
            OVERRIDING SYSTEM VALUE SELECT 1, at, 'clerk', channel, identified_by, verb, target, detail
            FROM audit WHERE id = 2""")
        )
    assert sealed(engine, REAL + 3 * DAY) == 0
    assert broken(engine) == [BrokenLink(Fault.NEVER_SEALED, None, (1,))]


def test_a_row_whose_transaction_ends_late_is_sealed_afterwards(engine: Engine) -> None:
    with engine.connect() as slow, slow.begin():
        late = write(slow)
        (early,) = written(engine, 1)
        assert late < early
        assert sealed(engine) == 1
    written(engine, 1)
    assert sealed(engine, REAL + 2 * DAY) == 2  # even though the job stood still for two days
    assert broken(engine) == []
    with engine.connect() as db:
        listed = db.execute(text("SELECT audit_ids FROM audit_seal ORDER BY id")).scalars().all()
    assert listed == [[early], [late, early + 1]]


def test_two_sealers_at_once_do_not_fork_the_chain(engine: Engine) -> None:
    written(engine, 20)
    start = Barrier(4)

    def one(_: int) -> int:
        start.wait(10)
        return sealed(engine)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(one, range(4))) == [0, 0, 0, 20]
    assert broken(engine) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET verb = 'x'",
        "DELETE FROM audit",
        "UPDATE audit_personal SET content = ''",
        "UPDATE audit_seal SET digest = ''",
        "DELETE FROM audit_seal",
        "TRUNCATE audit CASCADE",
    ],
)
def test_the_application_itself_cannot_rewrite_what_it_recorded(engine: Engine, statement: str) -> None:
    written(engine, 1)
    sealed(engine)
    with pytest.raises(DBAPIError, match="permission denied"), engine.begin() as db:
        db.execute(text(statement))


def statements_of(engine: Engine, work: Callable[[Engine], object]) -> list[str]:
    """Return the statements that a piece of work sends."""
    sent: list[str] = []

    def note(*seen: Any) -> None:
        sent.append(seen[2])

    event.listen(engine, "before_cursor_execute", note)
    work(engine)
    event.remove(engine, "before_cursor_execute", note)
    return sent


def test_checking_many_seals_asks_a_few_questions_and_not_one_a_seal(engine: Engine) -> None:
    for _ in range(30):
        written(engine, 1)
        sealed(engine)
    assert len(statements_of(engine, broken)) <= 5


def test_the_check_reads_on_where_its_first_batch_of_seals_ends(
    engine: Engine, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking_core.audit_chain.SEALS_AT_ONCE", 2)
    for _ in range(5):
        written(engine, 1)
        sealed(engine)
    assert broken(engine) == []
    tamper(owner, "UPDATE audit SET verb = 'x' WHERE id = 5")
    assert broken(engine) == [BrokenLink(Fault.ROWS_ALTERED, 5, (5,))]
