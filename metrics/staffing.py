"""Erlang A: how a queue with impatient callers stands in the long run (M/M/n+M), exactly. Pure.

Callers come at random at a steady rate, n seats serve them in order, handling and patience are exponential. No
factorials and no powers: the states are summed up from the most likely one outwards, so that nothing overflows. With
endless patience it is Erlang C, with none Erlang B.

Known limits: real handling times are less spread than exponential ones, real patience is longer the longer somebody
has waited; both make the truth a little kinder. Steady rates are an assumption that a morning's rush breaks: the rest
of a day is computed in `transient.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

NEGLIGIBLE = 1e-17
"""States less likely than this, beside the most likely one, are left out."""


class GrowsForEver(ValueError):  # noqa: N818 - it says what the queue does
    """Nobody gives up and more come than can be served: there is no long run."""


@dataclass(frozen=True)
class Queue:
    """A queue in the long run.

    Attributes:
        arrivals: callers a second.
        handling: mean seconds of talk and wrap-up of one call.
        patience: mean seconds a caller is ready to wait; `math.inf`: nobody gives up, 0: nobody waits.
        seats: how many serve.
    """

    arrivals: float
    handling: float
    patience: float
    seats: int

    def __post_init__(self) -> None:
        if self.arrivals < 0 or self.handling <= 0 or self.patience < 0 or self.seats < 0:
            raise ValueError("no queue has such figures")
        if self.patience == math.inf and self.arrivals > 0 and self.load >= self.seats:
            raise GrowsForEver("more callers come than can be served, and nobody gives up")

    @property
    def load(self) -> float:
        """Erlangs offered: calls that would be in service at once, were there seats for all."""
        return self.arrivals * self.handling

    @property
    def give_up_rate(self) -> float:
        return 0.0 if self.patience == math.inf else math.inf if self.patience == 0 else 1 / self.patience

    @cached_property
    def states(self) -> tuple[int, Sequence[float]]:
        """How likely each number of callers is, served or waiting: the least of these, and from it on each share."""
        likeliest = self._likeliest()
        up = self._outwards(likeliest, 1)
        down = self._outwards(likeliest, -1)
        shares = [*reversed(down), 1.0, *up]
        total = math.fsum(shares)
        return likeliest - len(down), [each / total for each in shares]

    def share_of(self, k: int) -> float:
        least, shares = self.states
        return shares[k - least] if 0 <= k - least < len(shares) else 0.0

    @cached_property
    def waits(self) -> float:
        """The share of callers who find no free seat."""
        least, shares = self.states
        return math.fsum(shares[max(0, self.seats - least) :])

    @cached_property
    def queue_length(self) -> float:
        """How many callers wait on average."""
        least, shares = self.states
        return math.fsum((k - self.seats) * each for k, each in enumerate(shares, least) if k > self.seats)

    @property
    def gives_up(self) -> float:
        """The share of callers who hang up before they are served."""
        if not self.arrivals:
            return 0.0
        return self.waits if self.patience == 0 else self.give_up_rate * self.queue_length / self.arrivals

    @property
    def answered(self) -> float:
        return 1 - self.gives_up

    @property
    def mean_wait(self) -> float:
        """Mean seconds in the queue over all callers, those who give up included."""
        return self.queue_length / self.arrivals if self.arrivals else 0.0

    @cached_property
    def speed_of_answer(self) -> float:
        """Mean seconds in the queue of those who are served (ASA)."""
        if self.patience == 0 or not self.answered:
            return 0.0
        waited, passed = 0.0, 0.0
        for ahead, share in enumerate(self._found_waiting()):
            passed += 1 / self._moves_up(ahead + 1)
            waited += share * self._served_behind(ahead) * passed
        return waited / self.answered

    @property
    def occupancy(self) -> float:
        """The share of the seats' time that goes into calls."""
        return self.load * self.answered / self.seats if self.seats else 0.0

    def answered_within(self, seconds: float) -> float:
        """The share of all callers who are served after waiting at most so long."""
        at_once = 1 - self.waits
        if self.patience == 0 or not self.seats:
            return at_once if self.seats else 0.0
        return at_once + self._served_by(seconds)

    def _served_by(self, seconds: float) -> float:
        """Follow callers who wait by the number ahead of them, at random moments of one rate (uniformisation)."""
        ahead = list(self._found_waiting())
        if not ahead:
            return 0.0
        rate = self._moves_up(len(ahead))
        serves = self.seats / self.handling / rate
        moves = [self._moves_up(m) / rate for m in range(len(ahead))]
        stays = [1 - self._moves_up(m + 1) / rate for m in range(len(ahead))]
        served, found = 0.0, 0.0
        for weight in poisson(rate * seconds):
            found += weight * served
            served += ahead[0] * serves
            coming = [share * move for share, move in zip(ahead[1:], moves[1:], strict=True)]
            ahead = [share * stay + more for share, stay, more in zip(ahead, stays, [*coming, 0.0], strict=True)]
        return found

    def _found_waiting(self) -> Sequence[float]:
        """How likely a caller finds all seats taken and so many ahead of her in the queue, from none on."""
        least, shares = self.states
        gap = max(0, least - self.seats)
        return [0.0] * gap + list(shares[max(0, self.seats - least) :])

    def _moves_up(self, ahead: int) -> float:
        """How fast somebody leaves from before a caller with so many ahead: a seat gets free, or one ahead gives up."""
        return self.seats / self.handling + ahead * self.give_up_rate

    def _served_behind(self, ahead: int) -> float:
        """The chance to be served with so many ahead."""
        return answered_behind(ahead, seats=self.seats, handling=self.handling, patience=self.patience)

    def _leaves(self, k: int) -> float:
        """How fast callers leave when k are there."""
        served = min(k, self.seats) / self.handling
        return served + (k - self.seats) * self.give_up_rate if k > self.seats else served

    def _likeliest(self) -> int:
        if self.load < self.seats:
            return int(self.load)
        if self.patience == 0:
            return self.seats
        return self.seats + int((self.arrivals - self.seats / self.handling) * self.patience)

    def _outwards(self, k: int, step: int) -> list[float]:
        """Return the shares beside the likeliest state's, going up or down until they do not count any more."""
        found: list[float] = []
        share = 1.0
        while True:
            leaves = self._leaves(k + 1 if step > 0 else k)
            if (step < 0 and k == 0) or (step > 0 and (not self.arrivals or leaves == math.inf)):
                return found
            share *= self.arrivals / leaves if step > 0 else leaves / self.arrivals
            if share < NEGLIGIBLE:
                return found
            found.append(share)
            k += step


