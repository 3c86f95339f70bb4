"""The network's two clocks."""

import threading
from datetime import datetime, timedelta

import pytest

from simulator.network import timeline as timelines
from simulator.network.timeline import RealTimeline, SteppedTimeline, Stuck
from tests.simulator.conftest import MORNING


def test_events_happen_in_order_and_at_their_time() -> None:
    timeline, happened = SteppedTimeline(MORNING), list[tuple[str, datetime]]()
    for seconds, name in ((5, "c"), (1, "a"), (1, "b")):
        timeline.call_later(seconds, lambda name=name: happened.append((name, timeline.now())))  # type: ignore[misc]
    timeline.run_for(3)
    assert happened == [("a", MORNING + timedelta(seconds=1)), ("b", MORNING + timedelta(seconds=1))]
    assert timeline.now() == MORNING + timedelta(seconds=3)
    timeline.run_out()
    assert happened[-1] == ("c", MORNING + timedelta(seconds=5))


def test_what_is_cancelled_does_not_happen() -> None:
    timeline, happened = SteppedTimeline(MORNING), list[int]()
    timeline.call_later(1, lambda: happened.append(1)).cancel()
    assert not timeline.step()
    assert happened == []


def test_whoever_watches_the_clock_is_told_before_anything_happens() -> None:
    told: list[datetime] = []
    timeline = SteppedTimeline(MORNING, on_move=told.append)
    seen: list[datetime] = []
    timeline.call_later(1, lambda: seen.extend(told))
    timeline.run_for(1)
    assert seen == [MORNING + timedelta(seconds=1)]


def test_the_clock_stands_while_somebody_is_busy() -> None:
    timeline, happened = SteppedTimeline(MORNING), threading.Event()
    timeline.call_later(1, happened.set)
    with timeline.busy():
        stepping = threading.Thread(target=timeline.step)
        stepping.start()
        assert not happened.is_set()
    stepping.join()
    assert happened.is_set()


def test_work_that_never_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelines, "STUCK_AFTER_SECONDS", 0.01)
    timeline = SteppedTimeline(MORNING)
    timeline.begin()
    with pytest.raises(Stuck):
        timeline.step()


def test_real_time_goes_on_by_itself() -> None:
    timeline, happened = RealTimeline(), threading.Event()
    timeline.call_later(30, lambda: None).cancel()
    timeline.call_later(0.01, happened.set)
    assert happened.wait(10)
    timeline.close()
