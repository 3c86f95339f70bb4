"""Erlang A once more, by a way that shares nothing with the sums over states: the offered wait's own density.

What a patient caller would have to wait has the density λ·exp(λ·H(x) − nμx) ÷ (ε + λJ) beside its mass at 0, where
H(x) = (1 − e^(−θx)) ÷ θ, J is the integral of that exponential, and ε one over Erlang B with a server fewer
(Zeltyn and Mandelbaum, 2005, for M/M/n+G). Everything published follows by integration.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import pytest

from metrics.staffing import Queue, seats_for

NODES = (0.1834346424956498, 0.5255324099163290, 0.7966664774136267, 0.9602898564975363)
WEIGHTS = (0.3626837833783620, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763)
PANELS = 60
LONGEST_PATIENCES = 40
NEGLIGIBLE = 60.0
CLOSE = 1e-7

SEATS = (1, 2, 5, 18, 23, 60, 200)
USES = (0.02, 0.5, 0.85, 1.0, 1.1, 3.0)
HANDLINGS = (30.0, 600.0)
PATIENCES = (0.5, 20.0, 120.0, 1_000.0, 50_000.0)
WITHIN = (0, 5, 20, 120)
MOST_FOLLOWED = 1_500
"""Numbers of callers up to which each waiting one is followed; with more, the test would take minutes."""


@dataclass
class OfferedWait:
    """The density of what a patient caller would have to wait, its greatest exponent taken out of everything."""

    arrivals: float
    handling: float
    patience: float
    seats: int

    def __post_init__(self) -> None:
        speed = self.seats / self.handling
        self.peak = max(0.0, math.log(self.arrivals / speed) * self.patience)
        self.most = self.exponent(self.peak)
        self.begins = self._where_it_counts(0.0, self.peak) if self.exponent(0.0) < self.most - NEGLIGIBLE else 0.0
        self.ends = self._where_it_counts(self._far(), self.peak)
        inverse_erlang_b = 1.0
        for n in range(1, self.seats):
            inverse_erlang_b = 1 + n / (self.arrivals * self.handling) * inverse_erlang_b
        self.whole = inverse_erlang_b * math.exp(-self.most) + self.arrivals * self.integral(lambda _: 1.0)

    def exponent(self, x: float) -> float:
        return -self.arrivals * self.patience * math.expm1(-x / self.patience) - self.seats / self.handling * x

    def share(self, of: Callable[[float], float], until: float = math.inf) -> float:
        """Return the mean of something over callers who would have to wait, as a share of all callers."""
        return self.arrivals * self.integral(of, until) / self.whole

    def integral(self, of: Callable[[float], float], until: float = math.inf) -> float:
        """Integrate in narrow panels where patience runs out, and over the rest in wider ones."""
        ends = min(self.ends, until)
        patient = min(ends, max(self.begins, LONGEST_PATIENCES * self.patience))
        spans = [(self.begins, patient), (patient, ends)]
        return math.fsum(
            self._panel(of, begins + n * (stops - begins) / PANELS, (stops - begins) / PANELS)
            for begins, stops in spans
            if stops > begins
            for n in range(PANELS)
        )

    def _panel(self, of: Callable[[float], float], begins: float, width: float) -> float:
        middle, half = begins + width / 2, width / 2
        at = [
            (middle + sign * node * half, weight)
            for node, weight in zip(NODES, WEIGHTS, strict=True)
            for sign in (-1, 1)
        ]
        return half * sum(weight * of(x) * math.exp(self.exponent(x) - self.most) for x, weight in at)

    def _far(self) -> float:
        far = self.peak + self.handling
        while self.exponent(far) > self.most - NEGLIGIBLE:
            far *= 2
        return far

    def _where_it_counts(self, outside: float, inside: float) -> float:
        for _ in range(80):
            middle = (outside + inside) / 2
            if self.exponent(middle) < self.most - NEGLIGIBLE:
                outside = middle
            else:
                inside = middle
        return inside


@pytest.mark.req("3-2-J")
@pytest.mark.parametrize("seats", SEATS)
def test_the_offered_wait_s_density_gives_the_same_shares_and_means(seats: int) -> None:
    for use, handling, patience in product(USES, HANDLINGS, PATIENCES):
        arrivals = use * seats / handling
        queue, case = Queue(arrivals, handling, patience, seats), (use, handling, patience)
        wait = OfferedWait(arrivals, handling, patience, seats)

        def stays(x: float, patience: float = patience) -> float:
            return math.exp(-x / patience)

        waits, served = wait.share(lambda _: 1.0), wait.share(stays)
        assert queue.waits == pytest.approx(waits, abs=CLOSE), case
        assert queue.gives_up == pytest.approx(waits - served, abs=CLOSE), case
        assert queue.mean_wait == pytest.approx((waits - served) * patience, rel=1e-5, abs=1e-4), case
        asa = wait.share(lambda x: x * stays(x)) / (1 - waits + served)
        assert queue.speed_of_answer == pytest.approx(asa, rel=1e-5, abs=1e-6), case
        if len(queue.states[1]) <= MOST_FOLLOWED:
            for seconds in WITHIN:
                told = 1 - waits + wait.share(stays, seconds)
                assert queue.answered_within(seconds) == pytest.approx(told, abs=CLOSE), (case, seconds)


def test_the_seats_named_are_the_fewest_that_the_density_allows() -> None:
    for arrivals, handling, patience, goal in product(
        (0.002, 0.031, 0.2), (240.0, 600.0), (30.0, 180.0), (0.7, 0.85, 0.95)
    ):
        seats = seats_for(arrivals, handling, patience, answered=goal)
        assert seats is not None
        for n in (seats - 1, seats):
            wait = OfferedWait(arrivals, handling, patience, n) if n else None
            lost = wait.share(lambda x: -math.expm1(-x / patience)) if wait else 1.0  # noqa: B023 - called at once
            assert (1 - lost >= goal) is (n == seats), (arrivals, handling, patience, goal, n)


def test_a_line_without_callers_or_without_seats_has_its_plain_figures() -> None:
    for patience in (0, 0.5, 120, 50_000, math.inf):
        quiet = Queue(0, 600, patience, 3)
        assert (quiet.answered, quiet.waits, quiet.mean_wait, quiet.occupancy) == (1, 0, 0, 0)
        assert (quiet.answered_within(0), quiet.speed_of_answer) == (1, 0)
    for patience in (0, 0.5, 120, 50_000):
        closed = Queue(0.01, 600, patience, 0)
        assert closed.answered == pytest.approx(0, abs=1e-9)
        assert (closed.answered_within(900), closed.occupancy) == (0, 0)
        assert closed.waits == pytest.approx(1)
        assert closed.mean_wait == pytest.approx(patience)
