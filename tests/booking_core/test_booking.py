from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, text

from booking_core.actors import Actor
from booking_core.booking import (
    BookingAnswer,
    Wish,
    book,
    cancel,
    move,
    new_reference,
    scoped_key,
    settle,
    settle_unmarked,
)
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.holds import find_hold, hold
from booking_core.models import BookingState
from booking_core.recount import list_miscounts
from booking_core.refusal import Refusal
from tests.factories import (
    PHONE,
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
TEN = time(10)
ELEVEN = time(11)


def delivery(engine: Engine, card_id: int | None, slot_id: int, **more: object) -> Wish:
    return Wish(slot_id, service_id(engine, "delivery"), Contact(PHONE), card_id=card_id, **more)  # type: ignore[arg-type]


def balanced(engine: Engine) -> bool:
    with engine.connect() as db:
        return not list_miscounts(db)


def test_a_booking_takes_one_place_and_leaves_its_witnesses(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    answer = booked(kyoto, card, slot, now=now)
    assert counters(kyoto, slot) == (1, 0)
    with kyoto.connect() as db:
        change = db.execute(text("SELECT verb, to_slot_id, state, channel FROM booking_change")).one()
        audit = db.execute(text("SELECT verb, target, actor_kind, actor_id, identified_by FROM audit")).one()
        kept_apart = db.execute(text("SELECT content FROM audit_personal")).scalar_one()
    assert tuple(change) == ("book", slot, "booked", "web")
    assert tuple(audit) == ("book", f"booking:{answer.id}", "citizen", card, "number_and_password")
    assert PHONE in kept_apart


def test_a_full_slot_refuses_and_changes_nothing(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=1)
    booked(kyoto, new_card(kyoto), slot, now=now)
    late = new_card(kyoto)
    answer = in_transaction(
        kyoto, lambda db: book(db, delivery(kyoto, late, slot), by=Actor.citizen(late), key="k", now=now)
    )
    assert refused(answer) == "full"
    assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


@pytest.mark.req("3-1-B-viii")
def test_a_card_has_at_most_one_live_booking(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    other = slot_at(kyoto, DAY, TEN, venue="minami")
    answer = in_transaction(
        kyoto, lambda db: book(db, delivery(kyoto, card, other), by=operator_for(card), key="k", now=now)
    )
    assert refused(answer) == "already_booked"
    assert answer.facts == {"booking_id": first.id}  # type: ignore[union-attr]
    assert counters(kyoto, other) == (0, 0)


def test_the_same_command_key_gives_the_first_answer_even_after_a_cancellation(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, card, slot, now=now, key="once")
    again = booked(kyoto, card, slot, now=now, key="once")
    assert (again.id, again.repeated) == (first.id, True)
    done(in_transaction(kyoto, lambda db: cancel(db, first.id, by=Actor.citizen(card), key="c", now=now)))
    late = booked(kyoto, card, slot, now=now, key="once")
    assert (late.id, late.state) == (first.id, "cancelled")
    assert counters(kyoto, slot) == (0, 0)


def test_a_key_used_for_another_verb_is_refused(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now, key="once")
    answer = in_transaction(kyoto, lambda db: cancel(db, first.id, by=Actor.citizen(card), key="once", now=now))
    assert refused(answer) == "command_key_used"


def test_a_cancelled_place_comes_back_once(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, card, slot, now=now)
    for key in ("a", "b"):
        command = partial(cancel, booking_id=first.id, by=Actor.citizen(card), key=key, now=now)
        answer = done(in_transaction(kyoto, command))
        assert answer.state == "cancelled"
    assert counters(kyoto, slot) == (0, 0)
    assert balanced(kyoto)


def test_a_cancelled_place_may_reopen_later(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN, capacity=1)
    first = booked(kyoto, card, slot, now=now)
    later = now + timedelta(minutes=30)
    delay_reopening(kyoto, 30, now=now)
    done(in_transaction(kyoto, lambda db: cancel(db, first.id, by=Actor.citizen(card), key="c", now=now)))
    assert counters(kyoto, slot) == (0, 1)
    wish = delivery(kyoto, card, slot)
    assert refused(in_transaction(kyoto, lambda db: book(db, wish, by=Actor.citizen(card), key="d", now=now))) == "full"
    done(in_transaction(kyoto, lambda db: book(db, wish, by=Actor.citizen(card), key="e", now=later)))
    assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


def test_a_move_takes_the_new_place_and_gives_the_old_one_back(kyoto: Engine, now: datetime) -> None:
    card, old, new = new_card(kyoto), slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN, venue="minami")
    first = booked(kyoto, card, old, now=now)
    moved = done(in_transaction(kyoto, lambda db: move(db, first.id, new, by=Actor.citizen(card), key="m", now=now)))
    assert (moved.id, moved.slot_id) == (first.id, new)
    assert counters(kyoto, old) == (0, 0)
    assert counters(kyoto, new) == (1, 0)
    assert balanced(kyoto)


@pytest.mark.req("3-1-A-vii")
def test_a_failed_move_keeps_the_old_booking(kyoto: Engine, now: datetime) -> None:
    card, old = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    full = slot_at(kyoto, DAY, ELEVEN, capacity=0)
    first = booked(kyoto, card, old, now=now)
    answer = in_transaction(kyoto, lambda db: move(db, first.id, full, by=Actor.citizen(card), key="m", now=now))
    assert refused(answer) == "full"
    assert counters(kyoto, old) == (1, 0)
    assert balanced(kyoto)


def test_a_citizen_cannot_change_anothers_booking(kyoto: Engine, now: datetime) -> None:
    card, stranger = new_card(kyoto), new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    target = slot_at(kyoto, DAY, ELEVEN)
    for answer in (
        in_transaction(kyoto, lambda db: cancel(db, first.id, by=Actor.citizen(stranger), key="x", now=now)),
        in_transaction(kyoto, lambda db: move(db, first.id, target, by=Actor.citizen(stranger), key="y", now=now)),
    ):
        assert refused(answer) == "not_yours"
    assert balanced(kyoto)


def test_after_the_deadline_only_an_operator_may_cancel_until_the_visit_begins(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, card, slot, now=now)
    after = datetime(2025, 4, 21, 3, 0, tzinfo=UTC)
    by_herself = in_transaction(kyoto, lambda db: cancel(db, first.id, by=Actor.citizen(card), key="a", now=after))
    assert refused(by_herself) == "change_deadline_passed"
    done(in_transaction(kyoto, lambda db: cancel(db, first.id, by=operator_for(card), key="b", now=after)))
    assert counters(kyoto, slot) == (0, 0)


def test_a_held_place_becomes_a_booked_one_and_nobody_else_can_have_it(kyoto: Engine, now: datetime) -> None:
    card, rival, slot = new_card(kyoto), new_card(kyoto), slot_at(kyoto, DAY, TEN, capacity=1)
    delivery_id = service_id(kyoto, "delivery")
    until = now + timedelta(minutes=10)
    operator = Actor.operator(1)
    done(
        in_transaction(
            kyoto,
            lambda db: hold(db, slot, delivery_id, owner="call:1", until=until, by=operator, now=now, card_id=card),
        )
    )
    assert counters(kyoto, slot) == (0, 1)
    wish = delivery(kyoto, rival, slot)
    assert refused(in_transaction(kyoto, lambda db: book(db, wish, by=operator_for(rival), key="r", now=now))) == "full"
    mine = delivery(kyoto, card, slot, hold_owner="call:1")
    done(in_transaction(kyoto, lambda db: book(db, mine, by=operator_for(card), key="m", now=now)))
    assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


def test_a_new_hold_of_the_same_owner_gives_the_old_place_back(kyoto: Engine, now: datetime) -> None:
    first, second = slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN)
    delivery_id, until = service_id(kyoto, "delivery"), now + timedelta(minutes=10)
    for slot in (first, second, second):
        keep = partial(hold, slot_id=slot, owner="call:1", until=until, by=Actor.operator(1), now=now)
        done(in_transaction(kyoto, partial(keep, service_id=delivery_id)))
    assert counters(kyoto, first) == (0, 0)
    assert counters(kyoto, second) == (0, 1)
    with kyoto.connect() as db:
        standing = find_hold(db, "call:1")
    assert standing is not None
    assert standing.slot_id == second


def test_a_full_slot_reclaims_its_run_out_holds_before_it_refuses(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN, capacity=1)
    delivery_id = service_id(kyoto, "delivery")
    done(
        in_transaction(
            kyoto,
            lambda db: hold(db, slot, delivery_id, owner="call:1", until=now, by=Actor.operator(1), now=now),
        )
    )
    booked(kyoto, card, slot, now=now + timedelta(seconds=1))
    assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


def test_a_missed_visit_is_settled_the_same_evening_and_she_may_book_again(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    before_closing = datetime(2025, 4, 22, 7, 59, tzinfo=UTC)
    evening = datetime(2025, 4, 22, 8, 0, tzinfo=UTC)  # 17:00 in Tokyo: the ward office closes
    assert in_transaction(kyoto, lambda db: settle_unmarked(db, by=Actor.job(), now=before_closing)) == 0
    assert in_transaction(kyoto, lambda db: settle_unmarked(db, by=Actor.job(), now=evening)) == 1
    again = booked(kyoto, card, slot_at(kyoto, date(2025, 5, 8), TEN), now=evening, key="again")
    assert again.id != first.id
    clerk = Actor.clerk(1)
    done(in_transaction(kyoto, lambda db: settle(db, first.id, BookingState.NO_SHOW, by=clerk, key="s", now=evening)))
    done(in_transaction(kyoto, lambda db: cancel(db, again.id, by=clerk, key="t", now=evening)))
    cancelled = in_transaction(
        kyoto,
        lambda db: settle(db, again.id, BookingState.VISITED, by=clerk, key="u", now=datetime(2025, 5, 9, tzinfo=UTC)),
    )
    assert refused(cancelled) == "booking_over"
    assert balanced(kyoto)


def test_a_card_handed_over_takes_no_more_bookings_until_it_is_corrected(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first, clerk = booked(kyoto, card, slot, now=now), Actor.clerk(1)
    visit = datetime(2025, 4, 22, 1, 0, tzinfo=UTC)
    done(in_transaction(kyoto, lambda db: settle(db, first.id, BookingState.HANDED_OVER, by=clerk, key="s", now=visit)))
    later = slot_at(kyoto, date(2025, 5, 12), TEN)
    wish = delivery(kyoto, card, later)
    over = in_transaction(kyoto, lambda db: book(db, wish, by=Actor.citizen(card), key="a", now=visit))
    assert refused(over) == "card_finished"
    done(in_transaction(kyoto, lambda db: settle(db, first.id, BookingState.NO_SHOW, by=clerk, key="t", now=visit)))
    done(in_transaction(kyoto, lambda db: book(db, wish, by=Actor.citizen(card), key="b", now=visit)))


def test_a_certificate_visit_needs_a_purpose_a_name_and_a_telephone(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, service="certificate")
    certificate = service_id(kyoto, "certificate")
    operator = Actor.operator(1)

    def attempt(contact: Contact, purpose: str | None, key: str) -> object:
        wish = Wish(slot, certificate, contact, purpose=purpose)
        return in_transaction(kyoto, lambda db: book(db, wish, by=operator, key=key, now=now))

    full = Contact(PHONE, "都 花子", "ミヤコ ハナコ")
    assert refused(attempt(full, None, "a")) == "purpose_needed"
    assert refused(attempt(full, "marriage", "b")) == "purpose_needed"
    assert refused(attempt(Contact(PHONE), "renew", "c")) == "name_needed"
    done(attempt(full, "renew", "d"))


def test_an_unknown_slot_or_booking_is_refused(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto)
    citizen = Actor.citizen(card)
    wish = delivery(kyoto, card, 999_999_999)
    assert refused(in_transaction(kyoto, lambda db: book(db, wish, by=citizen, key="a", now=now))) == "no_such_slot"
    assert refused(in_transaction(kyoto, lambda db: cancel(db, 999, by=citizen, key="b", now=now))) == "no_such_booking"


def test_a_key_that_was_used_for_something_else_answers_for_nothing(kyoto: Engine, now: datetime) -> None:
    card, other = new_card(kyoto), new_card(kyoto)
    ten, eleven = slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN)
    clerk = Actor.clerk(1)

    def send(command: Callable[[Connection], BookingAnswer | Refusal]) -> BookingAnswer | Refusal:
        return in_transaction(kyoto, command)

    first = done(send(lambda db: book(db, delivery(kyoto, card, ten), by=clerk, key="k", now=now)))
    assert refused(send(lambda db: book(db, delivery(kyoto, card, eleven), by=clerk, key="k", now=now))) == (
        "command_key_used"
    )
    assert refused(send(lambda db: book(db, delivery(kyoto, other, ten), by=clerk, key="k", now=now))) == (
        "command_key_used"
    )
    second = done(send(lambda db: book(db, delivery(kyoto, other, ten), by=clerk, key="k2", now=now)))
    done(send(lambda db: cancel(db, first.id, by=clerk, key="c", now=now)))
    assert refused(send(lambda db: cancel(db, second.id, by=clerk, key="c", now=now))) == "command_key_used"
    assert counters(kyoto, ten) == (1, 0)


@pytest.mark.parametrize(("one", "two"), [("キー", "鍵"), ("k" * 64 + "1", "k" * 64 + "2"), ("a\x00", "a")])
def test_two_keys_never_become_one(one: str, two: str) -> None:
    assert scoped_key(Actor.clerk(1), one) != scoped_key(Actor.clerk(1), two)
    assert len(scoped_key(Actor.clerk(1), one)) < 100


def test_a_card_that_was_withdrawn_stays_so_when_a_visit_is_corrected(kyoto: Engine, now: datetime) -> None:
    card, clerk = new_card(kyoto), Actor.clerk(1)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    visit = datetime(2025, 4, 22, 1, 0, tzinfo=UTC)
    done(in_transaction(kyoto, lambda db: settle(db, first.id, BookingState.HANDED_OVER, by=clerk, key="a", now=visit)))
    with kyoto.begin() as db:
        db.execute(text("UPDATE card SET state = 'withdrawn' WHERE id = :id"), {"id": card})
    done(in_transaction(kyoto, lambda db: settle(db, first.id, BookingState.VISITED, by=clerk, key="b", now=visit)))
    with kyoto.connect() as db:
        assert db.execute(text("SELECT state FROM card WHERE id = :id"), {"id": card}).scalar_one() == "withdrawn"


def test_a_card_is_not_handed_over_while_its_citizen_has_booked_again(kyoto: Engine, now: datetime) -> None:
    card, clerk = new_card(kyoto), Actor.clerk(1)
    first = booked(kyoto, card, slot_at(kyoto, DAY, TEN), now=now)
    evening = datetime(2025, 4, 22, 8, 0, tzinfo=UTC)
    assert in_transaction(kyoto, lambda db: settle_unmarked(db, by=Actor.job(), now=evening)) == 1
    booked(kyoto, card, slot_at(kyoto, date(2025, 5, 8), TEN), now=evening, key="again")
    handed = BookingState.HANDED_OVER
    answer = in_transaction(kyoto, lambda db: settle(db, first.id, handed, by=clerk, key="h", now=evening))
    assert refused(answer) == "already_booked"


def test_references_are_ten_digits_with_a_check_digit() -> None:
    references = {new_reference() for _ in range(200)}
    assert len(references) == 200
    for reference in references:
        assert len(reference) == 10
        assert sum(int(d) * (1 + i % 2 * 2) for i, d in enumerate(reference[:9])) % 10 == int(reference[9])
