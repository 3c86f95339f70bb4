"""Erlang A against what is published, its two limits, its own balance, and a simulation that knows no formula."""

import heapq
import math
from collections import deque
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.staffing import GrowsForEver, Queue, answered_behind, poisson, seats_for

loads = st.floats(min_value=0.001, max_value=0.2)
handlings = st.floats(min_value=30, max_value=900)
patiences = st.floats(min_value=5, max_value=3_000)
seats = st.integers(min_value=1, max_value=60)


def test_it_gives_the_published_figures_of_fifty_agents() -> None:
    """48 calls a minute, one minute of service, two of patience (Garnett, Mandelbaum and Reiman, Table 1)."""
    impatient, patient = Queue(48 / 60, 60, 120, 50), Queue(48 / 60, 60, math.inf, 50)
    assert impatient.gives_up == pytest.approx(0.031, abs=0.0005)
    assert impatient.mean_wait == pytest.approx(3.7, abs=0.05)
    assert impatient.queue_length == pytest.approx(3, abs=0.05)
    assert impatient.occupancy == pytest.approx(0.93, abs=0.005)
    assert patient.mean_wait == pytest.approx(20.8, abs=0.05)
    assert patient.queue_length == pytest.approx(17, abs=0.5)
    assert patient.occupancy == pytest.approx(0.96, abs=0.0005)


def erlang_b(load: float, servers: int) -> float:
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


@given(loads, handlings, seats)
def test_without_patience_it_is_erlang_b(arrivals: float, handling: float, n: int) -> None:
    queue = Queue(arrivals, handling, 0, n)
    assert queue.gives_up == pytest.approx(erlang_b(arrivals * handling, n), abs=1e-9)
    assert queue.answered_within(20) == pytest.approx(queue.answered, abs=1e-9)
    assert Queue(arrivals, handling, 1e-6, n).gives_up == pytest.approx(queue.gives_up, abs=1e-4)


@given(st.floats(min_value=0.05, max_value=0.97), handlings, seats, st.floats(min_value=0, max_value=300))
def test_with_endless_patience_it_is_erlang_c(used: float, handling: float, n: int, seconds: float) -> None:
    arrivals = used * n / handling
    load = arrivals * handling
    blocked = erlang_b(load, n)
    waits = blocked / (1 - used * (1 - blocked))
    queue = Queue(arrivals, handling, math.inf, n)
    assert queue.waits == pytest.approx(waits, abs=1e-9)
    assert queue.mean_wait == pytest.approx(waits * handling / (n - load), rel=1e-6)
    assert queue.speed_of_answer == pytest.approx(queue.mean_wait, rel=1e-6)
    assert queue.answered == 1
    told = 1 - waits * math.exp(-(n - load) * seconds / handling)
    assert queue.answered_within(seconds) == pytest.approx(told, abs=1e-8)


@given(loads, handlings)
def test_with_a_seat_for_everybody_callers_are_poisson(arrivals: float, handling: float) -> None:
    """M/M/∞: also where patience is as long as handling, whatever the seats are."""
    load = arrivals * handling
    expected = poisson(load)
    for queue in (
        Queue(arrivals, handling, 60, int(load + 12 * math.sqrt(load) + 60)),
        Queue(arrivals, handling, handling, 3),
    ):
        for k in range(int(load * 2) + 3):
            assert queue.share_of(k) == pytest.approx(expected[k] if k < len(expected) else 0, abs=1e-9)


@settings(max_examples=20)
@given(loads, handlings, patiences, seats)
def test_what_goes_up_comes_down_and_everybody_goes_somewhere(
    arrivals: float, handling: float, patience: float, n: int
) -> None:
    queue = Queue(arrivals, handling, patience, n)
    least, shares = queue.states
    assert math.fsum(shares) == pytest.approx(1)
    for k, share in enumerate(shares[:-1], least):
        leaves = min(k + 1, n) / handling + max(0, k + 1 - n) / patience
        assert share * arrivals == pytest.approx(queue.share_of(k + 1) * leaves, rel=1e-9, abs=1e-15)
    busy = math.fsum(min(k, n) * share for k, share in enumerate(shares, least))
    assert queue.answered * arrivals == pytest.approx(busy / handling, rel=1e-6)
    assert queue.occupancy == pytest.approx(busy / n, rel=1e-6)
    gone = math.fsum(
        share * (1 - answered_behind(k - n, seats=n, handling=handling, patience=patience))
        for k, share in enumerate(shares, least)
        if k >= n
    )
    assert queue.gives_up == pytest.approx(gone, abs=1e-9)
    assert queue.answered_within(15 * (patience + handling)) == pytest.approx(queue.answered, abs=1e-3)


