from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.availability import list_free_days, list_receptions
from booking_core.booking import BookingAnswer, Wish, book, cancel, move, settle
from booking_core.calendar import at
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.models import BookingState
from booking_core.refusal import SAID_TO_THE_READER, Reason, Refusal
from booking_core.slots import materialise
from tests.factories import (
    PHONE,
    balanced,
    booked,
    change_terms,
    close_day,
    counters,
    done,
    new_card,
    operator_for,
    refused,
    service_id,
    slot_at,
    venue_id,
)

FLOORS = ("center-3f", "center-1f")
WARDS = (
    *("kita", "kamigyo", "sakyo", "nakagyo", "higashiyama", "yamashina", "minami", "ukyo", "nishikyo", "rakusai"),
    *("fushimi", "fukakusa", "daigo"),
)
WEDNESDAY = date(2025, 4, 23)
EVENING, MORNING = time(18), time(10)
WHOLE = Contact(PHONE, "都 花子", "ミヤコ ハナコ")
SECOND = timedelta(seconds=1)
VISIT = date(2025, 4, 22)  # a Tuesday: five working days before it is Tuesday 15 April
DEADLINE = datetime(2025, 4, 15, 8, 0, tzinfo=UTC)  # 17:00 in Tokyo
BEGINS = datetime(2025, 4, 22, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo
AROUND = (-SECOND, timedelta(0), SECOND)


def citizen(card: int) -> Actor:
    return Actor.citizen(card)


def keypad(card: int) -> Actor:
    return Actor(ActorKind.KEYPAD, card, Channel.KEYPAD)


def operator(card: int = 0) -> Actor:
    return operator_for(card)


def clerk(_card: int = 0) -> Actor:
    return Actor.clerk(1)


DOORS: Mapping[str, Callable[[int], Actor]] = {"web": citizen, "phone": operator, "keypad": keypad, "counter": clerk}


def attempt(engine: Engine, wish: Wish, by: Actor, now: datetime, key: str = "") -> BookingAnswer | Refusal:
    """Book with a command of its own, unless `key` says which command it is."""
    command = key or f"k{next(_commands)}"
    return in_transaction(engine, lambda db: book(db, wish, by=by, key=command, now=now))


def try_cancel(engine: Engine, booking: BookingAnswer, by: Actor, now: datetime) -> BookingAnswer | Refusal:
    command = f"k{next(_commands)}"
    return in_transaction(engine, lambda db: cancel(db, booking.id, by=by, key=command, now=now))


def try_move(engine: Engine, booking: BookingAnswer, to: int, by: Actor, now: datetime) -> BookingAnswer | Refusal:
    command = f"k{next(_commands)}"
    return in_transaction(engine, lambda db: move(db, booking.id, to, by=by, key=command, now=now))


_commands = count()


def with_room(engine: Engine, slot: int) -> None:
    """See that exactly one place is left in a slot."""
    with engine.begin() as db:
        db.execute(text("UPDATE slot SET capacity = booked + held + 1 WHERE id = :id"), {"id": slot})


def delivery(engine: Engine, slot: int, card: int | None) -> Wish:
    return Wish(slot, service_id(engine, "delivery"), Contact(PHONE), card_id=card)


# --- What is offered where, and to whom (requirements §D) ------------------------------------------------------------


@pytest.mark.req("1-1")
def test_exactly_three_services_are_seeded(kyoto: Engine) -> None:
    with kyoto.connect() as db:
        codes = db.execute(text("SELECT code FROM service ORDER BY position")).scalars().all()
        purposes = db.execute(text("SELECT purposes FROM service WHERE code = 'certificate'")).scalar_one()
    assert codes == ["delivery", "application", "certificate"]
    assert set(purposes) == {"renew", "issue", "pin_change", "pin_reset", "face"}


def expected(service: str, channel: str, venue: str) -> str:
    """Return what requirements §D say of a cell: `booked`, or why not."""
    if service == "application" and venue in WARDS:
        return "not_offered_here"
    allowed = {"delivery": {"web", "phone", "keypad", "counter"}}.get(service, {"phone", "counter"})
    return "booked" if channel in allowed else "not_on_this_channel"


@pytest.mark.req("1-2-APP-B", "1-2-T2")
@pytest.mark.parametrize("service", ["delivery", "application", "certificate"])
def test_each_service_is_bookable_on_exactly_its_channels_and_venues(
    kyoto: Engine, now: datetime, service: str
) -> None:
    found = {
        (channel, venue): try_cell(kyoto, now, service, channel, venue)
        for channel in DOORS
        for venue in (*FLOORS, *WARDS)
    }
    assert found == {(channel, venue): expected(service, channel, venue) for channel, venue in found}
    for channel, door in DOORS.items():
        bookable = {
            venue_id(kyoto, venue) for (c, venue), outcome in found.items() if (c, outcome) == (channel, "booked")
        }
        with kyoto.connect() as db:
            offered = list_receptions(db, service_id(kyoto, service), by=door(1))
        assert {reception.venue_id for reception in offered} == bookable  # nothing is shown that would be refused
    assert balanced(kyoto)


def try_cell(engine: Engine, now: datetime, service: str, channel: str, venue: str) -> str:
    """Book one cell of the matrix and return `booked` or the reason why not; the counter must agree."""
    pool = service if service != "application" or venue in FLOORS else "delivery"
    slot = slot_at(engine, WEDNESDAY, EVENING if venue == "center-1f" else MORNING, venue=venue, service=pool)
    with_room(engine, slot)
    before, card = counters(engine, slot)[0], new_card(engine)
    purpose = "renew" if service == "certificate" else None
    wish = Wish(slot, service_id(engine, service), WHOLE, card_id=card, purpose=purpose)
    answer = attempt(engine, wish, DOORS[channel](card), now)
    assert counters(engine, slot)[0] - before == isinstance(answer, BookingAnswer)
    return str(answer.reason) if isinstance(answer, Refusal) else answer.state


@pytest.mark.req("1-2-CERT-A")
def test_each_purpose_is_bookable_by_an_operator_at_every_venue_and_never_on_the_web(
    kyoto: Engine, now: datetime
) -> None:
    certificate = service_id(kyoto, "certificate")
    for venue in (*FLOORS, *WARDS):
        slot = slot_at(
            kyoto, WEDNESDAY, EVENING if venue == "center-1f" else MORNING, venue=venue, service="certificate"
        )
        for purpose in ("renew", "issue", "pin_change", "pin_reset", "face"):
            with_room(kyoto, slot)
            wish = Wish(slot, certificate, WHOLE, purpose=purpose)
            assert done(attempt(kyoto, wish, operator(), now)).state == "booked"
            assert refused(attempt(kyoto, wish, citizen(1), now)) == "not_on_this_channel"
            assert refused(attempt(kyoto, wish, keypad(1), now)) == "not_on_this_channel"
        assert counters(kyoto, slot) == (5, 0)


def test_a_channel_opened_or_closed_by_the_city_is_so_for_the_next_booking(kyoto: Engine, now: datetime) -> None:
    slot, card = slot_at(kyoto, VISIT, MORNING), new_card(kyoto)
    change_terms(kyoto, "kita", "delivery", on_web=False)
    assert refused(attempt(kyoto, delivery(kyoto, slot, card), citizen(card), now)) == "not_on_this_channel"
    assert done(attempt(kyoto, delivery(kyoto, slot, card), keypad(card), now)).state == "booked"
    change_terms(kyoto, "kita", "certificate", on_web=True)
    wish = Wish(
        slot_at(kyoto, VISIT, MORNING, service="certificate"), service_id(kyoto, "certificate"), WHOLE, purpose="face"
    )
    assert done(attempt(kyoto, wish, citizen(card), now)).state == "booked"


def test_a_closed_slot_is_refused_and_not_offered(kyoto: Engine, now: datetime) -> None:
    slot, card = slot_at(kyoto, VISIT, MORNING), new_card(kyoto)
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET open = false WHERE id = :id"), {"id": slot})
    assert refused(attempt(kyoto, delivery(kyoto, slot, card), clerk(), now)) == "slot_closed"


# --- Whose card, and which -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("herself", [citizen, keypad])
def test_nobody_books_for_anothers_card_on_her_own(
    kyoto: Engine, now: datetime, herself: Callable[[int], Actor]
) -> None:
    mine, anothers, slot = new_card(kyoto), new_card(kyoto), slot_at(kyoto, VISIT, MORNING)
    assert refused(attempt(kyoto, delivery(kyoto, slot, anothers), herself(mine), now)) == "not_yours"
    assert counters(kyoto, slot) == (0, 0)
    done(attempt(kyoto, delivery(kyoto, slot, anothers), operator(anothers), now))


def test_an_operator_acts_only_for_the_citizen_she_has_identified(kyoto: Engine, now: datetime) -> None:
    card, another, slot = new_card(kyoto), new_card(kyoto), slot_at(kyoto, VISIT, MORNING)
    unknown = Actor.operator(1, on_behalf_of=f"card:{card}")
    for by in (Actor.operator(1), unknown, operator(another)):
        assert refused(attempt(kyoto, delivery(kyoto, slot, card), by, now)) == "card_needed"
    booking = done(attempt(kyoto, delivery(kyoto, slot, card), operator(card), now))
    elsewhere = slot_at(kyoto, VISIT, MORNING, venue="minami")
    for by in (Actor.operator(1), unknown, operator(another)):
        assert refused(try_cancel(kyoto, booking, by, now)) == "card_needed"
        assert refused(try_move(kyoto, booking, elsewhere, by, now)) == "card_needed"
    done(try_cancel(kyoto, booking, operator(card), now))


def test_delivery_needs_a_card_of_the_book(kyoto: Engine, now: datetime) -> None:
    slot = slot_at(kyoto, VISIT, MORNING)
    for card in (None, 999_999):
        assert refused(attempt(kyoto, delivery(kyoto, slot, card), operator(), now)) == "card_needed"


@pytest.mark.parametrize("state", ["handed_over", "withdrawn"])
def test_a_card_that_is_finished_takes_no_booking(kyoto: Engine, now: datetime, state: str) -> None:
    card, slot = new_card(kyoto), slot_at(kyoto, VISIT, MORNING)
    with kyoto.begin() as db:
        db.execute(text("UPDATE card SET state = :state WHERE id = :id"), {"state": state, "id": card})
    for actor in (citizen(card), operator(card), clerk()):
        assert refused(attempt(kyoto, delivery(kyoto, slot, card), actor, now)) == "card_finished"


def test_a_certificate_visit_stands_beside_the_delivery_of_the_same_citizen(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto, lies_at="kita")
    booked(kyoto, card, slot_at(kyoto, VISIT, MORNING), now=now)
    slot = slot_at(kyoto, VISIT, MORNING, service="certificate")
    wish = Wish(slot, service_id(kyoto, "certificate"), WHOLE, card_id=card, purpose="renew")
    answer = done(attempt(kyoto, wish, operator(), now))
    assert answer.change_until == DEADLINE  # where the card lies brings no papers any nearer
    nameless = Wish(slot, service_id(kyoto, "certificate"), Contact(PHONE), card_id=card, purpose="renew")
    assert refused(attempt(kyoto, nameless, operator(), now)) == "name_needed"
    assert counters(kyoto, slot) == (1, 0)


def test_a_job_never_overwrites_what_a_clerk_has_marked(kyoto: Engine, now: datetime) -> None:
    card = new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, VISIT, MORNING), now=now)
    evening = BEGINS + timedelta(hours=8)

    def mark(state: BookingState, by: Actor, key: str) -> BookingAnswer | Refusal:
        return in_transaction(kyoto, lambda db: settle(db, first.id, state, by=by, key=key, now=evening))

    done(mark(BookingState.HANDED_OVER, clerk(), "a"))
    assert refused(mark(BookingState.NOT_RECORDED, Actor.job(), "b")) == "booking_over"
    with kyoto.connect() as db:
        assert db.execute(text("SELECT state FROM booking")).scalar_one() == "handed_over"
        assert db.execute(text("SELECT state FROM card WHERE id = :id"), {"id": card}).scalar_one() == "handed_over"


