from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from functools import partial
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine, text

from booking_core.actors import Actor
from booking_core.booking import Wish, book
from booking_core.clock import real_now
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.models import Verb
from booking_core.refusal import Refusal
from ivr.queue import progress
from ivr.queue.calls import (
    answer,
    close_call,
    find_call,
    link_booking,
    list_waiting,
    record_read_back,
    take,
)
from ivr.queue.identify import identify_caller
from ivr.queue.models import AwayReason, MainReason, OfferState, Status
from ivr.queue.operators import Activity, get_operator, set_status
from ivr.queue.progress import Arrival
from metrics.open_seats import count_open_seats
from tests.conftest import PEPPER, House
from tests.desk import add_staff, available_operator
from tests.factories import PHONE, booked, counters, done, new_card, operator_for, refused, service_id, slot_at

T = TypeVar("T")
WRAP_UP = timedelta(minutes=2)


def waiting_call(engine: Engine, sid: str = "CA1", *, number: str | None = PHONE, now: datetime) -> int:
    def work(db: Connection) -> int:
        progress.receive(db, Arrival(sid, number or "anonymous", "+81753660000"), open_now=True, now=now)
        call = progress.lock_call(db, sid)
        assert call is not None
        progress.enter_queue(db, call.id, now=now)
        return call.id

    return done(in_transaction(engine, work))


def run(engine: Engine, work: Callable[[Connection], T | Refusal]) -> T | Refusal:
    return in_transaction(engine, work)


def taken(engine: Engine, call_id: int, operator: int, now: datetime) -> int | Refusal:
    by = Actor.operator(operator)
    return run(engine, lambda db: take(db, call_id, account_id=operator, by=by, now=now))


def talking(engine: Engine, operator: int, now: datetime) -> int:
    call_id = waiting_call(engine, now=now)
    offer = done(taken(engine, call_id, operator, now))

    def work(db: Connection) -> bool:
        progress.ring_operator(db, call_id, None, now=now)
        return progress.answered(db, call_id, offer, at=now)

    assert done(run(engine, work))
    return call_id


def test_of_operators_who_take_one_call_at_once_exactly_one_gets_it(engine: Engine, now: datetime) -> None:
    operators = [available_operator(engine, f"operator{n}") for n in range(8)]
    call_id = waiting_call(engine, now=now)
    start = Barrier(len(operators))

    def press(operator: int) -> int | Refusal:
        start.wait()
        return taken(engine, call_id, operator, now)

    with ThreadPoolExecutor(len(operators)) as pool:
        answers = list(pool.map(press, operators))
    losers = [each for each in answers if isinstance(each, Refusal)]
    assert len(losers) == len(operators) - 1
    assert {refused(each) for each in losers} == {"call_taken"}
    with engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM offer")).scalar_one() == 1


def test_an_operator_who_takes_two_calls_at_once_gets_one(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    calls = [waiting_call(engine, f"CA{n}", now=now) for n in range(6)]
    start = Barrier(len(calls))

    def press(call_id: int) -> int | Refusal:
        start.wait()
        return taken(engine, call_id, operator, now)

    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(press, calls))
    assert [refused(each) for each in answers if isinstance(each, Refusal)] == ["still_on_a_call"] * (len(calls) - 1)
    with engine.connect() as db:
        assert len(list_waiting(db)) == len(calls) - 1


