"""What a published number is called: an id and a version that stand on every report, so that no two get mixed up.

Counts, rates and means are tuples: a month by half hours makes tens of thousands of them.
"""

from dataclasses import dataclass
from typing import NamedTuple

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Definition:
    """A way of counting. A change of what is counted is a new version."""

    id: str
    version: int

    def __str__(self) -> str:
        return f"{self.id}/{self.version}"


class Rate(NamedTuple):
    """A share of something under a definition."""

    definition: Definition
    numerator: int
    denominator: int

    @property
    def share(self) -> float | None:
        """The share from 0 to 1; None where nothing was counted yet, which is neither good nor bad."""
        return self.numerator / self.denominator if self.denominator else None

    @property
    def percent(self) -> str | None:
        """The share as it is printed, cut to a tenth of a per cent: 84.99 % must never read 85.0 %."""
        if not self.denominator:
            return None
        tenths = self.numerator * 1000 // self.denominator
        return f"{tenths // 10}.{tenths % 10}"


class Mean(NamedTuple):
    """A mean duration under a definition: `total_us` microseconds over so many calls."""

    definition: Definition
    total_us: int
    calls: int

    @property
    def seconds(self) -> float | None:
        """The mean in seconds; None where nothing was counted yet."""
        return self.total_us / self.calls / MICROS if self.calls else None
