"""The rest of a day: where it settles it is Erlang A, where it does not a simulation agrees, and nobody gets lost."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.staffing import Queue, poisson
from metrics.transient import Crowd, Slot, play, play_slot, present, seats_needed

KYOTO = Crowd(handling=600, patience=180)
MORNING = [1.3, 1.5, 1.4, 1.2, 1.1, 1.0, 0.9, 0.8, 0.8, 0.9, 1, 1, 0.95, 0.9, 0.8, 0.45]


def a_day(calls: float) -> list[Slot]:
    whole = sum(MORNING)
    return [Slot(1_800, calls * each / whole / 1_800, 23 if n < 12 else 20) for n, each in enumerate(MORNING)]


@pytest.mark.parametrize("seats", [12, 18, 23])
def test_a_steady_queue_ends_where_erlang_a_says(seats: int) -> None:
    arrivals = 111 / 3_600
    last = list(play(present(0), [Slot(7_200, arrivals, seats)] * 6, KYOTO))[-1]
    queue = Queue(arrivals, KYOTO.handling, KYOTO.patience, seats)
    assert last.answered_share == pytest.approx(queue.answered, abs=1e-6)
    assert last.waiting == pytest.approx(queue.queue_length, abs=1e-5)
    assert last.gave_up == pytest.approx(queue.gives_up * last.arrivals, rel=1e-5)
    for k in range(40):
        assert (last.after[k] if k < len(last.after) else 0) == pytest.approx(queue.share_of(k), abs=1e-7)


@settings(max_examples=30)
@given(
    st.integers(0, 40),
    st.builds(Slot, seconds=st.floats(1, 1_800), arrivals=st.floats(0, 0.06), seats=st.integers(0, 30)),
    st.builds(Crowd, handling=st.floats(60, 900), patience=st.floats(20, 900)),
)
def test_everybody_who_was_there_or_came_is_served_gone_or_still_there(callers: int, slot: Slot, crowd: Crowd) -> None:
    after = play_slot(present(callers), slot, crowd)
    there = math.fsum(k * chance for k, chance in enumerate(after.after))
    assert math.fsum(after.after) == pytest.approx(1, abs=1e-9)
    served = after.busy * slot.seconds / crowd.handling
    assert callers + after.arrivals == pytest.approx(served + after.gave_up + there, abs=1e-5)
    assert 0 <= after.answered <= after.arrivals + 1e-9


def test_a_room_that_begins_empty_fills_as_poisson() -> None:
    """M/M/∞ from nobody: after t the number there is Poisson, with mean load · (1 - e^(-t/handling))."""
    arrivals, seconds = 0.02, 900
    after = play_slot(present(0), Slot(seconds, arrivals, 200), KYOTO).after
    expected = poisson(arrivals * KYOTO.handling * (1 - math.exp(-seconds / KYOTO.handling)))
    assert after[:25] == pytest.approx(expected[:25], abs=1e-9)


def test_with_nobody_coming_each_who_waits_is_served_by_her_place() -> None:
    """Nobody gives up before somebody ahead of her is served: of two at one seat, busy for good, shares are exact."""
    quiet = play_slot(present(1), Slot(100_000, 0.0, 0), KYOTO)
    assert quiet.gave_up == pytest.approx(1)
    one_seat = play_slot(present(2), Slot(100_000, 0.0, 1), KYOTO)
    assert one_seat.gave_up == pytest.approx((1 / 180) / (1 / 180 + 1 / 600))


def simulated_day(slots: list[Slot], crowd: Crowd, dice: Random) -> int:
    """Return how many of a day's callers are answered, each counted in the slot in which she came."""
    lasts = [slot.seconds for slot in slots]
    now, at, busy, line, answered = 0.0, 0, 0, 0, 0
    end = sum(lasts)
    ends = [sum(lasts[: n + 1]) for n in range(len(lasts))]
    while now < end or busy or line:
        slot = slots[min(at, len(slots) - 1)]
        comes = slot.arrivals if now < end else 0.0
        rate = comes + min(busy + line, slot.seats) / crowd.handling + line / crowd.patience
        step = dice.expovariate(rate) if rate else math.inf
        if at < len(slots) and now + step >= ends[at]:
            now, at = ends[at], at + 1
            if at < len(slots):
                there = busy + line
                busy, line = min(there, slots[at].seats), max(0, there - slots[at].seats)
            continue
        now += step
        chosen = dice.random() * rate
        if chosen < comes:
            answered += 1  # until she gives up
            busy, line = (busy + 1, line) if busy < slot.seats else (busy, line + 1)
        elif chosen < comes + line / crowd.patience:
            answered, line = answered - 1, line - 1
        elif line:
            line -= 1
        else:
            busy -= 1
    return answered


def test_a_simulated_kyoto_morning_comes_to_the_same() -> None:
    slots, dice = a_day(890), Random(7)  # noqa: S311 - the same days in every run
    days = 150
    share = sum(simulated_day(slots, KYOTO, dice) for _ in range(days)) / days / 890
    expected = sum(each.answered for each in play(present(0), slots, KYOTO)) / 890
    assert share == pytest.approx(expected, abs=0.006)


def test_the_first_half_hour_is_better_than_the_steady_state_says() -> None:
    first, second, *_ = play(present(0), a_day(890), KYOTO)
    steady = Queue(a_day(890)[0].arrivals, KYOTO.handling, KYOTO.patience, 23).answered
    assert first.answered_share is not None
    assert second.answered_share is not None
    assert first.answered_share > steady + 0.05
    assert second.answered_share < first.answered_share


@pytest.mark.req("3-2-J")
@pytest.mark.parametrize(("callers", "an_hour"), [(0, 90), (20, 90), (45, 140), (3, 12)])
def test_the_seats_it_names_hold_the_goal_and_one_fewer_does_not(callers: int, an_hour: float) -> None:
    slot = Slot(1_800, an_hour / 3_600, 0)
    seats, outcome = seats_needed(present(callers), slot, KYOTO, answered=0.85)
    assert outcome.answered_share is not None
    assert outcome.answered_share >= 0.85
    fewer = play_slot(present(callers), Slot(slot.seconds, slot.arrivals, seats - 1), KYOTO)
    assert fewer.answered_share is not None
    assert fewer.answered_share < 0.85


def test_no_calls_need_no_seats_and_a_flood_gets_the_most_there_are() -> None:
    assert seats_needed(present(0), Slot(1_800, 0.0, 0), KYOTO, answered=0.85)[0] == 0
    assert seats_needed(present(200), Slot(1_800, 0.5, 0), KYOTO, answered=0.85, most=30)[0] == 30
