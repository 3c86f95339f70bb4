from datetime import date, datetime, time, timedelta

from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.booking import BookingAnswer, Wish, book, cancel, move
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.holds import Hold, find_hold, hold, list_expired_slots, reclaim_expired, release
from booking_core.models import HoldKind
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
MINUTE = timedelta(minutes=1)
OPERATOR = Actor.operator(1)


def held(
    engine: Engine, slot: int, owner: str, *, now: datetime, until: datetime | None = None, places: int = 1
) -> Hold | Refusal:
    delivery, expires_at = service_id(engine, "delivery"), until or now + 10 * MINUTE
    return in_transaction(
        engine,
        lambda db: hold(db, slot, delivery, owner=owner, until=expires_at, by=OPERATOR, now=now, places=places),
    )


def confirmed(engine: Engine, slot: int, card: int, owner: str, *, now: datetime) -> BookingAnswer | Refusal:
    wish = Wish(slot, service_id(engine, "delivery"), Contact(PHONE), card_id=card, hold_owner=owner)
    return in_transaction(engine, lambda db: book(db, wish, by=operator_for(card), key=f"confirm {owner}", now=now))


def reclaimed(engine: Engine, slots: list[int], *, now: datetime) -> int:
    return done(in_transaction(engine, lambda db: reclaim_expired(db, iter(slots), now=now)))


def test_a_hold_takes_its_places_from_everybody_else_until_it_is_released(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=3)
    assert done(held(kyoto, slot, "a", now=now, places=2)) == Hold(slot, "a", 2, now + 10 * MINUTE)
    assert refused(held(kyoto, slot, "b", now=now, places=2)) == "full"
    done(held(kyoto, slot, "b", now=now))
    assert counters(kyoto, slot) == (0, 3)
    assert in_transaction(kyoto, lambda db: release(db, "a")) is True
    assert in_transaction(kyoto, lambda db: release(db, "a")) is False
    assert counters(kyoto, slot) == (0, 1)
    assert balanced(kyoto)


def test_a_hold_that_is_refused_leaves_the_owners_earlier_one_standing(kyoto: Engine, now: datetime) -> None:
    mine, full = slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN, capacity=0)
    done(held(kyoto, mine, "a", now=now))
    assert refused(held(kyoto, full, "a", now=now)) == "full"
    with kyoto.connect() as db:
        standing = find_hold(db, "a")
    assert standing is not None
    assert standing.slot_id == mine
    assert counters(kyoto, mine) == (0, 1)


def test_holding_the_last_place_again_prolongs_it(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, DAY, TEN, capacity=1)
    done(held(kyoto, slot, "a", now=now))
    done(held(kyoto, slot, "a", now=now + 9 * MINUTE))
    with kyoto.connect() as db:
        assert find_hold(db, "a") == Hold(slot, "a", 1, now + 19 * MINUTE)
    assert counters(kyoto, slot) == (0, 1)


def test_a_hold_ends_with_its_last_second_for_whoever_needs_the_place(kyoto: Engine, now: datetime) -> None:
    slot, card, until = slot_at(kyoto, DAY, TEN, capacity=1), new_card(kyoto), now + MINUTE
    done(held(kyoto, slot, "a", now=now, until=until))
    before = confirmed(kyoto, slot, card, "nobody", now=until - timedelta(seconds=1))
    assert refused(before) == "full"
    assert counters(kyoto, slot) == (0, 1)
    booked(kyoto, card, slot, now=until)
    assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


def test_an_owner_whose_hold_ran_out_still_gets_the_place_while_nobody_took_it(kyoto: Engine, now: datetime) -> None:
    slot, mine, rival = slot_at(kyoto, DAY, TEN, capacity=1), new_card(kyoto), new_card(kyoto)
    done(held(kyoto, slot, "a", now=now, until=now + MINUTE))
    done(confirmed(kyoto, slot, mine, "a", now=now + 5 * MINUTE))
    assert refused(confirmed(kyoto, slot, rival, "b", now=now + 5 * MINUTE)) == "full"
    assert counters(kyoto, slot) == (1, 0)


def test_an_owner_whose_place_was_taken_after_the_hold_ran_out_is_told_so(kyoto: Engine, now: datetime) -> None:
    slot, mine, rival = slot_at(kyoto, DAY, TEN, capacity=1), new_card(kyoto), new_card(kyoto)
    done(held(kyoto, slot, "a", now=now, until=now + MINUTE))
    booked(kyoto, rival, slot, now=now + MINUTE)
    assert refused(confirmed(kyoto, slot, mine, "a", now=now + MINUTE)) == "full"
    assert counters(kyoto, slot) == (1, 0)
    assert balanced(kyoto)


def test_confirming_another_slot_than_the_held_one_gives_the_held_place_back(kyoto: Engine, now: datetime) -> None:
    kept, wanted, card = slot_at(kyoto, DAY, TEN), slot_at(kyoto, DAY, ELEVEN), new_card(kyoto)
    done(held(kyoto, kept, "a", now=now))
    done(confirmed(kyoto, wanted, card, "a", now=now))
    assert (counters(kyoto, kept), counters(kyoto, wanted)) == ((0, 0), (1, 0))
    assert balanced(kyoto)