@pytest.mark.parametrize("by", [citizen, keypad, operator])
def test_only_the_citys_staff_settles_a_visit_and_not_before_its_day(
    kyoto: Engine, now: datetime, by: Callable[[int], Actor]
) -> None:
    card = new_card(kyoto)
    first = booked(kyoto, card, slot_at(kyoto, VISIT, MORNING), now=now)

    def mark(actor: Actor, moment: datetime, key: str) -> BookingAnswer | Refusal:
        return in_transaction(
            kyoto, lambda db: settle(db, first.id, BookingState.VISITED, by=actor, key=key, now=moment)
        )

    assert refused(mark(by(card), BEGINS, "a")) == "not_allowed"
    midnight = at(VISIT, time(0))
    assert refused(mark(clerk(), midnight - SECOND, "b")) == "visit_not_over"
    assert done(mark(clerk(), midnight, "c")).state == "visited"


# --- Until when (F-03, F-36) -----------------------------------------------------------------------------------------


@pytest.mark.req("3-1-A-v")
@pytest.mark.parametrize(
    ("by", "until"), [(citizen, DEADLINE), (keypad, DEADLINE), (operator, DEADLINE), (clerk, BEGINS)]
)
def test_a_place_may_be_taken_up_to_its_last_second_and_not_after(
    kyoto: Engine, by: Callable[[int], Actor], until: datetime
) -> None:
    slot = slot_at(kyoto, VISIT, MORNING)
    for offset, outcome in ((-SECOND, "booked"), (0 * SECOND, "booked"), (SECOND, "accept_deadline_passed")):
        card = new_card(kyoto)
        answer = attempt(kyoto, delivery(kyoto, slot, card), by(card), until + offset)
        assert (str(answer.reason) if isinstance(answer, Refusal) else answer.state) == outcome, offset
    card = new_card(kyoto)
    late = attempt(kyoto, delivery(kyoto, slot, card), by(card), until + timedelta(microseconds=1))
    assert refused(late) == "accept_deadline_passed"
    assert isinstance(late, Refusal)
    assert late.facts == {"until": until}
    assert counters(kyoto, slot) == (2, 0)


