import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, OperationalError

from booking_core.statement import Statement
from tests.factories import owner_of

SUM = Statement("SELECT CAST(:a AS integer) + CAST(:b AS integer) AS total, '100%' AS share")
EVERY_OTHER_BACKEND = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()""")


def test_a_statement_returns_its_row_by_name(engine: Engine) -> None:
    with engine.begin() as db:
        row = SUM.one(db, {"a": 1, "b": 2})
    assert (row.total, row.share) == (3, "100%")


def test_a_statement_belongs_to_the_transaction_it_runs_in(engine: Engine) -> None:
    add = Statement("INSERT INTO setting (key, value, changed_at) VALUES (:key, '1', :now) RETURNING key")
    count = text("SELECT count(*) FROM setting")
    values = {"key": "k", "now": "2025-04-07T09:00+09:00"}
    with engine.connect() as db:
        add.one(db, values)
        assert db.execute(count).scalar_one() == 1
        db.rollback()
        assert db.execute(count).scalar_one() == 0
        db.rollback()
        add.one(db, values)
        db.commit()
    with engine.connect() as db:
        assert db.execute(count).scalar_one() == 1


def test_an_error_is_the_one_that_sqlalchemy_raises_and_tells_no_value(engine: Engine) -> None:
    with engine.begin() as db, pytest.raises(DataError) as caught:
        SUM.one(db, {"a": "0751234567", "b": "x"})
    assert isinstance(caught.value.orig, errors.InvalidTextRepresentation)
    assert "0751234567" not in str(caught.value)
    with engine.connect() as db:
        assert SUM.one(db, {"a": 1, "b": 1}).total == 2


def test_after_a_broken_connection_the_next_ones_are_fresh(engine: Engine) -> None:
    with engine.connect() as db, engine.connect() as idle:
        idle.execute(text("SELECT 1"))
        idle.close()
        with owner_of(engine).execution_options(isolation_level="AUTOCOMMIT").connect() as owner:
            owner.execute(EVERY_OTHER_BACKEND)
        with pytest.raises(OperationalError):
            SUM.one(db, {"a": 1, "b": 1})
    for _ in range(2):
        with engine.connect() as db:
            assert SUM.one(db, {"a": 1, "b": 1}).total == 2
