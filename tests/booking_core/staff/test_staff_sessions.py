from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text

from booking_core.staff.sessions import (
    StaffSessionView,
    close_all_of,
    close_session,
    drop_expired,
    find_session,
    open_session,
)
from tests.factories import venue_id

NOW = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def add_account(engine: Engine, login: str = "sato", venue: int | None = None) -> int:
    statement = text("""
        INSERT INTO staff_account (login, display_name, role, venue_id, password_hash, created_at)
        VALUES (:login, '佐藤', 'city_clerk', :venue, 'x', :now) RETURNING id""")
    with engine.begin() as db:
        return int(db.execute(statement, {"login": login, "venue": venue, "now": NOW}).scalar_one())


def opened(engine: Engine, account: int, door: str = "admin") -> str:
    with engine.begin() as db:
        return open_session(db, account, door=door, source="192.0.2.7", now=NOW)


def find(
    engine: Engine, token: str, minutes: float, *, door: str = "admin", touch: bool = True
) -> StaffSessionView | None:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        return find_session(db, token, door=door, now=NOW + minutes * MINUTE, touch=touch)


def test_a_session_says_who_is_in_it_in_one_statement(kyoto: Engine) -> None:
    kita = venue_id(kyoto, "kita")
    account = add_account(kyoto, venue=kita)
    token = opened(kyoto, account)
    said: list[str] = []
    event.listen(kyoto, "before_cursor_execute", lambda *a: said.append(a[2]))
    view = find(kyoto, token, 0)
    assert view == StaffSessionView(
        account, "city_clerk", "佐藤", kita, "北区役所カード交付コーナー", NOW + 60 * MINUTE
    )
    assert len(said) == 1


def test_a_session_belongs_to_the_door_it_was_opened_at(engine: Engine) -> None:
    token = opened(engine, add_account(engine), door="desk")
    assert find(engine, token, 0, door="admin") is None
    assert find(engine, token, 0, door="desk")


def test_a_session_ends_after_an_idle_hour(engine: Engine) -> None:
    token = opened(engine, add_account(engine))
    assert find(engine, token, 59.9)
    assert find(engine, token, 119.8)
    assert find(engine, token, 179.8) is None


def test_a_screen_that_polls_keeps_nobody_signed_in(engine: Engine) -> None:
    token = opened(engine, add_account(engine))
    for minute in range(60):
        assert find(engine, token, minute, touch=False)
    assert find(engine, token, 60, touch=False) is None


def test_a_busy_session_ends_after_twelve_hours(engine: Engine) -> None:
    token = opened(engine, add_account(engine))
    for minute in range(0, 720, 30):
        assert find(engine, token, minute)
    last = find(engine, token, 719.9)
    assert last
    assert last.expires_at == NOW + 720 * MINUTE
    assert find(engine, token, 720) is None


def test_what_was_done_is_written_at_most_once_a_minute(engine: Engine) -> None:
    token = opened(engine, add_account(engine))
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2].split()[0]))
    for seconds in (0, 30, 59, 60, 100, 119, 120):
        find(engine, token, seconds / 60)
    assert said.count("UPDATE") == 2


def test_a_deactivated_account_is_out_at_once(engine: Engine) -> None:
    account = add_account(engine)
    token = opened(engine, account)
    with engine.begin() as db:
        db.execute(text("UPDATE staff_account SET active = false"))
    assert find(engine, token, 0) is None


def test_signing_out_closes_one_session_and_all_of_an_account_closes_hers_only(engine: Engine) -> None:
    sato, suzuki = add_account(engine), add_account(engine, "suzuki")
    tokens = [opened(engine, sato), opened(engine, sato, "desk"), opened(engine, sato), opened(engine, suzuki)]
    with engine.begin() as db:
        close_session(db, tokens[0])
        assert close_all_of(db, sato) == 2
    assert find(engine, tokens[3], 0)
    assert find(engine, tokens[2], 0) is None


@pytest.mark.parametrize("token", ["", "x", "x" * 65, "x" * 100_000, "あ\ud800", "\0"])
def test_garbage_is_no_session(engine: Engine, token: str) -> None:
    assert find(engine, token, 0) is None


def test_only_sessions_that_ended_are_dropped(engine: Engine) -> None:
    opened(engine, add_account(engine))
    with engine.begin() as db:
        assert drop_expired(db, now=NOW + 59 * MINUTE) == 0
        assert drop_expired(db, now=NOW + 60 * MINUTE) == 1