@pytest.mark.req("3-1-A-vii")
@pytest.mark.parametrize(("by", "until"), [(citizen, DEADLINE), (keypad, DEADLINE), (operator, BEGINS), (clerk, None)])
def test_a_booking_may_be_cancelled_up_to_the_last_second_and_not_after(
    kyoto: Engine, now: datetime, by: Callable[[int], Actor], until: datetime | None
) -> None:
    slot = slot_at(kyoto, VISIT, MORNING)
    for offset in AROUND:
        card = new_card(kyoto)
        first = booked(kyoto, card, slot, now=now)
        answer = try_cancel(kyoto, first, by(card), (until or BEGINS + timedelta(days=30)) + offset)
        if until is None or offset <= timedelta(0):
            assert done(answer).state == "cancelled"
        else:
            assert refused(answer) == "change_deadline_passed"
    assert counters(kyoto, slot) == (0 if until is None else 1, 0)


@pytest.mark.req("3-1-A-vii")
@pytest.mark.parametrize(("by", "until"), [(citizen, DEADLINE), (keypad, DEADLINE), (operator, BEGINS), (clerk, None)])
def test_a_booking_may_leave_its_slot_up_to_the_last_second_and_not_after(
    kyoto: Engine, now: datetime, by: Callable[[int], Actor], until: datetime | None
) -> None:
    old, new = slot_at(kyoto, VISIT, MORNING), slot_at(kyoto, date(2025, 5, 28), MORNING, venue="minami")
    for offset in AROUND:
        card = new_card(kyoto)
        first = booked(kyoto, card, old, now=now)
        with_room(kyoto, new)
        answer = try_move(kyoto, first, new, by(card), (until or BEGINS + timedelta(days=5)) + offset)
        if until is None or offset <= timedelta(0):
            assert done(answer).slot_id == new
        else:
            assert refused(answer) == "change_deadline_passed"
            assert counters(kyoto, old)[0] == 1
    assert balanced(kyoto)