def test_pressed_twice_a_call_is_taken_once(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    call_id = waiting_call(engine, now=now)
    assert done(taken(engine, call_id, operator, now)) == done(taken(engine, call_id, operator, now))


def test_who_is_not_available_takes_no_call(engine: Engine, now: datetime) -> None:
    operator = add_staff(engine, "operator1")
    call_id = waiting_call(engine, now=now)
    assert refused(taken(engine, call_id, operator, now)) == "not_available"
    with engine.connect() as db:
        assert [call.id for call in list_waiting(db)] == [call_id]


def test_a_caller_who_hung_up_cannot_be_taken(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    call_id = waiting_call(engine, now=now)
    done(run(engine, lambda db: progress.end(db, call_id, wrap_up=WRAP_UP, now=now)))
    assert refused(taken(engine, call_id, operator, now)) == "call_taken"


def test_an_end_and_a_take_at_once_leave_no_operator_with_a_dead_call(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    for n in range(12):
        call_id = waiting_call(engine, f"CA{n}", now=now)
        start = Barrier(2)

        def press(call_id: int = call_id, start: Barrier = start) -> None:
            start.wait()
            taken(engine, call_id, operator, now)

        def hang_up(call_id: int = call_id, start: Barrier = start) -> None:
            start.wait()
            run(engine, lambda db: progress.end(db, call_id, wrap_up=WRAP_UP, now=now))

        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(press), pool.submit(hang_up)]:
                each.result()
        with engine.connect() as db:
            call = find_call(db, call_id)
            assert call is not None
            assert (call.state, call.outcome) == ("ended", "abandoned_queue")
            assert call.offer_state in {None, OfferState.RESCINDED}
            assert get_operator(db, operator).activity is Activity.IDLE


def test_who_came_first_is_first_and_a_number_is_only_a_hint(kyoto: Engine, now: datetime) -> None:
    booked(kyoto, new_card(kyoto), slot_at(kyoto, date(2025, 4, 22), time(10)), now=now)
    waiting_call(kyoto, "CA1", number=PHONE, now=now)
    waiting_call(kyoto, "CA2", number=None, now=now)
    with kyoto.connect() as db:
        first, second = list_waiting(db)
    assert (first.position, first.from_number, first.bookings_of_number) == (1, PHONE, 1)
    assert (second.position, second.from_number, second.bookings_of_number) == (2, None, 0)


def test_an_operator_cannot_say_she_answered_before_her_telephone_rang(engine: Engine, now: datetime) -> None:
    operator, by = available_operator(engine, "operator1"), Actor.operator(1)
    call_id = waiting_call(engine, now=now)
    done(taken(engine, call_id, operator, now))
    early = run(engine, lambda db: answer(db, call_id, account_id=operator, by=by, now=now))
    assert refused(early) == "not_connected"
    with engine.begin() as db:
        progress.ring_operator(db, call_id, None, now=now)
    call = done(run(engine, lambda db: answer(db, call_id, account_id=operator, by=by, now=now)))
    assert (call.state, call.answered_at) == ("connected", now)


def test_going_available_opens_a_seat_and_a_break_keeps_it_open(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    by = Actor.operator(operator)

    def becomes(status: Status, reason: AwayReason | None = None) -> tuple[int, int]:
        done(run(engine, lambda db: set_status(db, operator, status, reason, by=by, now=now)))
        with engine.connect() as db:
            seats = count_open_seats(db)
        return seats.present, seats.able

    assert becomes(Status.AVAILABLE) == (1, 1)
    assert becomes(Status.AWAY, AwayReason.BREAK) == (1, 0)
    assert becomes(Status.OFFLINE) == (0, 0)
    assert becomes(Status.AVAILABLE) == (1, 1)
    with engine.connect() as db:
        changes = db.execute(text("SELECT change, account_id FROM seat_event ORDER BY id")).all()
        seats = db.execute(text("SELECT count(*) FROM seat")).scalar_one()
    assert [tuple(each) for each in changes] == [(c, operator) for c in ("opened", "closed", "opened")]
    assert seats == 1


def test_away_needs_a_reason(engine: Engine, now: datetime) -> None:
    operator, by = available_operator(engine, "operator1"), Actor.operator(1)
    answer = run(engine, lambda db: set_status(db, operator, Status.AWAY, None, by=by, now=now))
    assert refused(answer) == "choice_needed"


def test_a_status_set_during_a_call_begins_when_the_call_is_closed(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    by = Actor.operator(operator)
    call_id = talking(engine, operator, now)
    me = done(run(engine, lambda db: set_status(db, operator, Status.AWAY, AwayReason.BREAK, by=by, now=now)))
    assert (me.status, me.next_status, me.activity) == ("available", "away", "on_call")
    done(run(engine, lambda db: progress.end(db, call_id, wrap_up=WRAP_UP, now=now)))
    with engine.connect() as db:
        assert get_operator(db, operator).activity is Activity.ACW
    done(run(engine, lambda db: close_call(db, call_id, MainReason.OTHER, account_id=operator, by=by, now=now)))
    with engine.connect() as db:
        me = get_operator(db, operator)
    assert (me.status, me.reason, me.next_status, me.activity) == ("away", "break", None, "idle")


def test_operators_who_sit_down_at_once_get_a_seat_each(engine: Engine, now: datetime) -> None:
    operators = [add_staff(engine, f"operator{n}") for n in range(12)]
    start = Barrier(len(operators))

    def sit(operator: int) -> object:
        start.wait()
        by = Actor.operator(operator)
        return run(engine, lambda db: set_status(db, operator, Status.AVAILABLE, None, by=by, now=now))

    with ThreadPoolExecutor(len(operators)) as pool:
        for each in pool.map(sit, operators):
            done(each)
    with engine.connect() as db:
        assert count_open_seats(db).present == len(operators)


def test_a_call_with_a_booking_cannot_be_closed_before_it_was_read_back(kyoto: Engine, now: datetime) -> None:
    operator = available_operator(kyoto, "operator1")
    by = Actor.operator(operator)
    call_id = talking(kyoto, operator, now)
    booking = booked(kyoto, new_card(kyoto), slot_at(kyoto, date(2025, 4, 22), time(10)), now=now)
    with kyoto.begin() as db:
        link_booking(db, call_id, booking.id, Verb.BOOK, account_id=operator, now=now)

    def close() -> object:
        return run(
            kyoto, lambda db: close_call(db, call_id, MainReason.NEW_BOOKING, account_id=operator, by=by, now=now)
        )

    assert refused(close()) == "read_back_missing"
    done(run(kyoto, lambda db: record_read_back(db, call_id, account_id=operator, by=by, now=now)))
    done(close())
    with kyoto.connect() as db:
        verbs = db.execute(text("SELECT verb FROM audit WHERE target = :t ORDER BY id"), {"t": f"call:{call_id}"})
        assert [str(verb) for verb in verbs.scalars()] == ["call.take", "call.read_back", "call.close"]


def test_nobody_but_her_operator_touches_a_call(engine: Engine, now: datetime) -> None:
    mine, other = available_operator(engine, "operator1"), available_operator(engine, "operator2")
    call_id, by = talking(engine, mine, now), Actor.operator(other)
    answers = [
        run(engine, lambda db: answer(db, call_id, account_id=other, by=by, now=now)),
        run(engine, lambda db: record_read_back(db, call_id, account_id=other, by=by, now=now)),
        run(engine, lambda db: close_call(db, call_id, MainReason.OTHER, account_id=other, by=by, now=now)),
    ]
    assert [refused(each) for each in answers] == ["not_your_call"] * 3


def test_a_call_is_closed_with_a_reason_and_only_after_it_was_connected(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    by = Actor.operator(operator)
    call_id = waiting_call(engine, now=now)
    done(taken(engine, call_id, operator, now))

    def close(reason: MainReason | None) -> object:
        return run(engine, lambda db: close_call(db, call_id, reason, account_id=operator, by=by, now=now))

    assert refused(close(MainReason.OTHER)) == "not_connected"
    assert refused(close(None)) == "choice_needed"


def test_a_wrong_password_tells_the_operator_whether_the_number_exists(house: House, now: datetime) -> None:
    house.add_citizen("ABC123456", "sakura-2025")
    operator = available_operator(house.engine, "operator1")
    by = Actor.operator(operator)
    call_id = talking(house.engine, operator, now)

    def identify(number: str, password: str) -> object:
        return run(
            house.engine,
            lambda db: identify_caller(
                db, call_id, number, password, account_id=operator, by=by, pepper=PEPPER.encode(), real_now=now, now=now
            ),
        )

    known, unknown = identify("abc-123-456", "wrong"), identify("ZZZ999999", "wrong")
    assert (refused(known), refused(unknown)) == ("not_registered", "not_registered")
    assert isinstance(known, Refusal)
    assert isinstance(unknown, Refusal)
    assert (known.facts["number_known"], unknown.facts["number_known"]) == (True, False)
    done(identify("abc-123-456", "sakura-2025"))
    with house.engine.connect() as db:
        call = find_call(db, call_id)
        failures = db.execute(text("SELECT count(*) FROM credential_lock")).scalar_one()
    assert call is not None
    assert call.identified_card_id is not None
    assert failures == 1  # the unknown number's; a success forgets those of the known one


@pytest.mark.req("3-1-C-xvi-d(b)")
def test_wrong_tries_on_the_web_and_at_the_desk_count_together(house: House, now: datetime) -> None:
    house.add_citizen("ABC123456", "sakura-2025")
    operator = available_operator(house.engine, "operator1")
    call_id = talking(house.engine, operator, now)
    for _ in range(3):
        house.visitor().open("/login").submit({"number": "ABC123456", "password": "wrong"})

    def identify(password: str) -> object:
        return run(
            house.engine,
            lambda db: identify_caller(
                db, call_id, "ABC123456", password, account_id=operator, by=Actor.operator(operator),
                pepper=PEPPER.encode(), real_now=real_now(), now=now,
            ),
        )  # fmt: skip

    assert [refused(identify("wrong")) for _ in range(2)] == ["not_registered", "locked"]
    assert refused(identify("sakura-2025")) == "locked"
    visitor = house.visitor().open("/login").submit({"number": "ABC123456", "password": "sakura-2025"})
    assert visitor.status == 429


def test_a_booking_made_while_the_call_was_closed_is_taken_back(kyoto: Engine, now: datetime) -> None:
    operator = available_operator(kyoto, "operator1")
    by = Actor.operator(operator)
    call_id = talking(kyoto, operator, now)
    done(run(kyoto, lambda db: close_call(db, call_id, MainReason.QUESTION, account_id=operator, by=by, now=now)))
    card, slot = new_card(kyoto), slot_at(kyoto, date(2025, 4, 22), time(10))
    wish = Wish(slot, service_id(kyoto, "delivery"), Contact(PHONE), card_id=card)

    def book_in_the_call(db: Connection) -> Refusal | None:
        made = done(book(db, wish, by=operator_for(card, operator), key="k", now=now))
        return link_booking(db, call_id, made.id, Verb.BOOK, account_id=operator, now=now)

    assert refused(in_transaction(kyoto, book_in_the_call)) == "not_your_call"
    assert counters(kyoto, slot) == (0, 0)


def test_whoever_leaves_while_she_takes_a_call_is_not_left_with_it_unseen(kyoto: Engine, now: datetime) -> None:
    for number in range(12):
        operator = available_operator(kyoto, f"operator{number}")
        by = Actor.operator(operator)
        call_id = waiting_call(kyoto, f"CA{number}", now=now)
        taking = partial(take, call_id=call_id, account_id=operator, by=by, now=now)
        leaving = partial(set_status, account_id=operator, status=Status.OFFLINE, reason=None, by=by, now=now)
        commands: list[Callable[[Connection], object]] = [taking, leaving]
        with ThreadPoolExecutor(2) as both:
            list(both.map(partial(in_transaction, kyoto), commands))
        with kyoto.connect() as db:
            stands = get_operator(db, operator)
        if stands.call_id is None:
            assert stands.status is Status.OFFLINE
        else:  # she took it first: then she leaves only when she is done with it
            assert (stands.status, stands.next_status) == (Status.AVAILABLE, Status.OFFLINE)


def test_a_status_that_begins_after_a_call_is_on_record(engine: Engine, now: datetime) -> None:
    operator = available_operator(engine, "operator1")
    by = Actor.operator(operator)
    call_id = talking(engine, operator, now)
    away = partial(set_status, account_id=operator, status=Status.AWAY, reason=AwayReason.BREAK, by=by, now=now)
    done(run(engine, away))
    done(run(engine, lambda db: progress.end(db, call_id, wrap_up=WRAP_UP, now=now)))
    closing = partial(close_call, call_id=call_id, reason=MainReason.QUESTION, account_id=operator, by=by, now=now)
    done(run(engine, closing))
    with engine.connect() as db:
        assert get_operator(db, operator).status is Status.AWAY
        verbs = db.execute(text("SELECT verb, detail FROM audit WHERE verb = 'operator.away' ORDER BY id")).all()
    assert [verb.detail.get("chosen_during_the_call", False) for verb in verbs] == [False, True]