@settings(max_examples=40)
@given(loads, handlings, patiences, seats, st.floats(min_value=0, max_value=600))
def test_more_seats_and_more_time_never_make_it_worse(
    arrivals: float, handling: float, patience: float, n: int, seconds: float
) -> None:
    queue, better = Queue(arrivals, handling, patience, n), Queue(arrivals, handling, patience, n + 1)
    assert better.answered >= queue.answered - 1e-9
    assert better.answered_within(seconds) >= queue.answered_within(seconds) - 1e-9
    assert queue.answered_within(seconds + 10) >= queue.answered_within(seconds) - 1e-9
    assert queue.answered_within(0) == pytest.approx(1 - queue.waits, abs=1e-9)


@given(st.floats(min_value=0.01, max_value=0.15), handlings, patiences, st.sampled_from([0.5, 0.85, 0.95]))
def test_the_seats_it_names_do_and_one_fewer_does_not(
    arrivals: float, handling: float, patience: float, goal: float
) -> None:
    n = seats_for(arrivals, handling, patience, answered=goal)
    assert n is not None
    assert Queue(arrivals, handling, patience, n).answered >= goal
    assert n == 0 or Queue(arrivals, handling, patience, n - 1).answered < goal


def test_nothing_overflows_and_impossible_queues_say_so() -> None:
    huge = Queue(50, 600, 120, 20_000)
    assert huge.answered == pytest.approx(20_000 / 30_000, abs=0.001)
    assert Queue(0, 600, 120, 3).answered == 1
    assert Queue(0.1, 600, 120, 0).answered == pytest.approx(0, abs=1e-9)
    assert seats_for(5, 600, 60, answered=0.99, most=100) is None
    with pytest.raises(GrowsForEver):
        Queue(0.1, 600, math.inf, 60)
    with pytest.raises(ValueError, match="no queue"):
        Queue(0.1, 0, 60, 3)


def simulated(queue: Queue, *, callers: int, seed: int) -> list[float | None]:
    """Return each caller's wait, None for who gave up: events one by one, with nothing of the formulas in it."""
    dice = Random(seed)  # noqa: S311 - the same callers in every run
    events: list[tuple[float, int, str, int]] = []
    now, waits, line, free = 0.0, dict[int, float | None](), deque[tuple[int, float]](), queue.seats
    for caller in range(callers):
        now += dice.expovariate(queue.arrivals)
        heapq.heappush(events, (now, caller, "comes", caller))
    while events:
        now, _, what, caller = heapq.heappop(events)
        if what == "comes":
            line.append((caller, now))
            heapq.heappush(events, (now + dice.expovariate(1 / queue.patience), caller, "gives up", caller))
        elif what == "gives up":
            if any(each == caller for each, _ in line):
                line.remove(next(each for each in line if each[0] == caller))
                waits[caller] = None
        else:
            free += 1
        while free and line:
            free -= 1
            served, since = line.popleft()
            waits[served] = now - since
            heapq.heappush(events, (now + dice.expovariate(1 / queue.handling), callers + served, "is free", served))
    return [waits[caller] for caller in range(callers // 10, callers)]


@pytest.mark.parametrize(("n", "handling", "patience"), [(18, 600, 180), (5, 170, 60), (9, 300, 1_000)])
def test_a_simulation_comes_to_the_same(n: int, handling: float, patience: float) -> None:
    arrivals = 1.02 * n / handling
    queue = Queue(arrivals, handling, patience, n)
    waits = simulated(queue, callers=40_000, seed=n)
    served = [wait for wait in waits if wait is not None]
    assert len(served) / len(waits) == pytest.approx(queue.answered, abs=0.012)
    assert sum(wait <= 20 for wait in served) / len(waits) == pytest.approx(queue.answered_within(20), abs=0.02)
    assert sum(served) / len(served) == pytest.approx(queue.speed_of_answer, rel=0.08)
