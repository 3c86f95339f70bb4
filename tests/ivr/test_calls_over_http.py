"""Calls as the provider tells them over HTTP, and the rows they leave."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import ProgrammingError

from booking_core.actors import Actor
from booking_core.clock import Clock
from booking_core.db import in_transaction, make_engine
from ivr.flow.next_step import MOST_QUEUE_ERRORS
from ivr.queue.calls import answer, close_call
from ivr.queue.models import MainReason
from ivr.queue.operators import get_operator
from ivr.queue.progress import AFTER_RING, RING
from ivr.queue.timers import give_up, list_overdue
from ivr.twilio.signature import SignatureCheck
from ivr.twilio.twiml import Speech
from ivr.twilio.webhooks import VoiceDoor, voice_webhooks
from tests.caller import TOKEN, VOICE_URL, Caller, verbs
from tests.conftest import MONDAY_MORNING, House
from tests.desk import available_operator, take_first
from tests.factories import done

SECOND = timedelta(seconds=1)


def row(house: House, caller: Caller) -> Row[Any]:
    with house.engine.connect() as db:
        return db.execute(text("SELECT * FROM call WHERE call_sid = :sid"), {"sid": caller.sid}).one()


def offer_state(house: House, offer: int) -> str:
    with house.engine.connect() as db:
        return str(db.execute(text("SELECT state FROM offer WHERE id = :id"), {"id": offer}).scalar_one())


def later(house: House, seconds: int) -> datetime:
    instant = MONDAY_MORNING + seconds * SECOND
    house.step_to(instant)
    return instant


def connected(house: House, operator: int) -> tuple[Caller, int, int]:
    caller = Caller(house)
    caller.calls()
    caller.waits()
    call_id, offer = take_first(house.engine, operator)
    caller.waits()
    caller.leaves_queue()
    caller.operator_picks_up(offer)
    return caller, call_id, offer


def rung(house: House) -> tuple[Caller, int, int]:
    operator = available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    call_id, offer = take_first(house.engine, operator)
    caller.waits()
    caller.leaves_queue()
    return caller, call_id, offer


def test_a_caller_is_greeted_queued_connected_and_counted_as_answered(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    caller = Caller(house)
    assert verbs(caller.calls()) == ["Gather", "Redirect"]
    assert verbs(caller.presses("0")) == ["Say", "Enqueue"]
    assert row(house, caller).state == "ivr"
    entered = later(house, 8)
    assert verbs(caller.waits()) == ["Say", "Say", "Pause"]
    assert (row(house, caller).state, row(house, caller).offerable_at) == ("queued", entered)
    assert verbs(caller.waits()) == ["Pause"]
    _, offer = take_first(house.engine, operator)
    assert verbs(caller.waits()) == ["Leave"]
    assert caller.leaves_queue().find("Dial/Client").text == f"op_{operator}"  # type: ignore[union-attr]
    answered = later(house, 20)
    assert verbs(caller.operator_picks_up(offer)) == []
    assert (row(house, caller).state, row(house, caller).answered_at) == ("connected", answered)
    later(house, 22)
    caller.operator_status(offer, "in-progress", 2)
    assert row(house, caller).answered_at == answered
    ended = later(house, 90)
    assert verbs(caller.dial_ended(offer, "completed", seconds=70)) == ["Say", "Hangup"]
    later(house, 95)
    caller.ends()
    kept = row(house, caller)
    assert (kept.state, kept.outcome, kept.ended_at) == ("ended", "answered", ended)
    assert offer_state(house, offer) == "wrapping"


@pytest.mark.parametrize(
    ("waited", "outcome"),
    [(False, "abandoned_ivr"), (True, "abandoned_queue")],
    ids=["in the greeting", "in the queue"],
)
def test_a_caller_who_hangs_up_first_is_abandoned_where_she_was(house: House, outcome: str, *, waited: bool) -> None:
    caller = Caller(house)
    caller.calls()
    if waited:
        caller.waits()
    caller.ends()
    assert (row(house, caller).state, row(house, caller).outcome) == ("ended", outcome)


def test_a_caller_who_hangs_up_while_her_operator_is_rung_was_not_answered(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    _, offer = take_first(house.engine, operator)
    caller.waits()
    caller.leaves_queue()
    caller.dial_ended(offer, "canceled", gone=True)
    assert (row(house, caller).outcome, offer_state(house, offer)) == ("abandoned_queue", "rescinded")
    assert verbs(caller.operator_picks_up(offer)) == ["Hangup"]
    assert row(house, caller).answered_at is None


@pytest.mark.req("3-2-B")
@pytest.mark.parametrize("moment", ["2025-04-07T17:00+09:00", "2025-04-29T10:00+09:00", "2025-04-07T08:59+09:00"])
def test_outside_the_hours_a_caller_hears_when_to_call(house: House, moment: str) -> None:
    house.step_to(datetime.fromisoformat(moment))
    caller = Caller(house)
    document = caller.calls()
    assert verbs(document) == ["Say", "Say", "Say", "Hangup"]
    assert "午前くじから午後5時まで" in (document[0].text or "")
    caller.ends()
    assert row(house, caller).outcome == "closed"


def test_who_waits_at_closing_time_is_still_served(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    house.step_to(datetime.fromisoformat("2025-04-07T16:59:59+09:00"))
    caller = Caller(house)
    caller.calls()
    house.step_to(datetime.fromisoformat("2025-04-07T17:00:10+09:00"))
    caller.waits()
    _, offer = take_first(house.engine, operator)
    assert verbs(caller.waits()) == ["Leave"]
    caller.leaves_queue()
    caller.operator_picks_up(offer)
    assert row(house, caller).state == "connected"


def test_a_withheld_number_is_kept_as_none(house: House) -> None:
    for number in ("anonymous", "", "Restricted", "+266696687", "+7378742833", "+811045000", "unknown", "client:op_3"):
        caller = Caller(house, number=number)
        caller.calls()
        assert row(house, caller).from_number is None, number


def test_a_shown_number_is_kept_whole(house: House) -> None:
    caller = Caller(house, number="+815012345678")
    caller.calls()
    assert row(house, caller).from_number == "+815012345678"


def test_a_replayed_request_changes_nothing_and_gets_the_same_answer(house: House) -> None:
    caller = Caller(house)
    first = caller.post("/voice/incoming", retry="token-1")
    later(house, 5)
    again = caller.post("/voice/incoming", retry="token-1")
    assert again.data == first.data
    assert row(house, caller).received_at == MONDAY_MORNING
    with house.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM call_event")).scalar_one() == 1


def test_the_same_key_pressed_twice_is_not_taken_for_one_request_sent_twice(house: House) -> None:
    caller = Caller(house)
    gather = caller.calls().find("Gather")
    for verb in ("Gather", "Enqueue"):
        assert gather is not None
        address = (gather.get("action") or "").removeprefix(VOICE_URL)
        gather = caller.hears(address, Digits="9").find("Gather")
        assert caller.heard.find(verb) is not None
    assert row(house, caller).wrong_keys == 2


def test_a_request_that_repeats_an_earlier_one_to_the_letter_still_rings_the_operator(house: House) -> None:
    operator, other = (available_operator(house.engine, f"operator{n}") for n in (1, 2))
    caller = Caller(house)
    caller.calls()
    for who in (operator, other):
        caller.waits()
        _, offer = take_first(house.engine, who)
        assert verbs(caller.waits()) == ["Leave"]
        assert caller.leaves_queue().find("Dial/Client") is not None
        if who == operator:
            caller.dial_ended(offer, "no-answer")
    assert verbs(caller.operator_picks_up(offer)) == []
    assert row(house, caller).state == "connected"


def test_a_captured_end_sent_again_later_is_a_no_op(house: House) -> None:
    caller = Caller(house)
    caller.calls()
    caller.waits()
    ended = later(house, 10)
    caller.ends()
    later(house, 50)
    caller.ends()
    assert (row(house, caller).ended_at, row(house, caller).outcome) == (ended, "abandoned_queue")


def test_nothing_reopens_an_ended_call(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    caller, _, offer = connected(house, operator)
    caller.ends()
    before = row(house, caller)
    assert verbs(caller.waits()) == ["Hangup"]
    caller.calls()
    caller.leaves_queue()
    caller.operator_picks_up(offer)
    caller.operator_status(offer, "in-progress", 1)
    caller.dial_ended(offer, "no-answer")
    caller.leaves_queue("queue-full")
    assert row(house, caller) == before
    assert offer_state(house, offer) == "wrapping"


def test_a_lower_status_that_arrives_late_ends_nothing(house: House) -> None:
    caller = Caller(house)
    caller.calls()
    for status in ("initiated", "ringing", "in-progress"):
        caller.ends(status)
    assert row(house, caller).state == "ivr"


def test_the_end_may_be_the_first_we_hear_of_a_call(house: House) -> None:
    caller = Caller(house)
    caller.ends()
    assert (row(house, caller).state, row(house, caller).outcome) == ("ended", "abandoned_ivr")


def test_a_caller_whom_the_stand_in_document_queued_is_taken_on(house: House) -> None:
    caller = Caller(house)
    caller.waits()
    assert row(house, caller).state == "queued"


def test_an_operator_who_does_not_pick_up_gives_the_caller_her_old_place_back(house: House) -> None:
    operator, other = (available_operator(house.engine, f"operator{n}") for n in (1, 2))
    first, second = Caller(house), Caller(house)
    for nth, caller in enumerate((first, second)):
        later(house, nth)
        caller.calls()
        caller.waits()
    _, offer = take_first(house.engine, operator)
    first.waits()
    first.leaves_queue()
    assert verbs(first.dial_ended(offer, "no-answer")) == ["Say", "Enqueue"]
    assert offer_state(house, offer) == "timed_out"
    with house.engine.connect() as db:
        parked = get_operator(db, operator)
    assert (parked.status, parked.reason) == ("away", "missed")
    later(house, 60)
    first.waits()
    taken, _ = take_first(house.engine, other)
    assert taken == row(house, first).id
    assert row(house, first).enqueued_at == MONDAY_MORNING


def test_a_talk_that_only_its_end_tells_of_was_answered_when_it_began(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    _, offer = take_first(house.engine, operator)
    caller.waits()
    caller.leaves_queue()
    ended = later(house, 100)
    caller.dial_ended(offer, "completed", seconds=60)
    assert row(house, caller).answered_at == ended - 60 * SECOND
    assert row(house, caller).outcome == "answered"


def test_a_call_that_finds_the_queue_full_counts_as_lost_by_the_line(house: House) -> None:
    caller = Caller(house)
    caller.calls()
    assert verbs(caller.leaves_queue("queue-full")) == ["Say", "Hangup"]
    caller.ends()
    assert row(house, caller).outcome == "failed"


@pytest.mark.parametrize("result", ["error", "system-error"])
def test_an_error_in_the_queue_costs_nobody_her_place_until_it_is_the_rule(house: House, result: str) -> None:
    caller = Caller(house)
    caller.calls()
    caller.waits()
    later(house, 20)
    for n in range(MOST_QUEUE_ERRORS):
        left = caller.hears("/voice/left-queue", QueueResult=result, QueueTime=str(n))
        assert verbs(left) == ["Say", "Enqueue"]
        caller.waits()
    assert (row(house, caller).state, row(house, caller).enqueued_at) == ("queued", MONDAY_MORNING)
    assert verbs(caller.hears("/voice/left-queue", QueueResult=result)) == ["Say", "Hangup"]
    caller.ends()
    assert row(house, caller).outcome == "failed"


def test_a_redirect_told_by_the_queue_changes_no_state(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    caller, _, _ = connected(house, operator)
    before = row(house, caller)
    assert verbs(caller.leaves_queue("redirected")) == []
    assert row(house, caller) == before


def test_the_place_in_the_order_is_said_at_most_every_thirty_seconds(house: House) -> None:
    first, second = Caller(house), Caller(house)
    for caller in (first, second):
        caller.calls()
        caller.waits()
    assert "2番目" in (second.heard[0].text or "")
    later(house, 29)
    assert verbs(second.waits()) == ["Pause"]
    first.ends()
    later(house, 30)
    assert "次に" in (second.waits()[0].text or "")
    later(house, 31)
    assert verbs(second.waits()) == ["Pause"]


def test_an_operator_s_leg_for_an_offer_nobody_made_is_hung_up_and_makes_no_call(house: House) -> None:
    assert verbs(Caller(house).operator_picks_up(99)) == ["Hangup"]
    with house.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM call")).scalar_one() == 0


def test_an_operator_who_closes_during_the_talk_is_free_when_it_ends(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    caller, call_id, offer = connected(house, operator)
    by = Actor.operator(operator)
    done(
        in_transaction(
            house.engine,
            lambda db: close_call(db, call_id, MainReason.QUESTION, account_id=operator, by=by, now=MONDAY_MORNING),
        )
    )
    assert offer_state(house, offer) == "accepted"
    caller.ends()
    assert offer_state(house, offer) == "completed"
    with house.engine.connect() as db:
        assert get_operator(db, operator).activity == "idle"


def test_the_application_cannot_rewrite_what_happened_on_the_line(house: House) -> None:
    for table in ("call_event", "seat_event"):
        for statement in (f"UPDATE {table} SET at = at", f"DELETE FROM {table}"):  # noqa: S608 - names from this test
            with pytest.raises(ProgrammingError, match="permission denied"), house.engine.begin() as db:
                db.execute(text(statement))


def test_odd_fields_break_nothing(house: House) -> None:
    caller = Caller(house)
    assert caller.post("/voice/incoming", CallSid="").status_code == 400
    assert caller.post("/voice/incoming", CallSid="\0").status_code == 400
    assert caller.post("/voice/incoming", CallSid="x" * 5000, From="1" * 5000).status_code == 200
    assert caller.post(f"/voice/operator-answered?offer={10**30}").status_code == 200
    assert caller.post("/voice/dial-ended?offer=-1", DialCallDuration="9" * 40, DialCallStatus="?").status_code == 200


@pytest.mark.parametrize("status", ["COMPLETED", "Completed", "completed", "canceled", "NO-ANSWER"])
def test_the_end_of_a_call_is_understood_however_it_is_spelt(house: House, status: str) -> None:
    caller = Caller(house)
    caller.calls()
    caller.ends(status)
    assert row(house, caller).state == "ended"


@pytest.mark.parametrize(
    "path", ["/voice/menu", "/voice/wait", "/voice/left-queue", "/voice/connect", "/voice/incoming"]
)
def test_any_request_that_says_the_caller_has_gone_ends_her_call(house: House, path: str) -> None:
    caller = Caller(house)
    caller.calls()
    caller.post(path, CallStatus="completed")
    assert (row(house, caller).state, row(house, caller).outcome) == ("ended", "abandoned_ivr")
    assert verbs(caller.waits()) == ["Hangup"]


@pytest.mark.parametrize("result", ["", "LEAVE", "bridged", "a result of next year"])
def test_a_caller_who_left_the_queue_for_an_unknown_reason_is_kept(house: House, result: str) -> None:
    caller = Caller(house)
    caller.calls()
    caller.waits()
    assert verbs(caller.leaves_queue(result)) == ["Say", "Enqueue"]
    caller.waits()
    assert (row(house, caller).state, row(house, caller).enqueued_at) == ("queued", MONDAY_MORNING)


def test_leaving_the_queue_twice_in_the_same_words_rings_each_time(house: House) -> None:
    first, second = available_operator(house.engine, "operator1"), available_operator(house.engine, "operator2")
    caller = Caller(house)
    caller.calls()
    for operator in (first, second):
        caller.waits()
        _, offer = take_first(house.engine, operator)
        assert verbs(caller.waits()) == ["Leave"]
        assert verbs(caller.leaves_queue()) == ["Dial"]
        caller.dial_ended(offer, "no-answer")


def test_a_ringing_that_was_broken_off_is_not_held_against_the_operator(house: House) -> None:
    operator = available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    _, offer = take_first(house.engine, operator)
    caller.waits()
    caller.leaves_queue()
    caller.dial_ended(offer, "canceled")
    assert offer_state(house, offer) == "rescinded"
    with house.engine.connect() as db:
        assert get_operator(db, operator).status == "available"


def test_what_is_asked_without_a_signature_gets_403_whatever_it_is(house: House) -> None:
    client = house.app.test_client()
    assert client.get("/voice/incoming").status_code == 403
    assert client.put("/voice/status").status_code == 403
    assert client.post("/voice/nothing-here").status_code == 403
    assert Caller(house).post("/voice/nothing-here").status_code == 404


def without_a_book(house: House) -> Flask:
    """Return the telephone's door in front of a database that is away."""
    away: Engine = make_engine("postgresql+psycopg://nobody@/nothing?host=/nowhere")
    door = VoiceDoor(away, away, Clock(house.clock_file), SignatureCheck(VOICE_URL, (TOKEN,)), Speech(VOICE_URL))
    app = Flask("voice", static_folder=None)
    app.register_blueprint(voice_webhooks(door))
    return app


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/voice/incoming", ["Pause", "Redirect"]),
        ("/voice/menu", ["Pause", "Redirect"]),
        ("/voice/left-queue", ["Pause", "Redirect"]),
        ("/voice/connect?offer=1", ["Pause", "Redirect"]),
        ("/voice/dial-ended?offer=1", ["Pause", "Redirect"]),
        ("/voice/wait", ["Pause"]),
        ("/voice/operator-answered?offer=1", []),  # the two may talk; that they do is told again
    ],
)
def test_while_the_database_is_away_callers_are_kept(house: House, path: str, answer: list[str]) -> None:
    caller = Caller(House(without_a_book(house), house.engine, house.clock_file))
    assert verbs(caller.hears(path)) == answer