@pytest.mark.req("3-1-A-vii")
@pytest.mark.parametrize(
    ("by", "until"), [(citizen, DEADLINE), (keypad, DEADLINE), (operator, DEADLINE), (clerk, BEGINS)]
)
def test_a_booking_may_enter_a_slot_up_to_that_slots_own_last_second(
    kyoto: Engine, now: datetime, by: Callable[[int], Actor], until: datetime
) -> None:
    old, new = slot_at(kyoto, date(2025, 5, 28), MORNING), slot_at(kyoto, VISIT, MORNING, venue="minami")
    for offset in AROUND:
        card = new_card(kyoto)
        with_room(kyoto, old)
        first = booked(kyoto, card, old, now=now)
        with_room(kyoto, new)
        answer = try_move(kyoto, first, new, by(card), until + offset)
        if offset <= timedelta(0):
            assert done(answer).slot_id == new
        else:
            assert refused(answer) == "accept_deadline_passed"
            assert counters(kyoto, old) == (1, 0)
    assert balanced(kyoto)


@pytest.mark.parametrize(
    ("visit", "venue", "last_moment"),
    [
        (date(2025, 5, 11), "center-1f", datetime(2025, 5, 1, 8, 0, tzinfo=UTC)),
        (date(2025, 5, 7), "kita", datetime(2025, 4, 25, 8, 0, tzinfo=UTC)),
    ],
)
def test_visits_after_the_may_holidays_close_before_them(
    kyoto: Engine, visit: date, venue: str, last_moment: datetime
) -> None:
    slot, delivery_id = slot_at(kyoto, visit, MORNING, venue=venue), service_id(kyoto, "delivery")
    for moment, open_days in ((last_moment, True), (last_moment + SECOND, False)):
        card = new_card(kyoto)
        with kyoto.connect() as db:
            (reception,) = list_receptions(db, delivery_id, by=citizen(card), venue_id=venue_id(kyoto, venue))
            shown = [each.day for each in list_free_days(db, reception, by=citizen(card), now=moment)]
        assert (visit in shown) is open_days
        answer = attempt(kyoto, delivery(kyoto, slot, card), citizen(card), moment)
        assert isinstance(answer, BookingAnswer) is open_days
        if isinstance(answer, BookingAnswer):
            assert answer.change_until == last_moment


