from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Self

import psycopg
import pytest
from sqlalchemy import Engine, event, text

from booking_core.cards.sessions import close_session, drop_expired, find_session, open_session
from tests.factories import new_card

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def card(kyoto: Engine) -> int:
    return new_card(kyoto)


@pytest.fixture
def token(kyoto: Engine, card: int) -> str:
    with kyoto.begin() as db:
        return open_session(db, card, now=NOW)


def found_at(engine: Engine, token: str, at: datetime) -> datetime | None:
    """Return when the session would end, read as a request reads it: in autocommit."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        session = find_session(db, token, now=at)
        return session.expires_at if session else None


def test_the_database_keeps_the_digest_and_never_the_token(kyoto: Engine, token: str) -> None:
    with kyoto.connect() as db:
        kept = db.execute(text("SELECT token_digest FROM citizen_session")).scalar_one()
    assert bytes(kept) == sha256(token.encode()).digest()
    assert len(token) >= 43


def test_a_session_names_its_card(kyoto: Engine, card: int, token: str) -> None:
    with kyoto.connect() as db:
        session = find_session(db, token, now=NOW)
    assert session
    assert session.card.id == card


def test_a_session_ends_after_thirty_idle_minutes(kyoto: Engine, token: str) -> None:
    assert found_at(kyoto, token, NOW + 30 * MINUTE) is None
    assert found_at(kyoto, token, NOW + 30 * MINUTE - SECOND) == NOW + 60 * MINUTE - SECOND
    assert found_at(kyoto, token, NOW + 59 * MINUTE) == NOW + 89 * MINUTE


def test_a_busy_session_ends_after_four_hours(kyoto: Engine, token: str) -> None:
    for minutes in range(0, 240, 20):
        assert found_at(kyoto, token, NOW + minutes * MINUTE)
    assert found_at(kyoto, token, NOW + 240 * MINUTE - SECOND) == NOW + 240 * MINUTE
    assert found_at(kyoto, token, NOW + 240 * MINUTE) is None


def test_reading_a_session_is_one_statement_and_writes_at_most_once_a_minute(kyoto: Engine, token: str) -> None:
    said: list[str] = []

    class Heard(psycopg.Cursor[Any]):
        def execute(self, query: Any, *values: Any, **options: Any) -> Self:
            said.append(str(query, "ascii").split()[0] if isinstance(query, bytes) else query.split()[0])
            return super().execute(query, *values, **options)

    event.listen(kyoto, "checkout", lambda driver, *_: setattr(driver, "cursor_factory", Heard))
    found_at(kyoto, token, NOW + 59 * SECOND)
    assert said == ["SELECT"]
    found_at(kyoto, token, NOW + 60 * SECOND)
    assert said == ["SELECT", "SELECT", "UPDATE"]
    found_at(kyoto, token, NOW + 119 * SECOND)
    assert said == ["SELECT", "SELECT", "UPDATE", "SELECT"]


def test_a_closed_session_is_gone_and_others_of_the_card_stay(kyoto: Engine, card: int, token: str) -> None:
    with kyoto.begin() as db:
        other = open_session(db, card, now=NOW)
        close_session(db, token)
    assert found_at(kyoto, token, NOW) is None
    assert found_at(kyoto, other, NOW)


@pytest.mark.parametrize("token", ["", "x", "x" * 65, "x" * 100_000, "あ\ud800", "'; DROP TABLE card; --", "\0"])
def test_garbage_is_no_session(kyoto: Engine, token: str) -> None:
    assert found_at(kyoto, token, NOW) is None


def test_only_sessions_that_ended_are_dropped(kyoto: Engine, token: str) -> None:
    with kyoto.begin() as db:
        assert drop_expired(db, now=NOW + 30 * MINUTE - SECOND) == 0
        assert drop_expired(db, now=NOW + 30 * MINUTE) == 1
    assert found_at(kyoto, token, NOW) is None
