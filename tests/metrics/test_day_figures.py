import json
from collections import Counter
from datetime import date, datetime, time, timedelta
from random import Random

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.booking import cancel, move
from booking_core.calendar import at
from booking_core.db import in_transaction
from ivr.ledger.call_facts import post
from ivr.queue.models import AwayReason, Status
from ivr.queue.operators import set_status
from metrics.booking_counts import list_booking_counts, list_booking_facts
from metrics.call_facts import list_call_facts
from metrics.day_figures import figures_of_day
from tests.desk import add_staff, available_operator
from tests.factories import booked, done, new_card, operator_for, slot_at

DAY = date(2025, 4, 7)
SECOND = timedelta(seconds=1)
ENDS = ("answered", "abandoned_ivr", "abandoned_queue", "closed", "failed")


def add_call(engine: Engine, outcome: str | None, received_at: datetime, *, state: str = "ended") -> None:
    queued = outcome not in {"abandoned_ivr", "closed", "failed"}
    talks = outcome == "answered" or state == "connected"
    statement = text("""
        INSERT INTO call (call_sid, to_number, state, outcome, received_at, enqueued_at, offerable_at, answered_at,
                          ended_at)
        VALUES (gen_random_uuid()::text, '', :state, :outcome, :received, :queued, :queued, :answered, :ended)
        RETURNING id""")
    with engine.begin() as db:
        call_id = db.execute(
            statement,
            {
                "state": state,
                "outcome": outcome,
                "received": received_at,
                "queued": received_at + 8 * SECOND if queued else None,
                "answered": received_at + 20 * SECOND if talks else None,
                "ended": received_at + 60 * SECOND if state == "ended" else None,
            },
        ).scalar_one()
        post(db, call_id)


def test_the_figures_equal_the_rows(engine: Engine) -> None:
    dice = Random(7)  # noqa: S311 - the same calls in every run
    counted: Counter[str] = Counter()
    for _ in range(120):
        outcome, on = dice.choice(ENDS), dice.choice((DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)))
        add_call(engine, outcome, at(on, time(9)) + dice.randrange(8 * 3600) * SECOND)
        counted[outcome] += on == DAY
    add_call(engine, None, at(DAY, time(16, 58)), state="queued")
    add_call(engine, None, at(DAY, time(16, 57)), state="connected")
    add_call(engine, None, at(DAY, time(16, 59)), state="ivr")
    with engine.connect() as db:
        found = figures_of_day(db, DAY)
    in_hours = sum(counted.values()) - counted["closed"] + 3
    assert (found.received, found.received_closed) == (in_hours, counted["closed"])
    assert found.answered == counted["answered"] + 1
    assert found.abandoned == counted["abandoned_ivr"] + counted["abandoned_queue"]
    assert (found.failed, found.waiting, found.undecided) == (counted["failed"], 1, 2)
    assert found.received == found.answered + found.abandoned + found.failed + found.undecided
    assert found.oldest_waiting_since == at(DAY, time(16, 58)) + 8 * SECOND
    assert found.strict_rate.numerator == found.answered
    assert found.strict_rate.denominator == found.received - found.undecided


def test_who_never_stood_in_the_queue_or_still_waits_has_no_wait(engine: Engine) -> None:
    for outcome in ENDS:
        add_call(engine, outcome, at(DAY, time(9)))
    add_call(engine, None, at(DAY, time(16, 58)), state="queued")
    with engine.connect() as db:
        waits = {call.outcome: call.wait_seconds for call in list_call_facts(db, DAY, DAY)}
    never = dict.fromkeys(("abandoned_ivr", "closed", "failed"))
    assert waits == {"answered": 12, "abandoned_queue": 52, None: None} | never


@pytest.mark.req("3-2-L")
def test_a_call_belongs_to_the_tokyo_day_on_which_it_arrived(engine: Engine) -> None:
    add_call(engine, "closed", at(DAY, time(0)))
    add_call(engine, "closed", at(DAY, time(0)) - SECOND)
    add_call(engine, "closed", at(DAY + timedelta(days=1), time(0)) - SECOND)
    with engine.connect() as db:
        assert figures_of_day(db, DAY).received_closed == 2


