"""A day told to the code again gives the same figures, and says what differs when somebody changed a row."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from booking_core.clock import Clock, real_now
from ivr.queue.assignment import assign
from ivr.queue.models import Redirect
from ivr.queue.redirects import AFTER_AN_ERROR, claim_redirects, record_redirect
from tasks.replay_day import Replayed, replay_day
from tests.caller import Caller, verbs
from tests.conftest import MONDAY_MORNING, House
from tests.desk import available_operator, signed_in_at
from tests.factories import owner_of
from tests.ivr.test_interleavings import OPERATORS, Walk, empty

DAY = MONDAY_MORNING.date()


def replayed(engine: Engine) -> Replayed:
    with owner_of(engine).connect() as db:
        told = replay_day(db, DAY, now=MONDAY_MORNING + timedelta(hours=4))
        db.rollback()
    return told


@pytest.mark.parametrize("block", range(4))
def test_whatever_happened_in_whatever_order_comes_out_the_same_again(
    engine: Engine, tmp_path: Path, block: int
) -> None:
    operators = [available_operator(engine, f"operator{n}") for n in range(OPERATORS)]
    for seed in range(block * 5, block * 5 + 5):
        empty(engine)
        walk = Walk(engine, operators, tmp_path / "clock.json", seed)
        walk.run()
        told = replayed(engine)
        assert told.is_same, (seed, told.differences, told.refused, walk.trace)
        assert told.calls == len(walk.network.legs)


def off_the_queue(house: House) -> tuple[Caller, int]:
    """Let a caller wait, and be offered by the line; return her and the operator's telephone's offer."""
    available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    with house.engine.begin() as db:
        (offer,) = assign(db, Clock(house.clock_file), real_now=real_now())
    return caller, offer


def over(house: House, caller: Caller, offer: int) -> None:
    house.step_to(MONDAY_MORNING + timedelta(seconds=30))
    caller.dial_ended(offer, "completed", seconds=25)
    caller.ends()


@pytest.mark.parametrize("answer", ["refused", "unknown", "by hand"])
def test_a_caller_who_left_the_queue_by_her_own_document_is_rung_for_again(house: House, answer: str) -> None:
    caller, offer = off_the_queue(house)
    with house.engine.begin() as db:
        if answer == "by hand":
            db.execute(text("UPDATE offer SET redirect = NULL"))
        else:
            claim_redirects(db, now=MONDAY_MORNING)
            record_redirect(db, offer, Redirect(answer))
    house.step_to(MONDAY_MORNING + (AFTER_AN_ERROR if answer == "unknown" else timedelta(seconds=1)))
    assert verbs(caller.waits()) == ["Leave"]
    caller.leaves_queue()
    caller.operator_picks_up(offer)
    over(house, caller, offer)
    told = replayed(house.engine)
    assert told.is_same, (told.differences, told.refused)


def test_an_answer_that_only_her_desk_gave_is_taken_back_again(house: House) -> None:
    caller, offer = off_the_queue(house)
    caller.is_redirected(offer)
    desk = signed_in_at(house, "desk", "operator1").open("/desk/")
    house.step_to(MONDAY_MORNING + timedelta(seconds=3))
    desk.open(desk.links()["対応の画面を開く"]).submit({}, action="/answer")
    house.step_to(MONDAY_MORNING + timedelta(seconds=20))
    assert verbs(caller.dial_ended(offer, "no-answer")) == ["Say", "Enqueue"]
    caller.ends()
    told = replayed(house.engine)
    assert told.is_same, (told.differences, told.refused)


def test_it_leaves_nothing_and_names_a_row_that_somebody_changed(engine: Engine, tmp_path: Path) -> None:
    operators = [available_operator(engine, f"operator{n}") for n in range(OPERATORS)]
    Walk(engine, operators, tmp_path / "clock.json", 3).run()
    with owner_of(engine).begin() as db:
        before = db.execute(text("SELECT count(*), max(id) FROM call_event")).one()
        sid = db.execute(text("SELECT min(call_sid) FROM call_facts WHERE wait_us IS NOT NULL")).scalar_one()
        db.execute(text("UPDATE call_facts SET wait_us = wait_us + 1 WHERE call_sid = :sid"), {"sid": sid})
    told = replayed(engine)
    assert not told.is_same
    assert f"call {sid} wait_us" in {each.of for each in told.differences}
    with engine.connect() as db:
        assert db.execute(text("SELECT count(*), max(id) FROM call_event")).one() == before
