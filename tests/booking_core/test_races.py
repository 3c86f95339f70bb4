"""Many at once, on real connections. Each guard has its control: without the guard the same race must go wrong."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from time import monotonic
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine, text

from booking_core import booking
from booking_core.actors import Actor, ActorKind
from booking_core.booking import BookingAnswer, Wish, book, cancel, move, settle, settle_unmarked
from booking_core.contact import Contact
from booking_core.db import in_transaction, make_engine
from booking_core.holds import Hold, hold, list_expired_slots, reclaim_expired, release
from booking_core.models import BookingState
from booking_core.recount import list_miscounts
from booking_core.refusal import Refusal
from tests.factories import (
    PHONE,
    balanced,
    booked,
    counters,
    done,
    new_card,
    operator_for,
    owner_of,
    refused,
    service_id,
    slot_at,
)
from tests.unguarded import let_everybody_read_before_anybody_writes, without_its_condition

DAY = date(2025, 4, 22)
TEN, ELEVEN = time(10), time(11)
CROWD = 200
PATIENCE_SECONDS = 60
ROUNDS = 25
CLERK, OPERATOR = Actor.clerk(1), Actor.operator(1)

T = TypeVar("T")
Answer = BookingAnswer | Hold | Refusal | int | bool
Work = Callable[[Connection], Answer]


@pytest.fixture
def crowd(kyoto: Engine) -> Iterator[Engine]:
    """An engine that lets everybody in at once, and whose last is patient on a busy machine."""
    url = kyoto.url.render_as_string(hide_password=False)
    engine = make_engine(url, pool_size=CROWD, lock_timeout_ms=60_000, statement_timeout_ms=60_000)
    yield engine
    engine.dispose()


@pytest.fixture
def no_deadlock(kyoto: Engine) -> Iterator[None]:
    """Fail the test if PostgreSQL had to end a deadlock, even one that `in_transaction` mended unseen."""
    yield
    kyoto.dispose()  # a session counts its deadlocks in when it ends
    with owner_of(kyoto).connect() as db:
        others = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        while db.execute(others).scalar_one():
            db.rollback()
        found = db.execute(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
        assert found.scalar_one() == 0


def race(engine: Engine, works: Sequence[Work]) -> list[Answer]:
    """Run every work in a transaction of its own, all let loose at the same moment; return the answers in order."""
    start = threading.Barrier(len(works), timeout=60)

    def run(work: Work) -> Answer:
        start.wait()
        return in_transaction(engine, work)

    with ThreadPoolExecutor(len(works)) as threads:
        return [each.result() for each in [threads.submit(run, work) for work in works]]


def outcomes(answers: Sequence[Answer]) -> Counter[str]:
    return Counter(str(answer.reason) if isinstance(answer, Refusal) else "done" for answer in answers)


def rows(engine: Engine, slot: int) -> int:
    """Return how many live bookings stand in a slot."""
    with engine.connect() as db:
        found = db.execute(text("SELECT count(*) FROM booking WHERE slot_id = :id AND state = 'booked'"), {"id": slot})
        return int(found.scalar_one())


def booking_of(engine: Engine, card: int, slot: int, now: datetime, *, by: Actor, key: str) -> Work:
    wish = Wish(slot, service_id(engine, "delivery"), Contact(PHONE), card_id=card)
    by = operator_for(card, by.id or 0) if by.kind is ActorKind.OPERATOR else by
    return lambda db: book(db, wish, by=by, key=key, now=now)


def crowd_of_bookers(engine: Engine, slot: int, now: datetime) -> list[Work]:
    """Return a booking for each of 200 citizens: half of them on the web, half through operators."""
    cards = [new_card(engine) for _ in range(CROWD)]
    return [
        booking_of(engine, card, slot, now, by=Actor.citizen(card) if card % 2 else Actor.operator(card), key="k")
        for card in cards
    ]


# --- The last place --------------------------------------------------------------------------------------------------


@pytest.mark.req("3-1-B-viii", "3-1-A-i")
def test_of_two_hundred_who_want_the_last_place_exactly_one_gets_it(
    kyoto: Engine, crowd: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=1)
    works = crowd_of_bookers(kyoto, slot, now)
    let_everybody_read_before_anybody_writes(monkeypatch, CROWD)
    assert outcomes(race(crowd, works)) == {"done": 1, "full": CROWD - 1}
    assert (counters(kyoto, slot), rows(kyoto, slot)) == ((1, 0), 1)
    assert balanced(kyoto)


def test_the_same_two_hundred_oversell_once_both_guards_are_gone(
    kyoto: Engine, crowd: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=1)
    works = crowd_of_bookers(kyoto, slot, now)
    with owner_of(kyoto).begin() as db:
        db.execute(text("ALTER TABLE slot DROP CONSTRAINT ck_slot_places"))
    monkeypatch.setattr(booking, "_BOOK", without_its_condition(booking._BOOK))
    let_everybody_read_before_anybody_writes(monkeypatch, CROWD)
    assert outcomes(race(crowd, works)) == {"done": CROWD}
    assert rows(kyoto, slot) == CROWD


def test_without_the_condition_the_check_alone_still_lets_nobody_oversell(
    kyoto: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=1)
    works = [booking_of(kyoto, new_card(kyoto), slot, now, by=OPERATOR, key=str(n)) for n in range(2)]
    monkeypatch.setattr(booking, "_BOOK", without_its_condition(booking._BOOK))
    let_everybody_read_before_anybody_writes(monkeypatch, 2)
    with pytest.raises(Exception, match="ck_slot_places"):
        race(kyoto, works)
    assert (counters(kyoto, slot), rows(kyoto, slot)) == ((1, 0), 1)


def test_a_slot_fills_to_its_last_place_and_no_further(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=11)
    works = [booking_of(kyoto, new_card(kyoto), slot, now, by=OPERATOR, key=str(n)) for n in range(30)]
    assert outcomes(race(kyoto, works)) == {"done": 11, "full": 19}
    assert (counters(kyoto, slot), rows(kyoto, slot)) == ((11, 0), 11)


def test_of_many_who_hold_the_last_place_exactly_one_has_it(kyoto: Engine, now: datetime) -> None:
    slot, delivery = slot_at(kyoto, DAY, TEN, capacity=1), service_id(kyoto, "delivery")
    until = now + timedelta(minutes=5)

    def holding(owner: str) -> Work:
        return lambda db: hold(db, slot, delivery, owner=owner, until=until, by=OPERATOR, now=now)

    assert outcomes(race(kyoto, [holding(f"call:{n}") for n in range(20)])) == {"done": 1, "full": 19}
    assert counters(kyoto, slot) == (0, 1)
    assert balanced(kyoto)


# --- One card --------------------------------------------------------------------------------------------------------


@pytest.mark.req("3-1-B-viii")
def test_one_card_booked_at_two_venues_at_once_has_one_booking(
    kyoto: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        card, start = new_card(kyoto), time(9 + number // 3, number % 3 * 20)
        slots = [slot_at(kyoto, DAY, start), slot_at(kyoto, DAY, start, venue="minami")]
        with monkeypatch.context() as patch:
            let_everybody_read_before_anybody_writes(patch, 2)
            answers = race(kyoto, [booking_of(kyoto, card, s, now, by=Actor.citizen(card), key=str(s)) for s in slots])
        assert outcomes(answers) == {"done": 1, "already_booked": 1}
        assert sum(rows(kyoto, slot) for slot in slots) == 1
    assert balanced(kyoto)


def test_without_the_unique_index_the_same_card_is_booked_twice(
    kyoto: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = new_card(kyoto)
    slots = [slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, TEN, venue="minami")]
    with owner_of(kyoto).begin() as db:
        db.execute(text("DROP INDEX uq_booking_live_card"))
    let_everybody_read_before_anybody_writes(monkeypatch, 2)
    answers = race(kyoto, [booking_of(kyoto, card, s, now, by=Actor.citizen(card), key=str(s)) for s in slots])
    assert outcomes(answers) == {"done": 2}


@pytest.mark.req("3-1-B-viii")
@pytest.mark.parametrize("capacity", [1, 9])
def test_five_clicks_make_one_booking_and_all_see_it(
    kyoto: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch, capacity: int
) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN, capacity=capacity)
    click = booking_of(kyoto, card, slot, now, by=Actor.citizen(card), key="click")
    let_everybody_read_before_anybody_writes(monkeypatch, 5)
    answers = [done(answer) for answer in race(kyoto, [click] * 5)]
    assert len({(a.id, a.reference, a.slot_id, a.state) for a in answers if isinstance(a, BookingAnswer)}) == 1
    assert sorted(a.repeated for a in answers if isinstance(a, BookingAnswer)) == [False, True, True, True, True]
    assert (counters(kyoto, slot), rows(kyoto, slot)) == ((1, 0), 1)


def test_five_clicks_without_a_card_make_one_booking_too(
    kyoto: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = slot_at(kyoto, DAY, TEN, service="certificate", capacity=9)
    wish = Wish(slot, service_id(kyoto, "certificate"), Contact(PHONE, "都 花子"), purpose="renew")
    let_everybody_read_before_anybody_writes(monkeypatch, 5)
    answers = race(kyoto, [lambda db: book(db, wish, by=OPERATOR, key="click", now=now)] * 5)
    assert len({answer.id for answer in answers if isinstance(answer, BookingAnswer)}) == 1
    assert outcomes(answers) == {"done": 5}
    assert counters(kyoto, slot) == (1, 0)


# --- Changes at once -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_deadlock")
@pytest.mark.parametrize("keys", [("a", "b"), ("same", "same")])
def test_two_cancellations_at_once_give_the_place_back_once(
    kyoto: Engine, now: datetime, keys: tuple[str, str]
) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=5)
    booked(kyoto, new_card(kyoto), slot, now=now)  # a neighbour, whose place must stay counted
    for number in range(ROUNDS):
        card = new_card(kyoto)
        first = booked(kyoto, card, slot, now=now)

        def cancelling(key: str, first: BookingAnswer = first, card: int = card, number: int = number) -> Work:
            return lambda db: cancel(db, first.id, by=Actor.citizen(card), key=f"{key}{number}", now=now)

        answers = race(kyoto, [cancelling(key) for key in keys])
        assert {a.state for a in answers if isinstance(a, BookingAnswer)} == {"cancelled"}
        assert outcomes(answers) == {"done": 2}
        assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


@pytest.mark.usefixtures("no_deadlock")
def test_a_cancellation_racing_a_move_leaves_no_place_lost_or_doubled(kyoto: Engine, now: datetime) -> None:
    a, b = slot_at(kyoto, DAY, TEN, capacity=3), slot_at(kyoto, DAY, ELEVEN, capacity=3)
    for number in range(ROUNDS):
        card, (old, new) = new_card(kyoto), (a, b) if number % 2 else (b, a)
        first = booked(kyoto, card, old, now=now)
        cancelling, moving = one_of_each(first, new, Actor.citizen(card), now)
        cancelled, moved = race(kyoto, [cancelling, moving])
        assert done(cancelled) is not None
        if isinstance(moved, Refusal):
            assert refused(moved) == "booking_over"
        assert (counters(kyoto, a), counters(kyoto, b)) == ((0, 0), (0, 0))
    assert balanced(kyoto)


def one_of_each(first: BookingAnswer, to: int, by: Actor, now: datetime) -> tuple[Work, Work]:
    return (
        lambda db: cancel(db, first.id, by=by, key="c", now=now),
        lambda db: move(db, first.id, to, by=by, key="m", now=now),
    )


@pytest.mark.usefixtures("no_deadlock")
@pytest.mark.parametrize("capacity", [1, 2])
def test_moves_across_the_same_two_slots_never_block_each_other(kyoto: Engine, now: datetime, capacity: int) -> None:
    a, b = slot_at(kyoto, DAY, TEN, capacity=capacity), slot_at(kyoto, DAY, ELEVEN, venue="minami", capacity=capacity)
    one, other = booked(kyoto, new_card(kyoto), a, now=now), booked(kyoto, new_card(kyoto), b, now=now)
    expected = {"done": 2} if capacity == 2 else {"full": 2}
    for number in range(2 * ROUNDS):
        there, back = (b, a) if number % 2 == 0 or capacity == 1 else (a, b)

        def crossing(first: BookingAnswer, to: int, number: int = number) -> Work:
            return lambda db: move(db, first.id, to, by=CLERK, key=f"{first.id} {number}", now=now)

        assert outcomes(race(kyoto, [crossing(one, there), crossing(other, back)])) == expected
        assert (counters(kyoto, a), counters(kyoto, b)) == ((1, 0), (1, 0))
    assert balanced(kyoto)


@pytest.mark.usefixtures("no_deadlock")
def test_moves_of_one_booking_to_two_slots_end_in_one_of_them(kyoto: Engine, now: datetime) -> None:
    home, a, b = (slot_at(kyoto, DAY, start, capacity=1) for start in (TEN, ELEVEN, time(12)))
    first = booked(kyoto, new_card(kyoto), home, now=now)
    for number in range(ROUNDS):

        def moving(to: int, number: int = number) -> Work:
            return lambda db: move(db, first.id, to, by=CLERK, key=f"{to} {number}", now=now)

        assert outcomes(race(kyoto, [moving(a), moving(b)])) == {"done": 2}  # one after the other
        assert sorted(counters(kyoto, slot) for slot in (home, a, b)) == [(0, 0), (0, 0), (1, 0)]
        done(in_transaction(kyoto, moving(home)))
    assert balanced(kyoto)


@pytest.mark.usefixtures("no_deadlock")
def test_a_settlement_racing_a_cancellation_has_one_outcome(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=ROUNDS)
    visit = datetime.fromisoformat("2025-04-22T10:00:00+09:00")
    used = 0
    for number in range(ROUNDS):
        card = new_card(kyoto)
        first = booked(kyoto, card, slot, now=now)

        def settling(db: Connection, first: BookingAnswer = first, number: int = number) -> Answer:
            return settle(db, first.id, BookingState.VISITED, by=CLERK, key=f"s{number}", now=visit)

        def cancelling(db: Connection, first: BookingAnswer = first, number: int = number) -> Answer:
            return cancel(db, first.id, by=CLERK, key=f"c{number}", now=visit)

        settled, cancelled = race(kyoto, [settling, cancelling])
        assert outcomes([settled, cancelled]) == {"done": 1, "booking_over": 1}
        used += isinstance(settled, BookingAnswer)
        assert counters(kyoto, slot) == (used, 0)
    assert balanced(kyoto)


@pytest.mark.usefixtures("no_deadlock")
def test_the_evening_job_racing_a_clerk_keeps_what_the_clerk_marked(kyoto: Engine, now: datetime) -> None:
    evening = datetime.fromisoformat("2025-04-22T17:00:00+09:00")
    slot = slot_at(kyoto, DAY, TEN, capacity=100)
    for number in range(10):
        firsts = [booked(kyoto, new_card(kyoto), slot, now=now) for _ in range(4)]

        def marking(db: Connection, last: BookingAnswer = firsts[-1], number: int = number) -> Answer:
            return settle(db, last.id, BookingState.HANDED_OVER, by=CLERK, key=f"h{number}", now=evening)

        answers = race(kyoto, [lambda db: settle_unmarked(db, by=Actor.job(), now=evening), marking])
        assert outcomes(answers) == {"done": 2}
        with kyoto.connect() as db:
            states = db.execute(
                text("SELECT state FROM booking WHERE id = ANY(:ids) ORDER BY id"), {"ids": [f.id for f in firsts]}
            )
            assert states.scalars().all() == ["not_recorded"] * 3 + ["handed_over"]


# --- Holds that run out, prolong and turn into bookings --------------------------------------------------------------


@pytest.mark.usefixtures("no_deadlock")
def test_a_booking_racing_the_job_that_reclaims_gets_the_place_of_a_hold_that_ran_out(
    kyoto: Engine, now: datetime
) -> None:
    delivery, until = service_id(kyoto, "delivery"), now + timedelta(minutes=1)
    for number in range(20):
        slot = slot_at(kyoto, DAY, time(9 + number // 3, number % 3 * 20))
        set_capacity(kyoto, slot, 1)
        done(in_transaction(kyoto, lambda db: hold(db, slot, delivery, owner="a", until=until, by=OPERATOR, now=now)))  # noqa: B023 - run at once
        card = new_card(kyoto)
        booker = booking_of(kyoto, card, slot, until, by=Actor.citizen(card), key="k")
        answers = race(kyoto, [booker, lambda db: reclaim_expired(db, list_expired_slots(db, now=until), now=until)])
        assert outcomes(answers) == {"done": 2}
        assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


def set_capacity(engine: Engine, slot: int, capacity: int) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE slot SET capacity = :capacity WHERE id = :id"), {"capacity": capacity, "id": slot})


@pytest.mark.usefixtures("no_deadlock")
def test_one_owner_who_holds_two_slots_at_once_keeps_one_place(kyoto: Engine, now: datetime) -> None:
    a, b, delivery = slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN), service_id(kyoto, "delivery")
    until = now + timedelta(minutes=5)

    def holding(slot: int) -> Work:
        return lambda db: hold(db, slot, delivery, owner="call:1", until=until, by=OPERATOR, now=now)

    for _ in range(ROUNDS):
        assert outcomes(race(kyoto, [holding(a), holding(b)])) == {"done": 2}
        assert counters(kyoto, a)[1] + counters(kyoto, b)[1] == 1
        with kyoto.connect() as db:
            assert not list_miscounts(db)
        in_transaction(kyoto, lambda db: release(db, "call:1"))


@pytest.mark.usefixtures("no_deadlock")
def test_a_confirmation_racing_its_own_release_and_a_rival_gives_the_place_to_one(kyoto: Engine, now: datetime) -> None:
    slot, delivery = slot_at(kyoto, DAY, TEN, capacity=1), service_id(kyoto, "delivery")
    until = now + timedelta(minutes=5)
    for number in range(ROUNDS):
        mine, rival = new_card(kyoto), new_card(kyoto)
        done(in_transaction(kyoto, lambda db: hold(db, slot, delivery, owner="a", until=until, by=OPERATOR, now=now)))
        wish = Wish(slot, delivery, Contact(PHONE), card_id=mine, hold_owner="a")

        def confirming(db: Connection, wish: Wish = wish, number: int = number) -> Answer:
            return book(db, wish, by=operator_for(wish.card_id or 0), key=f"m{number}", now=now)

        rivals = booking_of(kyoto, rival, slot, now, by=Actor.citizen(rival), key="r")
        answers = race(kyoto, [confirming, lambda db: release(db, "a"), rivals])
        assert outcomes([answers[0], answers[2]]) == {"done": 1, "full": 1}
        assert counters(kyoto, slot) == (1, 0)
        winner = next(answer for answer in answers if isinstance(answer, BookingAnswer))
        done(in_transaction(kyoto, lambda db: cancel(db, winner.id, by=CLERK, key=f"c{number}", now=now)))  # noqa: B023 - run at once
    assert balanced(kyoto)


# --- Busy ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(kyoto: Engine) -> Iterator[Engine]:
    engine = make_engine(kyoto.url.render_as_string(hide_password=False), lock_timeout_ms=50)
    yield engine
    engine.dispose()


def test_a_lock_held_too_long_is_answered_with_busy_and_nothing_changes(
    kyoto: Engine, impatient: Engine, now: datetime
) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, new_card(kyoto), slot, now=now)
    booker = booking_of(kyoto, card, slot, now, by=Actor.citizen(card), key="k")
    with kyoto.connect() as other:
        other.execute(text("SELECT FROM slot WHERE id = :id FOR UPDATE"), {"id": slot})
        assert refused(in_transaction(impatient, booker)) == "busy"
        cancelled = in_transaction(impatient, lambda db: cancel(db, first.id, by=CLERK, key="c", now=now))
        assert refused(cancelled) == "busy"
        other.rollback()
    assert counters(kyoto, slot) == (1, 0)
    done(in_transaction(impatient, booker))  # the same command once more: nothing was lost
    assert counters(kyoto, slot) == (2, 0)


def test_a_lock_that_is_given_up_in_time_is_waited_for(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    booker = booking_of(kyoto, card, slot, now, by=Actor.citizen(card), key="k")
    with kyoto.connect() as other, ThreadPoolExecutor(1) as threads:
        other.execute(text("SELECT FROM slot WHERE id = :id FOR UPDATE"), {"id": slot})
        waiting = threads.submit(in_transaction, kyoto, booker)
        until_somebody_waits(kyoto)
        assert not waiting.done()
        other.rollback()
        assert isinstance(waiting.result(), BookingAnswer)


def until_somebody_waits(engine: Engine) -> None:
    """Return as soon as a session of this database waits for a lock."""
    waiting = text("""
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'""")
    with owner_of(engine).connect() as db:  # the application may not look at others' sessions
        deadline = monotonic() + PATIENCE_SECONDS
        while monotonic() < deadline:
            if db.execute(waiting).scalar_one():
                return
            db.rollback()
    raise AssertionError("nobody ever waited")