def said_to_be_answered(house: House) -> tuple[Caller, int]:
    """Let an operator's desk say that she has answered, of which her telephone knows nothing; return the offer."""
    operator = available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    call_id, offer = take_first(house.engine, operator)
    caller.waits()
    caller.leaves_queue()
    by = Actor.operator(operator)
    in_transaction(house.engine, lambda db: answer(db, call_id, account_id=operator, by=by, now=MONDAY_MORNING))
    return caller, offer


def test_a_caller_who_hung_up_unanswered_is_not_answered_by_her_operator_s_word(house: House) -> None:
    caller, offer = said_to_be_answered(house)
    caller.hears(
        f"/voice/dial-ended?offer={offer}", DialCallStatus="canceled", DialBridged="false", CallStatus="completed"
    )
    assert (row(house, caller).state, row(house, caller).outcome) == ("ended", "abandoned_queue")
    assert offer_state(house, offer) == "rescinded"


def never_joined(caller: Caller, offer: int, **fields: str) -> list[str]:
    """Let the provider tell that the operator's telephone was up for a moment, but the two were never joined."""
    told = {"DialCallStatus": "completed", "DialCallDuration": "2", "DialBridged": "false"} | fields
    return verbs(caller.hears(f"/voice/dial-ended?offer={offer}", **told))