@pytest.mark.req("3-2-L")
def test_bookings_are_counted_by_service_and_the_channel_of_each_command(kyoto: Engine, now: datetime) -> None:
    first, second = new_card(kyoto), new_card(kyoto)
    slot = slot_at(kyoto, date(2025, 4, 22), time(10))
    one, two = booked(kyoto, first, slot, now=now), booked(kyoto, second, slot, now=now, key="second")
    other = slot_at(kyoto, date(2025, 4, 23), time(10))
    done(in_transaction(kyoto, lambda db: move(db, one.id, other, by=operator_for(first), key="m", now=now)))
    done(in_transaction(kyoto, lambda db: cancel(db, two.id, by=operator_for(second), key="c", now=now)))
    with kyoto.connect() as db:
        counts = figures_of_day(db, DAY).bookings
        day_after = figures_of_day(db, DAY + timedelta(days=1)).bookings
    found = {(each.service_code, each.channel): (each.made, each.moved, each.cancelled) for each in counts}
    assert found == {("delivery", "web"): (2, 0, 0), ("delivery", "phone"): (0, 1, 1)}
    assert not day_after


def test_seats_are_counted_present_and_able_and_at_their_most(engine: Engine, now: datetime) -> None:
    first, _second = available_operator(engine, "operator1"), available_operator(engine, "operator2")
    add_staff(engine, "operator3")
    by = Actor.operator(first)
    done(
        in_transaction(
            engine, lambda db: set_status(db, first, Status.AWAY, AwayReason.BREAK, by=by, now=now + 60 * SECOND)
        )
    )
    with engine.connect() as db:
        found = figures_of_day(db, DAY)
    assert (found.open_seats.present, found.open_seats.able, found.most_open_seats) == (2, 1, 2)
    done(in_transaction(engine, lambda db: set_status(db, first, Status.OFFLINE, None, by=by, now=now + 90 * SECOND)))
    with engine.connect() as db:
        found, next_day = figures_of_day(db, DAY), figures_of_day(db, DAY + timedelta(days=1))
    assert (found.open_seats.present, found.most_open_seats, next_day.most_open_seats) == (1, 2, 1)


def test_the_canonical_form_names_its_definitions_and_leaves_the_moment_out(engine: Engine) -> None:
    add_call(engine, "answered", at(DAY, time(10)))
    with engine.connect() as db:
        before = figures_of_day(db, DAY)
    available_operator(engine, "operator1")
    add_call(engine, None, at(DAY - timedelta(days=1), time(10)), state="queued")
    with engine.connect() as db:
        after = figures_of_day(db, DAY)
    told = json.loads(after.canonical_json())
    assert "answer_rate.strict/1" in told["definitions"]
    assert "open_seats" not in told
    told.pop("most_open_seats")
    earlier = json.loads(before.canonical_json())
    earlier.pop("most_open_seats")
    assert told == earlier


def test_bookings_of_a_day_add_up_over_venues(kyoto: Engine, now: datetime) -> None:
    kita, sakyo = date(2025, 4, 22), date(2025, 4, 23)
    first, second = new_card(kyoto), new_card(kyoto)
    one = booked(kyoto, first, slot_at(kyoto, kita, time(10)), now=now)
    booked(kyoto, second, slot_at(kyoto, sakyo, time(10), venue="sakyo"), now=now, key="second")
    other = slot_at(kyoto, sakyo, time(11), venue="sakyo")
    done(in_transaction(kyoto, lambda db: move(db, one.id, other, by=operator_for(first), key="m", now=now)))
    done(in_transaction(kyoto, lambda db: cancel(db, one.id, by=operator_for(first), key="c", now=now)))
    with kyoto.connect() as db:
        facts = list_booking_facts(db, DAY - timedelta(days=1), DAY + timedelta(days=1))
        counts = list_booking_counts(db, DAY)
    told = {(each.channel, each.venue_code): (each.made, each.moved, each.cancelled) for each in facts}
    assert told == {("web", "kita"): (1, 0, 0), ("web", "sakyo"): (1, 0, 0), ("phone", "sakyo"): (0, 1, 1)}
    assert {each.day for each in facts} == {DAY}
    for count in counts:
        own = [each for each in facts if (each.service_code, each.channel) == (count.service_code, count.channel)]
        assert (count.made, count.moved, count.cancelled) == (
            sum(e.made for e in own), sum(e.moved for e in own), sum(e.cancelled for e in own),
        )  # fmt: skip
