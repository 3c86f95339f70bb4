"""What happens at once happens one after the other, by its times as well: none is older than what it waited for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import text

from booking_core.clock import Clock
from ivr.line import Line
from tests.caller import Caller
from tests.conftest import MONDAY_MORNING, House
from tests.desk import available_operator, signed_in_at, take_first
from tests.provider import ProviderDouble

SOON = timedelta(seconds=5)
WRAPPED_UP = timedelta(minutes=3)
THE_CALL = "SELECT id FROM call FOR NO KEY UPDATE"
THE_OPERATOR = "SELECT account_id FROM operator_state FOR NO KEY UPDATE"
WAITS_FOR_ME = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
ON_RECORD = """
    SELECT max(at) FROM (SELECT at FROM call_event UNION ALL SELECT at FROM operator_event
                         UNION ALL SELECT at FROM audit WHERE verb NOT LIKE 'staff.%') every"""


def read(house: House, sql: str) -> object:
    with house.engine.connect() as db:
        return db.execute(text(sql)).scalar_one_or_none()


def meanwhile(house: House, deed: Callable[[], object], *, busy: str = THE_CALL, lasts: timedelta = SOON) -> datetime:
    """Let somebody else be busy with a row when the deed begins, and be done so much later; return when that was."""
    done = Clock(house.clock_file).now() + lasts
    with ThreadPoolExecutor(1) as pool:
        with house.engine.begin() as db:
            db.execute(text(busy))
            doing = pool.submit(deed)
            for _ in range(3_000):
                if db.execute(text(WAITS_FOR_ME)).scalar_one() or doing.done():
                    break
                Event().wait(0.02)
            assert not doing.done()
            house.step_to(done)
        doing.result()
    return done


def waiting(house: House) -> Caller:
    caller = Caller(house)
    caller.calls()
    caller.waits()
    return caller


def rung(house: House) -> tuple[Caller, int, int]:
    """Let a caller be dialled through to operator1; return her, the call and the offer."""
    who = available_operator(house.engine, "operator1")
    caller = waiting(house)
    call_id, offer = take_first(house.engine, who)
    caller.waits()
    caller.leaves_queue()
    return caller, call_id, offer


def line_of(house: House) -> Line:
    return Line(house.engine, Clock(house.clock_file), ProviderDouble(), "line under test")


def at_the_desk(house: House, call_id: int, deed: str, **fields: str) -> Callable[[], object]:
    desk = signed_in_at(house, "desk", "operator1").open("/desk/")
    fields["csrf_token"] = desk.form("/desk/status")[1]["csrf_token"]
    return lambda: desk.client.post(f"/desk/calls/{call_id}/{deed}", data=fields)


def test_who_hangs_up_while_she_is_being_offered_has_ended_after_it(house: House) -> None:
    caller = waiting(house)
    assert meanwhile(house, caller.ends) == read(house, "SELECT ended_at FROM call") == read(house, ON_RECORD)


def test_what_is_told_while_the_call_s_first_word_is_written_down_comes_after_it(house: House) -> None:
    caller = Caller(house)
    first = f"""INSERT INTO call (call_sid, to_number, state, received_at)
                VALUES ('{caller.sid}', '', 'ivr', '{MONDAY_MORNING + SOON}')"""  # noqa: S608 - a sid of our own
    done = meanwhile(house, caller.calls, busy=first)
    assert done == read(house, "SELECT received_at FROM call") == read(house, ON_RECORD)


def test_an_operator_who_picks_up_meanwhile_has_answered_after_it(house: House) -> None:
    caller, _, offer = rung(house)
    done = meanwhile(house, lambda: caller.operator_picks_up(offer))
    assert done == read(house, "SELECT answered_at FROM call") == read(house, ON_RECORD)


def test_a_caller_who_is_just_coming_into_the_queue_is_offered_after_it(house: House) -> None:
    available_operator(house.engine, "operator1")
    waiting(house)
    done = meanwhile(house, line_of(house).make_offers)
    assert done == read(house, "SELECT offered_at FROM offer") == read(house, "SELECT first_offered_at FROM call")


@pytest.mark.parametrize("deed", ["answer", "decline"])
def test_what_an_operator_does_about_a_ringing_call_comes_after_what_was_told_first(house: House, deed: str) -> None:
    _, call_id, _ = rung(house)
    done = meanwhile(house, at_the_desk(house, call_id, deed))
    assert done == read(house, "SELECT coalesce(accepted_at, over_at) FROM offer") == read(house, ON_RECORD)


def test_a_call_taken_by_hand_is_taken_after_what_was_told_first(house: House) -> None:
    available_operator(house.engine, "operator1")
    waiting(house)
    take = at_the_desk(house, int(str(read(house, "SELECT id FROM call"))), "take")
    assert meanwhile(house, take) == read(house, "SELECT offered_at FROM offer")


def test_a_call_is_closed_after_the_end_of_its_talk_was_told(house: House) -> None:
    caller, call_id, offer = rung(house)
    caller.operator_picks_up(offer)
    close = at_the_desk(house, call_id, "close", main_reason="question")
    assert meanwhile(house, close) == read(house, "SELECT closed_at FROM call") == read(house, ON_RECORD)


def test_a_wrap_up_is_over_after_what_was_told_first(house: House) -> None:
    caller, _, offer = rung(house)
    caller.operator_picks_up(offer)
    caller.dial_ended(offer, "completed", seconds=60)
    house.step_to(MONDAY_MORNING + WRAPPED_UP)
    done = meanwhile(house, line_of(house).fire_timers)
    assert done == read(house, "SELECT completed_at FROM offer") == read(house, ON_RECORD)


def test_an_operator_is_away_after_she_was_given_her_last_call(house: House) -> None:
    available_operator(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1").open("/desk/")
    token = desk.form("/desk/status")[1]["csrf_token"]
    fields = {"csrf_token": token, "status": "away", "reason": "break"}
    done = meanwhile(house, lambda: desk.client.post("/desk/status", data=fields), busy=THE_OPERATOR)
    assert done == read(house, "SELECT since FROM operator_state") == read(house, ON_RECORD)
