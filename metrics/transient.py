"""The queue for the rest of a day, exactly: M(t)/M/n(t)+M, starting from the callers who are there now. Pure.

Arrivals and seats change from slot to slot, handling and patience are exponential. The chances of every number of
callers are carried forward through each slot (uniformisation); nothing is simulated and nothing is averaged away, so
that a rush at nine and the backlog it leaves are seen where they happen.

A caller belongs to the slot in which she arrives, as in the contract's rate. Her chance to be answered is that of her
place in the queue with the seats of her slot.

Known limits: a seat that closes is taken away at once, so that a call in progress there counts as waiting again; at
most a call a closed seat, on the dark side. See `staffing.py` for what exponential times leave out.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from metrics.staffing import answered_behind, poisson, seats_for

LONGEST_STEP = 2_000.0
"""Events expected at most in one step; longer slots are cut."""

NEGLIGIBLE = 1e-12
BEYOND = 1e-15
HEADROOM = 12


@dataclass(frozen=True, slots=True)
class Slot:
    """A span with steady figures: seconds, callers a second who enter the queue, seats."""

    seconds: float
    arrivals: float
    seats: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be expected of a slot.

    Attributes:
        arrivals: callers who come in it.
        answered: of them, those who will be answered.
        gave_up: callers who hang up in it, whenever they came.
        waiting: mean number of callers in the queue.
        busy: mean number of seats in use.
        after: how likely each number of callers is at its end.
    """

    arrivals: float
    answered: float
    gave_up: float
    waiting: float
    busy: float
    after: Sequence[float]

    @property
    def answered_share(self) -> float | None:
        """The share of its callers who will be answered; None where nobody is expected."""
        return self.answered / self.arrivals if self.arrivals else None


@dataclass(frozen=True, slots=True)
class Crowd:
    """How callers behave: mean seconds of handling and of patience, both more than 0."""

    handling: float
    patience: float


def present(callers: int) -> Sequence[float]:
    """Return the certainty that so many callers are there now, talking, being written up, or waiting."""
    return [0.0] * callers + [1.0]


def play(before: Sequence[float], slots: Iterable[Slot], crowd: Crowd) -> Iterator[Outcome]:
    """Yield what is to be expected of each slot, one after the other."""
    for slot in slots:
        outcome = play_slot(before, slot, crowd)
        yield outcome
        before = outcome.after


def play_slot(before: Sequence[float], slot: Slot, crowd: Crowd) -> Outcome:
    """Return what is to be expected of a slot that begins with these chances of numbers of callers."""
    room = max(len(before), slot.seats + 1) + HEADROOM
    while True:
        spent, after = _carry(_widened(before, room), slot, crowd)
        if after[-1] < NEGLIGIBLE:
            return _outcome(spent, after, slot, crowd)
        room = room + room // 2


def _widened(chances: Sequence[float], room: int) -> list[float]:
    return [*chances, *[0.0] * (room - len(chances))]


def _carry(chances: list[float], slot: Slot, crowd: Crowd) -> tuple[list[float], list[float]]:
    """Return the seconds spent with each number of callers, and the chances at the end."""
    leaves = [_leaves(k, slot.seats, crowd) for k in range(len(chances))]
    rate = max(slot.arrivals + leaves[-1], 1e-9)
    steps = max(1, math.ceil(rate * slot.seconds / LONGEST_STEP))
    weights = poisson(rate * slot.seconds / steps)
    moves = _Moves(rate, slot.arrivals / rate, [each / rate for each in leaves])
    spent = [0.0] * len(chances)
    for _ in range(steps):
        chances, spent = _step(chances, spent, weights, moves)
    return spent, chances


