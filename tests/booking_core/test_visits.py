"""How a visit may end: every jump of its state, the legal ones and all others, asked for by everybody."""

from collections.abc import Callable
from datetime import date, datetime, time
from functools import partial
from itertools import count

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.booking import cancel, move, settle
from booking_core.calendar import at
from booking_core.db import in_transaction
from booking_core.models import BookingState
from booking_core.refusal import Refusal
from tests.factories import balanced, booked, counters, done, new_card, operator_for, refused, slot_at

VISIT = date(2025, 4, 22)
THAT_DAY = at(VISIT, time(10))
LIVE, CANCELLED = BookingState.BOOKED, BookingState.CANCELLED
OUTCOMES = tuple(state for state in BookingState if state not in {LIVE, CANCELLED})
ACTORS: dict[str, Callable[[int], Actor]] = {
    "clerk": lambda _: Actor.clerk(1),
    "job": lambda _: Actor.job(),
    "operator": operator_for,
    "citizen": Actor.citizen,
    "keypad": lambda card: Actor(ActorKind.KEYPAD, card, Channel.KEYPAD),
    "importer": lambda _: Actor(ActorKind.IMPORTER, None, Channel.SYSTEM),
}
_keys = (f"key {n}" for n in count())


def place(engine: Engine, start: time = time(10)) -> int:
    return slot_at(engine, VISIT, start, capacity=1_000)


def brought_to(engine: Engine, state: BookingState, *, now: datetime) -> tuple[int, int]:
    """Book a visit for a new card and let it come to `state`; return the booking's id and the card's."""
    card = new_card(engine)
    booking = booked(engine, card, place(engine), now=now).id
    if state is CANCELLED:
        done(in_transaction(engine, partial(cancel, booking_id=booking, by=Actor.clerk(1), key=next(_keys), now=now)))
    elif state is not LIVE:
        done(settled(engine, booking, state, Actor.clerk(1)))
    return booking, card


def settled(engine: Engine, booking: int, outcome: BookingState, by: Actor, moment: datetime = THAT_DAY) -> object:
    return in_transaction(engine, lambda db: settle(db, booking, outcome, by=by, key=next(_keys), now=moment))


def state_of(engine: Engine, booking: int) -> str:
    with engine.connect() as db:
        return str(db.execute(text("SELECT state FROM booking WHERE id = :id"), {"id": booking}).scalar_one())


def why_not(who: str, was: BookingState) -> str | None:
    """Return why `who` may not record an outcome: clerks correct what is settled, a job only ends what is live."""
    if who not in {"clerk", "job"}:
        return "not_allowed"
    return "booking_over" if was is CANCELLED or (who == "job" and was is not LIVE) else None


@pytest.mark.req("1-2-DEL-C")
@pytest.mark.parametrize("was", BookingState)
def test_every_jump_to_an_outcome_is_taken_or_refused_as_the_table_says(
    kyoto: Engine, now: datetime, was: BookingState
) -> None:
    for who, actor in ACTORS.items():
        for outcome in OUTCOMES:
            booking, card = brought_to(kyoto, was, now=now)
            answer = settled(kyoto, booking, outcome, actor(card))
            told = str(answer.reason) if isinstance(answer, Refusal) else None
            assert told == why_not(who, was), (who, was, outcome)
            assert state_of(kyoto, booking) == (was if told else outcome), (who, was, outcome)
    assert balanced(kyoto)


@pytest.mark.req("1-2-DEL-C")
@pytest.mark.parametrize("was", [state for state in BookingState if state is not LIVE])
def test_a_visit_that_is_over_is_neither_moved_nor_cancelled_by_anybody(
    kyoto: Engine, now: datetime, was: BookingState
) -> None:
    elsewhere = place(kyoto, time(11))
    for who, actor in ACTORS.items():
        booking, card = brought_to(kyoto, was, now=now)
        act = partial(in_transaction, kyoto)
        moved = act(partial(move, booking_id=booking, to_slot_id=elsewhere, by=actor(card), key=next(_keys), now=now))
        assert refused(moved) == "booking_over", who
        ended = act(partial(cancel, booking_id=booking, by=actor(card), key=next(_keys), now=now))
        if was is CANCELLED:
            assert done(ended).repeated, who  # to cancel twice is no fault; the place came back once
        else:
            assert refused(ended) == "booking_over", who
        assert state_of(kyoto, booking) == was
    assert counters(kyoto, elsewhere) == (0, 0)
    assert balanced(kyoto)


@pytest.mark.parametrize("outcome", [LIVE, CANCELLED])
def test_a_visit_is_neither_made_live_again_nor_cancelled_by_recording_it(
    kyoto: Engine, now: datetime, outcome: BookingState
) -> None:
    booking, _ = brought_to(kyoto, BookingState.NO_SHOW, now=now)
    with pytest.raises(ValueError, match="is no outcome of a visit"):
        settled(kyoto, booking, outcome, Actor.clerk(1))
    assert state_of(kyoto, booking) == "no_show"


def test_a_hand_over_says_who_marked_it_and_when(kyoto: Engine, now: datetime) -> None:
    booking, _ = brought_to(kyoto, LIVE, now=now)
    done(settled(kyoto, booking, BookingState.HANDED_OVER, Actor.clerk(17)))
    with kyoto.connect() as db:
        row = db.execute(
            text("SELECT verb, state, actor_kind, actor_id, at FROM booking_change ORDER BY id DESC LIMIT 1")
        ).one()
    assert tuple(row) == ("settle", "handed_over", "clerk", 17, THAT_DAY)
