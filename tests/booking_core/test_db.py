import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError


def test_the_error_of_a_statement_repeats_no_value_that_was_bound(engine: Engine) -> None:
    with engine.connect() as db, pytest.raises(DBAPIError) as failed:
        db.execute(text("SELECT 1 / 0 WHERE CAST(:phone AS text) <> ''"), {"phone": "+81751234567"})
    assert "division by zero" in str(failed.value)
    assert "81751234567" not in str(failed.value)
