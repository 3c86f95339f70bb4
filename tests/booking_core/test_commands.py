"""What every command answers when it is sent again, what it leaves on record, and what it lets nobody touch."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from booking_core.actors import Actor
from booking_core.booking import BookingAnswer, Wish, book, cancel, move, settle
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.holds import hold, reclaim_expired
from booking_core.models import BookingState
from booking_core.refusal import Refusal
from tests.factories import (
    PHONE,
    balanced,
    booked,
    counters,
    delay_reopening,
    done,
    new_card,
    operator_for,
    refused,
    service_id,
    slot_at,
)

DAY = date(2025, 4, 22)
TEN, ELEVEN = time(10), time(11)
VISIT = datetime(2025, 4, 22, 1, 0, tzinfo=UTC)  # ten o'clock in Tokyo
NEAR_DEADLINE = datetime(2025, 4, 21, 8, 0, tzinfo=UTC)  # 17:00 in Tokyo on the last working day before
CLERK = Actor.clerk(1)
MINUTE = timedelta(minutes=1)

Command = Callable[[Connection], BookingAnswer | Refusal]


def send(engine: Engine, command: Command) -> BookingAnswer | Refusal:
    return in_transaction(engine, command)


def last_detail(engine: Engine, verb: str) -> dict[str, Any]:
    with engine.connect() as db:
        statement = text("SELECT detail FROM audit WHERE verb = :verb ORDER BY id DESC LIMIT 1")
        detail: dict[str, Any] = db.execute(statement, {"verb": verb}).scalar_one()
        return detail


def changes(engine: Engine) -> int:
    with engine.connect() as db:
        return int(db.execute(text("SELECT count(*) FROM booking_change")).scalar_one())


def renewal(engine: Engine, phone: str | None = PHONE, *, now: datetime) -> BookingAnswer | Refusal:
    """Book a visit that hangs on no card."""
    slot, service = slot_at(engine, DAY, TEN, service="certificate"), service_id(engine, "certificate")
    wish = Wish(slot, service, Contact(phone, "都 花子"), purpose="renew")
    return send(engine, lambda db: book(db, wish, by=Actor.operator(1), key="renewal", now=now))


def held(engine: Engine, slot: int, owner: str, *, now: datetime, until: datetime, card: int | None = None) -> object:
    delivery = service_id(engine, "delivery")
    by = operator_for(card) if card else Actor.operator(1)
    return in_transaction(
        engine, lambda db: hold(db, slot, delivery, owner=owner, until=until, by=by, now=now, card_id=card)
    )


def test_a_move_sent_again_gets_its_first_answer_and_moves_nothing(kyoto: Engine, now: datetime) -> None:
    card, old, new = new_card(kyoto), slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN)
    first = booked(kyoto, card, old, now=now)
    once = partial(move, booking_id=first.id, to_slot_id=new, by=Actor.citizen(card), key="m", now=now)
    assert done(send(kyoto, once)).repeated is False
    again = done(send(kyoto, once))
    assert (again.id, again.slot_id, again.repeated) == (first.id, new, True)
    back = partial(move, booking_id=first.id, to_slot_id=old, by=Actor.citizen(card), key="m", now=now)
    assert refused(send(kyoto, back)) == "command_key_used"
    assert (changes(kyoto), counters(kyoto, old), counters(kyoto, new)) == (2, (0, 0), (1, 0))


def test_a_cancellation_sent_again_gets_its_first_answer(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, card, slot, now=now)
    for repeated in (False, True):
        answer = done(
            send(kyoto, lambda db: cancel(db, first.id, by=Actor.citizen(card), key="c", now=now)),
        )
        assert (answer.id, answer.state, answer.repeated) == (first.id, "cancelled", repeated)
    assert (changes(kyoto), counters(kyoto, slot)) == (2, (0, 0))


def test_a_recorded_visit_sent_again_gets_its_first_answer(kyoto: Engine, now: datetime) -> None:
    first = booked(kyoto, new_card(kyoto), slot_at(kyoto, DAY, TEN), now=now)

    def mark(state: BookingState, key: str) -> BookingAnswer | Refusal:
        return send(kyoto, lambda db: settle(db, first.id, state, by=CLERK, key=key, now=VISIT))

    assert done(mark(BookingState.VISITED, "s")).repeated is False
    again = done(mark(BookingState.VISITED, "s"))
    assert (again.id, again.state, again.repeated) == (first.id, "visited", True)
    assert refused(mark(BookingState.NO_SHOW, "s")) == "command_key_used"
    assert changes(kyoto) == 2


def test_a_key_of_one_verb_answers_for_no_other(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto)
    first, elsewhere = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now), slot_at(kyoto, DAY, ELEVEN)
    moving = partial(move, booking_id=first.id, to_slot_id=elsewhere, by=CLERK, now=VISIT)
    visited, no_show = BookingState.VISITED, BookingState.NO_SHOW
    done(send(kyoto, lambda db: moving(db, key="move")))
    done(send(kyoto, lambda db: settle(db, first.id, visited, by=CLERK, key="settle", now=VISIT)))
    for command in (
        lambda db: cancel(db, first.id, by=CLERK, key="move", now=VISIT),
        lambda db: cancel(db, first.id, by=CLERK, key="settle", now=VISIT),
        lambda db: moving(db, key="settle"),
        lambda db: settle(db, first.id, visited, by=CLERK, key="move", now=VISIT),
        lambda db: settle(db, first.id, no_show, by=CLERK, key="settle", now=VISIT),
    ):
        assert refused(send(kyoto, command)) == "command_key_used"
    assert changes(kyoto) == 3


def test_a_key_used_on_one_booking_answers_for_no_other(kyoto: Engine, now: datetime) -> None:
    ten = slot_at(kyoto, DAY, TEN)
    first, second = (booked(kyoto, new_card(kyoto), ten, now=now) for _ in range(2))
    eleven, visited = slot_at(kyoto, DAY, ELEVEN), BookingState.VISITED
    done(send(kyoto, lambda db: move(db, first.id, eleven, by=CLERK, key="m", now=now)))
    done(send(kyoto, lambda db: settle(db, first.id, visited, by=CLERK, key="s", now=VISIT)))
    assert refused(send(kyoto, lambda db: move(db, second.id, eleven, by=CLERK, key="m", now=now))) == (
        "command_key_used"
    )
    assert refused(send(kyoto, lambda db: settle(db, second.id, visited, by=CLERK, key="s", now=VISIT))) == (
        "command_key_used"
    )


def test_what_is_not_there_is_neither_moved_nor_settled_nor_moved_to(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first, visited = booked(kyoto, card, slot, now=now), BookingState.VISITED
    assert refused(send(kyoto, lambda db: move(db, 999, slot, by=CLERK, key="a", now=now))) == "no_such_booking"
    assert refused(send(kyoto, lambda db: settle(db, 999, visited, by=CLERK, key="b", now=now))) == "no_such_booking"
    assert refused(send(kyoto, lambda db: move(db, first.id, 999_999_999, by=CLERK, key="c", now=now))) == (
        "no_such_slot"
    )
    assert counters(kyoto, slot) == (1, 0)


def test_each_command_leaves_on_record_what_it_did_with_which_slot(kyoto: Engine, now: datetime) -> None:
    card, old, new = new_card(kyoto), slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN)
    until = now + 10 * MINUTE
    done(held(kyoto, old, "call:1", now=now, until=until))
    assert last_detail(kyoto, "hold") == {"kind": "read_back", "until": str(until)}
    first = booked(kyoto, card, old, now=now)
    assert last_detail(kyoto, "book") == {"slot": old}
    done(send(kyoto, lambda db: move(db, first.id, new, by=CLERK, key="m", now=now)))
    assert last_detail(kyoto, "move") == {"from": old, "to": new}
    for state, was in ((BookingState.VISITED, "booked"), (BookingState.NO_SHOW, "visited")):
        key = f"s {state}"
        done(send(kyoto, partial(settle, booking_id=first.id, state=state, by=CLERK, key=key, now=VISIT)))
        assert last_detail(kyoto, "settle") == {"state": state, "was": was}
    second = booked(kyoto, card, new, now=now, key="again")
    done(send(kyoto, lambda db: cancel(db, second.id, by=CLERK, key="c", now=now)))
    assert last_detail(kyoto, "cancel") == {"from": new}


def test_a_cancelled_booking_of_somebody_else_is_not_shown_by_cancelling_it(kyoto: Engine, now: datetime) -> None:
    card, stranger = new_card(kyoto), new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    done(send(kyoto, lambda db: cancel(db, first.id, by=CLERK, key="c", now=now)))
    peek = send(kyoto, lambda db: cancel(db, first.id, by=Actor.citizen(stranger), key="x", now=now))
    assert refused(peek) == "not_yours"


def test_a_booking_without_a_card_is_nobodys_on_the_web_and_an_operators_on_the_telephone(
    kyoto: Engine, now: datetime
) -> None:
    booking = done(renewal(kyoto, now=now)).id
    citizen = Actor.citizen(new_card(kyoto))
    assert refused(send(kyoto, lambda db: cancel(db, booking, by=citizen, key="a", now=now))) == "not_yours"
    done(send(kyoto, lambda db: cancel(db, booking, by=Actor.operator(1), key="b", now=now)))


def test_no_card_is_handed_over_at_a_visit_that_hangs_on_none(kyoto: Engine, now: datetime) -> None:
    booking, handed_over = done(renewal(kyoto, now=now)).id, BookingState.HANDED_OVER
    answer = send(kyoto, lambda db: settle(db, booking, handed_over, by=CLERK, key="s", now=VISIT))
    assert refused(answer) == "card_needed"
    done(send(kyoto, lambda db: settle(db, booking, BookingState.VISITED, by=CLERK, key="t", now=VISIT)))


def test_a_hand_over_that_a_later_booking_forbids_names_that_booking(kyoto: Engine, now: datetime) -> None:
    card, handed_over = new_card(kyoto), BookingState.HANDED_OVER
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    done(send(kyoto, lambda db: settle(db, first.id, BookingState.NO_SHOW, by=CLERK, key="n", now=VISIT)))
    second = booked(kyoto, card, slot_at(kyoto, date(2025, 5, 8), TEN), now=VISIT, key="again")
    answer = send(kyoto, lambda db: settle(db, first.id, handed_over, by=CLERK, key="h", now=VISIT))
    assert isinstance(answer, Refusal)
    assert (str(answer.reason), answer.facts) == ("already_booked", {"booking_id": second.id})


def test_an_operator_who_comes_too_late_is_told_when_the_visit_began(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    late = VISIT + timedelta(seconds=1)
    answer = send(kyoto, lambda db: cancel(db, first.id, by=operator_for(card), key="c", now=late))
    assert isinstance(answer, Refusal)
    assert (str(answer.reason), answer.facts) == ("change_deadline_passed", {"until": VISIT})


def test_a_booking_moves_into_a_slot_that_is_full_of_holds_which_ran_out(kyoto: Engine, now: datetime) -> None:
    card, old = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    new = slot_at(kyoto, DAY, ELEVEN, capacity=1)
    first = booked(kyoto, card, old, now=now)
    done(held(kyoto, new, "call:1", now=now, until=now + MINUTE))
    moving = partial(move, booking_id=first.id, to_slot_id=new, by=Actor.citizen(card), now=now + MINUTE)
    done(send(kyoto, partial(moving, key="m")))
    assert (counters(kyoto, old), counters(kyoto, new)) == ((0, 0), (1, 0))
    assert balanced(kyoto)


def test_a_slot_full_of_holds_which_ran_out_can_be_held(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=1)
    done(held(kyoto, slot, "call:1", now=now, until=now + MINUTE))
    assert refused(held(kyoto, slot, "call:2", now=now, until=now + 9 * MINUTE)) == "full"
    done(held(kyoto, slot, "call:2", now=now + MINUTE, until=now + 9 * MINUTE))
    assert counters(kyoto, slot) == (0, 1)


def test_where_the_card_already_lies_a_booking_may_move_until_the_last_working_day(
    kyoto: Engine, now: datetime
) -> None:
    card = new_card(kyoto, lies_at="kita")
    first, near = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now), slot_at(kyoto, DAY, ELEVEN)
    far = slot_at(kyoto, DAY, ELEVEN, venue="minami")
    send_to = partial(move, booking_id=first.id, by=operator_for(card), now=NEAR_DEADLINE)
    assert refused(send(kyoto, lambda db: send_to(db, to_slot_id=far, key="f"))) == "accept_deadline_passed"
    moved = done(send(kyoto, lambda db: send_to(db, to_slot_id=near, key="n")))
    assert moved.change_until == NEAR_DEADLINE


def test_where_the_card_already_lies_a_place_is_held_until_the_last_working_day(kyoto: Engine) -> None:
    card, until = new_card(kyoto, lies_at="kita"), NEAR_DEADLINE + 10 * MINUTE
    slot, elsewhere = slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, TEN, venue="minami")
    hold_at = partial(held, kyoto, owner="call:1", until=until, card=card)
    done(hold_at(slot, now=NEAR_DEADLINE))
    assert refused(hold_at(elsewhere, now=NEAR_DEADLINE)) == "accept_deadline_passed"
    assert refused(hold_at(slot, now=NEAR_DEADLINE + timedelta(seconds=1))) == "accept_deadline_passed"


def test_a_booking_is_not_moved_to_where_it_stands(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, new_card(kyoto), slot, now=now)
    assert refused(send(kyoto, lambda db: move(db, first.id, slot, by=CLERK, key="m", now=now))) == "same_slot"


def test_a_hold_and_whatever_confirms_it_lock_all_their_slots_at_once_by_id(kyoto: Engine, now: datetime) -> None:
    slots = sorted(slot_at(kyoto, DAY, start) for start in (TEN, ELEVEN, time(13)))
    first, until = booked(kyoto, new_card(kyoto), slots[2], now=now), now + MINUTE
    locked: list[list[int]] = []

    def watch(*heard: Any) -> None:
        if "FROM slot WHERE id = ANY" in heard[2] and "FOR NO KEY UPDATE" in heard[2]:
            locked.append(heard[3]["ids"])

    done(held(kyoto, slots[1], "call:1", now=now, until=until))
    event.listen(kyoto, "before_cursor_execute", watch)
    done(held(kyoto, slots[0], "call:1", now=now, until=until))
    assert locked[0] == slots[:2]  # what she lets go, and what she takes
    card = new_card(kyoto)
    wish = Wish(slots[1], service_id(kyoto, "delivery"), Contact(PHONE), card_id=card, hold_owner="call:1")
    locked.clear()
    done(send(kyoto, lambda db: book(db, wish, by=CLERK, key="b", now=now)))
    assert locked[0] == slots[:2]
    done(held(kyoto, slots[0], "call:1", now=now, until=until))
    locked.clear()
    moving = partial(move, booking_id=first.id, to_slot_id=slots[1], by=CLERK, key="m", now=now, hold_owner="call:1")
    done(send(kyoto, moving))
    assert locked[0] == slots


def test_two_places_cancelled_in_one_slot_both_reopen_after_the_delay(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=2)
    delay_reopening(kyoto, 30, now=now)
    for key in ("a", "b"):
        booking = booked(kyoto, new_card(kyoto), slot, now=now).id
        done(send(kyoto, partial(cancel, booking_id=booking, by=CLERK, key=key, now=now)))
    assert counters(kyoto, slot) == (0, 2)
    assert done(in_transaction(kyoto, lambda db: reclaim_expired(db, [slot], now=now + 30 * MINUTE))) == 2
    assert counters(kyoto, slot) == (0, 0)


def test_an_errand_is_kept_where_the_service_knows_errands_and_nowhere_else(kyoto: Engine, now: datetime) -> None:
    certificate = done(renewal(kyoto, now=now)).id
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    wish = Wish(slot, service_id(kyoto, "delivery"), Contact(PHONE), card_id=card, purpose="renew")
    delivery = done(send(kyoto, lambda db: book(db, wish, by=CLERK, key="d", now=now))).id
    with kyoto.connect() as db:
        kept = {row.id: row.purpose for row in db.execute(text("SELECT id, purpose FROM booking"))}
    assert kept == {certificate: "renew", delivery: None}


@pytest.mark.parametrize("phone", ["", None])
def test_a_visit_without_a_card_needs_a_telephone(kyoto: Engine, now: datetime, phone: str | None) -> None:
    assert refused(renewal(kyoto, phone, now=now)) == "contact_needed"
