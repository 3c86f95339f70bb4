"""A day told to the code again gives the same figures, and says what differs when somebody changed a row."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tasks.replay_day import Replayed, replay_day
from tests.conftest import MONDAY_MORNING
from tests.desk import available_operator
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
