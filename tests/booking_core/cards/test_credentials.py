from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, text

from booking_core.actors import Actor, Channel
from booking_core.cards.credentials import (
    LONGEST_NUMBER,
    LONGEST_PASSWORD,
    Identified,
    identify,
    lift_lock,
    normalise_number,
    normalise_password,
    password_hmac,
)
from booking_core.db import in_transaction
from booking_core.refusal import Refusal
from tests.factories import refused

PEPPER = b"pepper of the tests, 32 bytes long"
REAL = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
BUSINESS = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
NUMBER = "A123456789"
PASSWORD = "48151623"
MINUTE = timedelta(minutes=1)


def add_card(engine: Engine, number: str = NUMBER, password: str = PASSWORD) -> int:
    statement = text("""
        WITH place AS (
            INSERT INTO venue (code, name, reading, address, kind, opens_on_holidays, position)
            VALUES ('store-' || :number, '倉庫', 'ソウコ', '', 'storehouse', false, 1) RETURNING id)
        INSERT INTO card (number, password_hmac, kana, kana_key, state, lies_at)
        SELECT :number, :hmac, '', '', 'imported', id FROM place RETURNING id""")
    with engine.begin() as db:
        values = {"number": number, "hmac": password_hmac(PEPPER, number, password)}
        return int(db.execute(statement, values).scalar_one())


def attempt(
    engine: Engine, password: str, *, number: str = NUMBER, at: datetime = REAL, channel: Channel = Channel.WEB
) -> Identified | Refusal:
    def work(db: Connection) -> Identified | Refusal:
        return identify(
            db,
            number,
            password,
            pepper=PEPPER,
            by_source="192.0.2.7",
            now=at,
            business_now=BUSINESS,
            channel=channel,
        )

    return in_transaction(engine, work)


def wrong(engine: Engine, times: int, **more: Any) -> list[str]:
    return [refused(attempt(engine, "00000000", **more)) for _ in range(times)]


def audit_rows(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as db:
        rows = db.execute(text("SELECT verb, target, actor_kind, channel, source, at FROM audit ORDER BY id"))
        return [tuple(row) for row in rows]


def failures(engine: Engine) -> int:
    with engine.connect() as db:
        return int(db.execute(text("SELECT coalesce(sum(failures), 0) FROM credential_lock")).scalar_one())


@pytest.mark.parametrize(
    "typed",
    [
        "a123456789",
        "Ａ１２３４５６７８９",
        "A123-456-789",
        " A123 456\u3000789\n",
        "A123‐4–5—6−7ー8―9",
        "A\u200b12\ufeff3ｰ456789",
    ],
)
def test_a_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert normalise_number(typed) == NUMBER


def test_small_and_capital_letters_differ_in_a_password_only() -> None:
    assert normalise_password(" ａＢ-12 ") == "aB12"
    assert normalise_number("aB12") == "AB12"


@given(st.text(max_size=400))
def test_normalising_is_bounded_and_settled_after_one_pass(typed: str) -> None:
    number, password = normalise_number(typed), normalise_password(typed)
    assert len(number) <= LONGEST_NUMBER + 1
    assert len(password) <= LONGEST_PASSWORD + 1
    assert not any(sign.isspace() or sign == "-" for sign in number + password)


def test_an_overlong_password_never_equals_a_kept_one(engine: Engine) -> None:
    longest = "9" * LONGEST_PASSWORD
    card = add_card(engine, password=longest)
    assert attempt(engine, longest) == Identified(card)
    assert refused(attempt(engine, longest + "9")) == "not_registered"
    assert refused(attempt(engine, longest + "9" * 500)) == "not_registered"


def test_equal_passwords_of_two_cards_are_kept_differently() -> None:
    assert password_hmac(PEPPER, "A1", PASSWORD) != password_hmac(PEPPER, "A2", PASSWORD)
    assert password_hmac(PEPPER, "A", "1x") != password_hmac(PEPPER, "A1", "x")


@pytest.mark.req("3-1-A-iii")
def test_number_and_password_alone_identify_a_card(engine: Engine) -> None:
    card = add_card(engine)
    assert attempt(engine, " ４８１５-1623 ", number="ａ123 456 789") == Identified(card)


def test_wrong_and_unknown_get_the_same_answer_for_the_same_statements(engine: Engine) -> None:
    add_card(engine)
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    first = attempt(engine, "00000000")
    for_wrong, said[:] = list(said), []
    second = attempt(engine, "00000000", number="NOBODY")
    assert first == second
    assert refused(first) == "not_registered"
    assert said == for_wrong


def test_the_fifth_wrong_try_locks_the_number_for_every_door_even_for_the_right_password(engine: Engine) -> None:
    card = add_card(engine)
    answers = wrong(engine, 3) + wrong(engine, 2, channel=Channel.KEYPAD)
    assert answers == ["not_registered"] * 4 + ["locked"]
    for channel in (Channel.WEB, Channel.KEYPAD):
        answer = attempt(engine, PASSWORD, at=REAL + 14 * MINUTE, channel=channel)
        assert isinstance(answer, Refusal)
        assert answer.facts["until"] == REAL + 15 * MINUTE
    assert attempt(engine, PASSWORD, at=REAL + 15 * MINUTE) == Identified(card)


def test_an_unknown_number_is_locked_just_as_a_known_one(engine: Engine) -> None:
    assert wrong(engine, 6, number="NOBODY") == ["not_registered"] * 4 + ["locked"] * 2


def test_a_second_run_of_failures_locks_twice_as_long(engine: Engine) -> None:
    add_card(engine)
    wrong(engine, 5)
    later = REAL + 15 * MINUTE
    wrong(engine, 5, at=later)
    assert refused(attempt(engine, PASSWORD, at=later + 29 * MINUTE)) == "locked"
    assert isinstance(attempt(engine, PASSWORD, at=later + 30 * MINUTE), Identified)


def test_tries_while_locked_are_counted_and_do_not_make_the_lock_longer(engine: Engine) -> None:
    card = add_card(engine)
    wrong(engine, 30)
    assert failures(engine) == 30
    assert attempt(engine, PASSWORD, at=REAL + 15 * MINUTE) == Identified(card)


def test_success_starts_the_count_afresh(engine: Engine) -> None:
    card = add_card(engine)
    wrong(engine, 4)
    assert attempt(engine, PASSWORD) == Identified(card)
    assert failures(engine) == 0
    assert wrong(engine, 4) == ["not_registered"] * 4


def test_one_number_locked_leaves_others_open(engine: Engine) -> None:
    add_card(engine)
    other = add_card(engine, number="B1", password="1111")
    wrong(engine, 5)
    assert attempt(engine, "1111", number="B1") == Identified(other)


def test_twenty_parallel_wrong_tries_all_count_and_at_most_four_are_judged_before_the_lock(engine: Engine) -> None:
    add_card(engine)
    start = Barrier(20)

    def one(_: int) -> str:
        start.wait(20)
        return refused(attempt(engine, "00000000"))

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(one, range(20)))
    assert failures(engine) == 20
    assert sorted(answers) == ["locked"] * 16 + ["not_registered"] * 4
    assert refused(attempt(engine, PASSWORD)) == "locked"
    assert len(audit_rows(engine)) == 1


