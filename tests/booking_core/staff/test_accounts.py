from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, event, text

from booking_core.actors import Actor
from booking_core.db import in_transaction
from booking_core.models import Role
from booking_core.refusal import Refusal
from booking_core.staff.accounts import (
    NewAccount,
    SignedIn,
    create_account,
    deactivate,
    list_accounts,
    reactivate,
    set_password,
    sign_in,
    unlock,
)
from booking_core.staff.sessions import find_session
from tests.factories import done, refused

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
REAL = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
BUSINESS = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADMIN = Actor.clerk(99)
PASSWORD = "Kamo-gawa7"
SATO = NewAccount("sato", "佐藤", Role.OPERATOR, PASSWORD)


def create(engine: Engine, new: NewAccount = SATO) -> int | Refusal:
    return in_transaction(engine, lambda db: create_account(db, new, by=ADMIN, now=BUSINESS, hasher=QUICK))


def enter(
    engine: Engine,
    password: str = PASSWORD,
    *,
    login: str = "sato",
    at: datetime = REAL,
    hasher: PasswordHasher = QUICK,
) -> SignedIn | Refusal:
    return in_transaction(
        engine,
        lambda db: sign_in(
            db, login, password, door="desk", source="192.0.2.7", now=at, business_now=BUSINESS, hasher=hasher
        ),
    )


def wrong(engine: Engine, times: int, **more: Any) -> list[str]:
    return [refused(enter(engine, "wrong", **more)) for _ in range(times)]


def audit_rows(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as db:
        return [tuple(row) for row in db.execute(text("SELECT verb, target, actor_id, at FROM audit ORDER BY id"))]


@pytest.mark.req("3-1-C-xvi-a")
def test_a_person_signs_in_with_her_own_login_and_password(engine: Engine) -> None:
    account = done(create(engine))
    signed_in = done(enter(engine, login=" ＳＡＴＯ "))
    assert (signed_in.account_id, signed_in.role, signed_in.display_name) == (account, "operator", "佐藤")
    with engine.connect() as db:
        session = find_session(db, signed_in.token, door="desk", now=REAL, touch=False)
    assert session
    assert session.account_id == account


def test_wrong_unknown_and_deactivated_get_the_same_answer(engine: Engine) -> None:
    done(create(engine))
    gone = done(create(engine, replace(SATO, login="gone")))
    in_transaction(engine, lambda db: deactivate(db, gone, by=ADMIN, now=BUSINESS))
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    answers, statements = [], []
    for login, password in (("sato", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD)):
        said.clear()
        answers.append(enter(engine, password, login=login))
        statements.append(list(said))
    assert refused(answers[0]) == "sign_in_failed"
    assert answers[0] == answers[1] == answers[2]
    assert statements[0] == statements[1] == statements[2]


def test_an_unknown_login_costs_a_hash_as_a_known_one_does(engine: Engine) -> None:
    done(create(engine))

    class Counting(PasswordHasher):
        verified = 0

        def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002 - the library's name
            self.verified += 1
            return super().verify(hash, password)

    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    enter(engine, "wrong", login="nobody", hasher=hasher)
    assert hasher.verified == 1
    enter(engine, "wrong", hasher=hasher)
    assert hasher.verified == 2


@pytest.mark.req("3-1-C-xvi-d(b)")
@pytest.mark.parametrize("login", ["sato", "nobody"])
def test_five_failures_lock_a_login_for_a_quarter_of_an_hour(engine: Engine, login: str) -> None:
    done(create(engine))
    assert wrong(engine, 6, login=login) == ["sign_in_failed"] * 4 + ["sign_in_locked"] * 2
    assert refused(enter(engine, login=login, at=REAL + 14 * MINUTE)) == "sign_in_locked"
    later = enter(engine, login=login, at=REAL + 15 * MINUTE)
    assert isinstance(later, SignedIn) is (login == "sato")


def test_parallel_wrong_sign_ins_are_judged_one_after_the_other(engine: Engine) -> None:
    done(create(engine))
    start = Barrier(20)

    def one(_: int) -> str:
        start.wait(20)
        return refused(enter(engine, "wrong"))

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(one, range(20)))
    assert sorted(answers) == ["sign_in_failed"] * 4 + ["sign_in_locked"] * 16
    assert refused(enter(engine)) == "sign_in_locked"


def test_a_locked_account_is_listed_and_can_be_unlocked(engine: Engine) -> None:
    account = done(create(engine))
    wrong(engine, 5)
    with engine.connect() as db:
        assert [view.locked_until for view in list_accounts(db, now=REAL)] == [REAL + 15 * MINUTE]
        assert [view.locked_until for view in list_accounts(db, now=REAL + 15 * MINUTE)] == [None]
    assert in_transaction(engine, lambda db: unlock(db, account, by=ADMIN, now=BUSINESS)) is None
    done(enter(engine))
    assert [row[0] for row in audit_rows(engine)] == ["account.create", "account.lock", "account.unlock", "sign_in"]
    with engine.connect() as db:
        detail = db.execute(text("SELECT detail FROM audit WHERE verb = 'account.unlock'")).scalar_one()
    assert detail == {"failures": 5}