def answered_behind(ahead: int, *, seats: float, handling: float, patience: float) -> float:
    """Return the chance to be served of a caller with so many waiting ahead of her, while the seats stay as they are.

    Whoever comes later does not matter to her: each that leaves from before her is as likely to be the one served as
    the seats are fast beside everybody's giving up.
    """
    if patience == 0 or not seats:
        return 0.0
    serves = seats / handling
    return serves / (serves + (ahead + 1) / patience)


def poisson(mean: float) -> list[float]:
    """Return the chances of 0, 1, 2 … events when so many are expected, as far as they count; they add up to 1."""
    if mean == 0:
        return [1.0]
    most = int(mean + 8 * math.sqrt(mean) + 30)
    log_mean = math.log(mean)
    weights = [math.exp(j * log_mean - mean - math.lgamma(j + 1)) for j in range(most + 1)]
    total = math.fsum(weights)
    return [each / total for each in weights]


def seats_for(arrivals: float, handling: float, patience: float, *, answered: float, most: int = 2_000) -> int | None:
    """Return the fewest seats with which at least that share is answered in the long run; None if `most` do not do."""
    low, high = -1, max(1, int(arrivals * handling))
    while not _enough(arrivals, handling, patience, high, answered):
        low, high = high, high * 2
        if low >= most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if _enough(arrivals, handling, patience, middle, answered):
            high = middle
        else:
            low = middle
    return high


def _enough(arrivals: float, handling: float, patience: float, seats: int, answered: float) -> bool:
    try:
        return Queue(arrivals, handling, patience, seats).answered >= answered
    except GrowsForEver:
        return False