@pytest.mark.req("3-1-A-v")
def test_a_changed_lead_holds_for_the_next_booking_without_a_restart(kyoto: Engine) -> None:
    slot, moment = slot_at(kyoto, VISIT, MORNING), DEADLINE + timedelta(days=1)
    card = new_card(kyoto)
    assert refused(attempt(kyoto, delivery(kyoto, slot, card), citizen(card), moment)) == "accept_deadline_passed"
    change_terms(kyoto, "kita", "delivery", accept_lead_days=4, accept_until_time=time(16, 59))
    assert refused(attempt(kyoto, delivery(kyoto, slot, card), citizen(card), moment)) == "accept_deadline_passed"
    change_terms(kyoto, "kita", "delivery", accept_until_time=time(17))
    done(attempt(kyoto, delivery(kyoto, slot, card), citizen(card), moment))
    elsewhere, other = slot_at(kyoto, VISIT, MORNING, venue="minami"), new_card(kyoto)
    late = attempt(kyoto, delivery(kyoto, elsewhere, other), citizen(other), moment)
    assert refused(late) == "accept_deadline_passed"  # the rule of one venue is its own


def test_a_new_rest_day_of_the_storehouse_moves_deadlines_at_once_but_keeps_promises(
    kyoto: Engine, now: datetime
) -> None:
    card, other, slot = new_card(kyoto), new_card(kyoto), slot_at(kyoto, VISIT, MORNING)
    first = booked(kyoto, card, slot, now=now)
    assert first.change_until == DEADLINE
    close_day(kyoto, "center-ukyo", date(2025, 4, 16))
    assert refused(attempt(kyoto, delivery(kyoto, slot, other), citizen(other), DEADLINE)) == "accept_deadline_passed"
    done(attempt(kyoto, delivery(kyoto, slot, other), citizen(other), DEADLINE - timedelta(days=1)))
    done(try_cancel(kyoto, first, citizen(card), DEADLINE))


def test_hours_off_at_the_storehouse_leave_its_day_a_working_day(kyoto: Engine) -> None:
    close_day(kyoto, "center-ukyo", date(2025, 4, 16), starts=time(9), ends=time(12))
    card, slot = new_card(kyoto), slot_at(kyoto, VISIT, MORNING)
    done(attempt(kyoto, delivery(kyoto, slot, card), citizen(card), DEADLINE))


@pytest.mark.parametrize(("lead", "until"), [(8, DEADLINE), (5, DEADLINE), (3, DEADLINE + timedelta(days=2))])
def test_the_promise_stands_when_the_rule_is_tightened_and_grows_when_it_is_loosened(
    kyoto: Engine, now: datetime, lead: int, until: datetime
) -> None:
    slot = slot_at(kyoto, VISIT, MORNING)
    in_time, late = new_card(kyoto), new_card(kyoto)
    first, second = booked(kyoto, in_time, slot, now=now), booked(kyoto, late, slot, now=now)
    change_terms(kyoto, "kita", "delivery", change_lead_days=lead)
    done(try_cancel(kyoto, first, citizen(in_time), until))
    answer = try_cancel(kyoto, second, citizen(late), until + SECOND)
    assert refused(answer) == "change_deadline_passed"
    assert isinstance(answer, Refusal)
    assert answer.facts == {"until": until}