def test_a_sign_in_is_on_record_under_business_time_and_a_failure_is_not(engine: Engine) -> None:
    account = done(create(engine))
    wrong(engine, 1)
    done(enter(engine))
    assert audit_rows(engine)[1:] == [("sign_in", f"account:{account}", account, BUSINESS)]


def test_a_weaker_hash_is_replaced_at_the_next_sign_in(engine: Engine) -> None:
    done(create(engine))
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    done(enter(engine, hasher=stronger))
    with engine.connect() as db:
        kept = db.execute(text("SELECT password_hash FROM staff_account")).scalar_one()
    assert not stronger.check_needs_rehash(kept)
    done(enter(engine, hasher=stronger))


@pytest.mark.parametrize("login", ["", "ab", "a" * 41, "さとう", "sato suzuki", "-sato", "sato@example.jp"])
def test_a_misshapen_login_is_refused(engine: Engine, login: str) -> None:
    assert refused(create(engine, replace(SATO, login=login))) == "login_invalid"


def test_a_login_is_given_once_however_it_is_written(engine: Engine) -> None:
    done(create(engine))
    assert refused(create(engine, replace(SATO, login="Ｓato"))) == "login_taken"
    assert [row[0] for row in audit_rows(engine)] == ["account.create"]


@pytest.mark.req("3-1-C-xvi-c(a)")
def test_an_account_with_a_weak_password_is_not_made(engine: Engine) -> None:
    assert refused(create(engine, replace(SATO, password="password"))) == "password_too_weak"
    with engine.connect() as db:
        assert list_accounts(db, now=REAL) == []


def test_an_account_on_record_names_no_person_in_the_audit_row(engine: Engine) -> None:
    done(create(engine))
    with engine.connect() as db:
        row = db.execute(text("SELECT a::text FROM audit a")).scalar_one()
        apart = db.execute(text("SELECT content FROM audit_personal")).scalar_one()
    assert "佐藤" not in row
    assert "佐藤" in apart


def test_a_new_password_signs_the_account_out_everywhere(engine: Engine) -> None:
    account = done(create(engine))
    token = done(enter(engine)).token
    new = "Katsura-gawa8"
    weak = in_transaction(engine, lambda db: set_password(db, account, "weak", by=ADMIN, now=BUSINESS, hasher=QUICK))
    assert refused(weak) == "password_too_weak"
    assert (
        in_transaction(engine, lambda db: set_password(db, account, new, by=ADMIN, now=BUSINESS, hasher=QUICK)) is None
    )
    with engine.connect() as db:
        assert find_session(db, token, door="desk", now=REAL, touch=False) is None
    assert refused(enter(engine)) == "sign_in_failed"
    done(enter(engine, new))


def test_a_deactivated_account_is_out_and_comes_back_when_reactivated(engine: Engine) -> None:
    account = done(create(engine))
    token = done(enter(engine)).token
    in_transaction(engine, lambda db: deactivate(db, account, by=ADMIN, now=BUSINESS))
    assert refused(enter(engine)) == "sign_in_failed"
    with engine.connect() as db:
        assert find_session(db, token, door="desk", now=REAL, touch=False) is None
        assert [view.active for view in list_accounts(db, now=REAL)] == [False]
    in_transaction(engine, lambda db: reactivate(db, account, by=ADMIN, now=BUSINESS))
    done(enter(engine))


def test_nothing_is_done_to_an_account_that_is_not_there(engine: Engine) -> None:
    for verb in (deactivate, reactivate, unlock):
        nobody = partial(verb, account_id=404, by=ADMIN, now=BUSINESS)
        assert refused(in_transaction(engine, nobody)) == "no_such_account"
    assert audit_rows(engine) == []


def test_whom_the_door_does_not_let_in_has_not_signed_in(engine: Engine) -> None:
    done(create(engine))
    answer = in_transaction(
        engine,
        lambda db: sign_in(
            db, "sato", PASSWORD, door="admin", source=None, now=REAL, business_now=BUSINESS,
            lets_in=lambda role: role == "city_admin", hasher=QUICK,
        ),
    )  # fmt: skip
    assert refused(answer) == "not_allowed"
    assert [row[0] for row in audit_rows(engine)] == ["account.create"]
    with engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM staff_session")).scalar_one() == 0


def test_nobody_deactivates_herself(engine: Engine) -> None:
    account = done(create(engine))
    for herself in (Actor.clerk(account), Actor.operator(account)):
        command = partial(deactivate, account_id=account, by=herself, now=BUSINESS)
        answer = in_transaction(engine, command)
        assert refused(answer) == "own_account"
    assert done(enter(engine)).account_id == account