class _Moves:
    """What one event does: its rate a second, and the chances that it brings a caller, takes one, or does nothing."""

    def __init__(self, rate: float, comes: float, goes: Sequence[float]) -> None:
        self.rate, self.comes, self.goes = rate, comes, goes[1:]
        self.stays = [*(1 - comes - each for each in goes[:-1]), 1 - goes[-1]]

    def happen(self, chances: Sequence[float]) -> list[float]:
        below = [0.0, *[self.comes * each for each in chances[:-1]]]
        above = [go * each for go, each in zip(self.goes, chances[1:], strict=True)]
        return [
            stay * each + low + high
            for stay, each, low, high in zip(self.stays, chances, below, [*above, 0.0], strict=True)
        ]


def _step(
    chances: list[float], spent: list[float], weights: Sequence[float], moves: _Moves
) -> tuple[list[float], list[float]]:
    """Carry the chances through one step, and add the seconds spent with each number of callers."""
    after = [0.0] * len(chances)
    still = 1.0
    for weight in weights:
        still -= weight
        if weight > BEYOND:
            after = [so_far + weight * each for so_far, each in zip(after, chances, strict=True)]
        if still > BEYOND:
            share = still / moves.rate
            spent = [so_far + share * each for so_far, each in zip(spent, chances, strict=True)]
        elif weight <= BEYOND:
            break
        chances = moves.happen(chances)
    return after, spent


def _leaves(callers: int, seats: int, crowd: Crowd) -> float:
    return min(callers, seats) / crowd.handling + max(0, callers - seats) / crowd.patience


def _outcome(spent: Sequence[float], after: list[float], slot: Slot, crowd: Crowd) -> Outcome:
    finds = [_answered_when(k, slot.seats, crowd) for k in range(len(spent))]
    waiting = math.fsum(max(0, k - slot.seats) * each for k, each in enumerate(spent))
    busy = math.fsum(min(k, slot.seats) * each for k, each in enumerate(spent))
    return Outcome(
        arrivals=slot.arrivals * slot.seconds,
        answered=slot.arrivals * math.fsum(each * chance for each, chance in zip(spent, finds, strict=True)),
        gave_up=waiting / crowd.patience,
        waiting=waiting / slot.seconds,
        busy=busy / slot.seconds,
        after=_trimmed(after),
    )


def _answered_when(callers: int, seats: int, crowd: Crowd) -> float:
    """The chance to be answered of somebody who comes when so many are there."""
    if callers < seats:
        return 1.0
    return answered_behind(callers - seats, seats=seats, handling=crowd.handling, patience=crowd.patience)


def _trimmed(chances: list[float]) -> list[float]:
    """Leave out the crowds that are next to impossible, so that a quiet afternoon costs little."""
    kept = len(chances)
    tail = 0.0
    while kept > 1 and tail + chances[kept - 1] < NEGLIGIBLE:
        tail += chances[kept - 1]
        kept -= 1
    return chances[:kept]


def seats_needed(
    before: Sequence[float], slot: Slot, crowd: Crowd, *, answered: float, most: int = 400
) -> tuple[int, Outcome]:
    """Return the fewest seats with which at least that share of the slot's callers is answered, and what then happens.

    `most` seats when even those do not do.
    """
    tried: dict[int, Outcome] = {}

    def enough(seats: int) -> bool:
        tried[seats] = play_slot(before, Slot(slot.seconds, slot.arrivals, seats), crowd)
        share = tried[seats].answered_share
        return seats >= most or share is None or share >= answered

    low, high, stride = -1, min(most, _first_guess(slot, crowd, answered)), 1
    while not enough(high):
        low, high, stride = high, min(most, high + stride), stride * 2
    stride = 1
    while low < high - 1:
        probe = max(0, high - stride) if low < 0 else (low + high) // 2
        if enough(probe):
            high, stride = probe, stride * 2
        else:
            low = probe
    return high, tried[high]


def _first_guess(slot: Slot, crowd: Crowd, answered: float) -> int:
    """Return what would do in the long run: seldom more than a seat or two away."""
    return seats_for(slot.arrivals, crowd.handling, crowd.patience, answered=answered) or 0