def test_right_and_wrong_tries_in_parallel_never_get_past_a_lock(engine: Engine) -> None:
    add_card(engine)
    wrong(engine, 4)
    start = Barrier(12)

    def one(place: int) -> bool:
        start.wait(20)
        return isinstance(attempt(engine, PASSWORD if place % 2 else "00000000"), Identified)

    with ThreadPoolExecutor(12) as threads:
        let_in = list(threads.map(one, range(12)))
    assert not any(let_in[::2])
    with engine.connect() as db:
        locked = db.execute(text("SELECT count(*) FROM credential_lock WHERE locked_until IS NOT NULL")).scalar_one()
    assert locked or sum(let_in) == 6  # either the lock came, or each success had started the count afresh


def test_a_lock_is_on_record_without_number_or_password_and_single_failures_are_not(engine: Engine) -> None:
    card = add_card(engine)
    wrong(engine, 4)
    assert audit_rows(engine) == []
    wrong(engine, 3, channel=Channel.KEYPAD)
    wrong(engine, 5, number="NOBODY")
    known, unknown = audit_rows(engine)
    assert known == ("credential.lock", f"card:{card}", "keypad", "keypad", "192.0.2.7", BUSINESS)
    assert unknown[1].startswith("unknown_number:")
    with engine.connect() as db:
        everything = db.execute(text("SELECT string_agg(a::text, ' ') FROM audit a")).scalar_one()
    assert NUMBER not in everything
    assert "NOBODY" not in everything


def test_staff_lift_a_lock_and_it_is_on_record(engine: Engine) -> None:
    card = add_card(engine)
    wrong(engine, 5)

    def lift() -> bool | Refusal:
        return in_transaction(
            engine,
            lambda db: lift_lock(db, "a123-456-789", pepper=PEPPER, by=Actor.operator(7), now=BUSINESS),
        )

    assert lift() is True
    assert audit_rows(engine)[-1][:3] == ("credential.unlock", f"card:{card}", "operator")
    assert attempt(engine, PASSWORD) == Identified(card)
    assert lift() is False
    assert len(audit_rows(engine)) == 2


@pytest.mark.parametrize("tries", [1, 5, 12])
def test_how_often_a_number_was_tried_is_on_record_when_its_lock_is_lifted(engine: Engine, tries: int) -> None:
    add_card(engine)
    wrong(engine, tries)
    by = Actor.operator(7)
    assert in_transaction(engine, lambda db: lift_lock(db, NUMBER, pepper=PEPPER, by=by, now=BUSINESS)) is True
    with engine.connect() as db:
        detail = db.execute(text("SELECT detail FROM audit WHERE verb = 'credential.unlock'")).scalar_one()
    assert detail == {"failures": tries}