def test_a_promise_made_under_a_loose_rule_outlives_it_but_not_the_move(kyoto: Engine, now: datetime) -> None:
    change_terms(kyoto, "kita", "delivery", change_lead_days=1)
    card, slot = new_card(kyoto), slot_at(kyoto, VISIT, MORNING)
    first = booked(kyoto, card, slot, now=now)
    assert first.change_until == datetime(2025, 4, 21, 8, 0, tzinfo=UTC)
    change_terms(kyoto, "kita", "delivery", change_lead_days=5)
    other_time = slot_at(kyoto, VISIT, time(11))
    moved = done(try_move(kyoto, first, other_time, citizen(card), now))
    assert moved.change_until == DEADLINE  # a new visit, a new promise


def test_no_promise_reaches_beyond_the_beginning_of_the_visit(kyoto: Engine, now: datetime) -> None:
    change_terms(kyoto, "kita", "delivery", change_lead_days=0, change_until_time=time(23))
    card, slot = new_card(kyoto), slot_at(kyoto, VISIT, MORNING)
    first = booked(kyoto, card, slot, now=now)
    assert first.change_until == BEGINS
    late = try_cancel(kyoto, first, citizen(card), BEGINS + SECOND)
    assert refused(late) == "change_deadline_passed"
    done(try_cancel(kyoto, first, citizen(card), BEGINS))


def test_a_card_that_lies_at_the_venue_may_be_booked_until_the_day_before(kyoto: Engine) -> None:
    day_before = datetime(2025, 4, 21, 8, 0, tzinfo=UTC)
    slot = slot_at(kyoto, VISIT, MORNING)
    here, far, late = (
        new_card(kyoto, lies_at="kita"),
        new_card(kyoto, lies_at="minami"),
        new_card(kyoto, lies_at="kita"),
    )
    assert refused(attempt(kyoto, delivery(kyoto, slot, far), citizen(far), day_before)) == "accept_deadline_passed"
    first = done(attempt(kyoto, delivery(kyoto, slot, here), citizen(here), day_before))
    assert first.change_until == day_before
    late_answer = attempt(kyoto, delivery(kyoto, slot, late), citizen(late), day_before + SECOND)
    assert refused(late_answer) == "accept_deadline_passed"
    done(try_cancel(kyoto, first, citizen(here), day_before))


# --- How far ahead ---------------------------------------------------------------------------------------------------


@pytest.mark.req("3-1-A-v")
def test_the_horizon_ends_with_its_sixtieth_day_and_moves_at_midnight_in_tokyo(kyoto: Engine) -> None:
    visit = date(2025, 6, 10)  # sixty days after 11 April
    slot = slot_at(kyoto, visit, MORNING)
    midnight = at(date(2025, 4, 11), time(0))
    card = new_card(kyoto)
    early = attempt(kyoto, delivery(kyoto, slot, card), citizen(card), midnight - SECOND)
    assert refused(early) == "beyond_horizon"
    assert isinstance(early, Refusal)
    assert early.facts == {"last_day": date(2025, 6, 9)}
    for moment in (midnight, midnight + SECOND):
        other = new_card(kyoto)
        done(attempt(kyoto, delivery(kyoto, slot, other), citizen(other), moment))


def test_the_horizon_holds_for_moves_too_and_is_edited_live(kyoto: Engine, now: datetime) -> None:
    card, far = new_card(kyoto), slot_at(kyoto, date(2025, 6, 10), MORNING)
    first = booked(kyoto, card, slot_at(kyoto, VISIT, MORNING), now=now)

    assert refused(try_move(kyoto, first, far, citizen(card), now)) == "beyond_horizon"
    change_terms(kyoto, "kita", "delivery", horizon_days=64)
    assert done(try_move(kyoto, first, far, citizen(card), now)).slot_id == far


@pytest.mark.req("2")
def test_a_visit_after_the_contract_is_bookable_while_its_calendar_is_loaded(kyoto: Engine) -> None:
    late_august = datetime(2025, 8, 25, 3, 0, tzinfo=UTC)
    with kyoto.begin() as db:
        materialise(db, now=late_august)
    card, slot = new_card(kyoto), slot_at(kyoto, date(2025, 10, 1), MORNING)
    assert booked(kyoto, card, slot, now=late_august).change_until == datetime(2025, 9, 24, 8, 0, tzinfo=UTC)


def test_every_reason_has_a_polite_sentence_for_its_reader() -> None:
    assert set(SAID_TO_THE_READER) == set(Reason)
    for reason in Reason:
        assert Refusal(reason).message.endswith(("。", "5678")), reason