def test_a_new_place_is_held_while_the_old_booking_stands_and_the_move_confirms_it(
    kyoto: Engine, now: datetime
) -> None:
    card, old = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    new = slot_at(kyoto, DAY, ELEVEN, venue="minami", capacity=1)
    first = booked(kyoto, card, old, now=now)
    done(held(kyoto, new, "a", now=now))
    without = in_transaction(kyoto, lambda db: move(db, first.id, new, by=operator_for(card), key="x", now=now))
    assert refused(without) == "full"
    done(
        in_transaction(
            kyoto, lambda db: move(db, first.id, new, by=operator_for(card), key="m", now=now, hold_owner="a")
        )
    )
    assert (counters(kyoto, old), counters(kyoto, new)) == ((0, 0), (1, 0))
    assert balanced(kyoto)


def test_a_refused_confirmation_keeps_the_hold(kyoto: Engine, now: datetime) -> None:
    slot, card = slot_at(kyoto, DAY, TEN, capacity=1), new_card(kyoto)
    booked(kyoto, card, slot_at(kyoto, DAY, ELEVEN), now=now)
    done(held(kyoto, slot, "a", now=now))
    assert refused(confirmed(kyoto, slot, card, "a", now=now)) == "already_booked"
    assert counters(kyoto, slot) == (0, 1)
    with kyoto.connect() as db:
        assert find_hold(db, "a") is not None


def test_the_job_finds_and_reclaims_exactly_the_holds_that_ran_out(kyoto: Engine, now: datetime) -> None:
    first, second = slot_at(kyoto, DAY, TEN, capacity=5), slot_at(kyoto, DAY, ELEVEN)
    done(held(kyoto, first, "a", now=now, until=now + MINUTE, places=2))
    done(held(kyoto, first, "b", now=now, until=now + 2 * MINUTE))
    done(held(kyoto, second, "c", now=now, until=now + 3 * MINUTE))
    with kyoto.connect() as db:
        assert list_expired_slots(db, now=now + MINUTE - timedelta(seconds=1)) == []
        assert list_expired_slots(db, now=now + MINUTE) == [first]
    for moment, came_free, left in (
        (now + MINUTE, 2, (0, 1)),
        (now + MINUTE, 0, (0, 1)),
        (now + 2 * MINUTE, 1, (0, 0)),
    ):
        assert reclaimed(kyoto, [first, first], now=moment) == came_free
        assert counters(kyoto, first) == left
    assert counters(kyoto, second) == (0, 1)
    assert balanced(kyoto)


def test_a_place_cancelled_in_a_closed_slot_leaves_no_hold_behind(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, card, slot, now=now)
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET open = false WHERE id = :id"), {"id": slot})
    later = now + 30 * MINUTE
    delay_reopening(kyoto, 30, now=now)
    done(in_transaction(kyoto, lambda db: cancel(db, first.id, by=operator_for(card), key="c", now=now)))
    assert counters(kyoto, slot) == (0, 0)
    assert balanced(kyoto)
    assert reclaimed(kyoto, [slot], now=later) == 0


def test_without_a_reopening_delay_the_place_is_free_at_once(kyoto: Engine, now: datetime) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, DAY, TEN)
    first = booked(kyoto, card, slot, now=now)
    delay_reopening(kyoto, 0, now=now)
    done(in_transaction(kyoto, lambda db: cancel(db, first.id, by=operator_for(card), key="c", now=now)))
    assert counters(kyoto, slot) == (0, 0)


def test_a_hold_is_refused_for_the_reasons_a_booking_is(kyoto: Engine, now: datetime) -> None:
    slot, application = slot_at(kyoto, DAY, TEN), service_id(kyoto, "application")
    delivery, until = service_id(kyoto, "delivery"), now + MINUTE
    certificate = slot_at(kyoto, DAY, TEN, service="certificate")

    def attempt(slot_id: int, service: int, by: Actor, moment: datetime) -> str:
        return refused(
            in_transaction(
                kyoto,
                lambda db: hold(
                    db, slot_id, service, owner="a", until=until, by=by, now=moment, kind=HoldKind.WAITING_LIST
                ),
            )
        )

    assert attempt(999_999_999, delivery, OPERATOR, now) == "no_such_slot"
    assert attempt(slot, application, OPERATOR, now) == "not_offered_here"
    assert attempt(certificate, service_id(kyoto, "certificate"), Actor.citizen(1), now) == "not_on_this_channel"
    assert attempt(slot, delivery, OPERATOR, now + timedelta(days=9)) == "accept_deadline_passed"
    assert attempt(slot, delivery, OPERATOR, now - timedelta(days=60)) == "beyond_horizon"
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET open = false WHERE id = :id"), {"id": slot})
    assert attempt(slot, delivery, OPERATOR, now) == "slot_closed"
    assert balanced(kyoto)