@pytest.mark.parametrize("given_up", [False, True], ids=["picked up", "given up by the line"])
def test_a_caller_whose_operator_picked_up_and_was_gone_before_they_were_joined_waits_on(
    house: House, *, given_up: bool
) -> None:
    caller, _, offer = rung(house)
    if given_up:
        with house.engine.begin() as db:
            (overdue,) = list_overdue(db, now=MONDAY_MORNING + RING + AFTER_RING)
            assert give_up(db, overdue, now=MONDAY_MORNING + RING + AFTER_RING)
    caller.operator_picks_up(offer)
    assert never_joined(caller, offer) == ["Say", "Enqueue"]
    kept = row(house, caller)
    assert (kept.state, kept.outcome, kept.answered_at) == ("queued", None, None)
    assert offer_state(house, offer) == ("timed_out" if given_up else "failed")


def test_a_caller_who_hung_up_before_they_were_joined_was_not_answered(house: House) -> None:
    caller, _, offer = rung(house)
    never_joined(caller, offer, CallStatus="completed")
    assert (row(house, caller).outcome, offer_state(house, offer)) == ("abandoned_queue", "rescinded")


@pytest.mark.parametrize("heard", [False, True])
def test_an_operator_who_says_that_she_answered_and_does_not_costs_the_caller_nothing(
    house: House, *, heard: bool
) -> None:
    caller, offer = said_to_be_answered(house)
    if heard:
        caller.operator_picks_up(offer)
    assert row(house, caller).state == "connected"
    ended = verbs(caller.dial_ended(offer, "no-answer"))
    assert ended == (["Say", "Hangup"] if heard else ["Say", "Enqueue"])
    assert row(house, caller).outcome == ("answered" if heard else None)
    assert (row(house, caller).answered_at is None) is not heard
