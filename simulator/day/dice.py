"""Chance that falls alike on every machine for the same names.

Only `random()` of the standard generator is used, seeded by text, and every duration is cut to a tenth of a second: so
neither the version of Python nor the last bit of a machine's logarithm changes a day.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """The chances of one person; nobody else's doings change them."""

    def __init__(self, *names: object) -> None:
        self._random = Random("/".join(str(name) for name in names))  # noqa: S311 - a play, no secret

    def chance(self, share: float) -> bool:
        """Tell whether something happens that does so this often, from 0 to 1."""
        return self._random.random() < share

    def between(self, least: float, most: float) -> float:
        """Return a figure, every one as likely, to a tenth."""
        return round(least + (most - least) * self._random.random(), 1)

    def around(self, mean: float) -> float:
        """Return a figure from a half to one and a half times the mean, near it more often than far, to a tenth."""
        return round(mean * (0.5 + (self._random.random() + self._random.random()) / 2), 1)

    def exponential(self, mean: float) -> float:
        """Return how long something lasts that may end at any moment as likely as at any other, to a tenth."""
        return round(-mean * math.log(1.0 - self._random.random()), 1)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.random() * len(choices))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Return one of the keys, each as often as its weight says."""
        left = self._random.random() * sum(weights.values())
        for choice, weight in weights.items():
            left -= weight
            if left < 0:
                return choice
        return list(weights)[-1]
