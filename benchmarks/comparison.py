"""Two sides measured in turns, and how their table is printed."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Comparison:
    """One line of the table: both sides' requests a second, round by round."""

    name: str
    target: float
    product: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the rounds' shares: each compares what ran one after the other."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.product, self.bare, strict=True))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "target": self.target,
            "ratio": round(self.ratio, 3),
            "product_per_second": round(statistics.median(self.product), 1),
            "bare_per_second": round(statistics.median(self.bare), 1),
            "rounds": [[round(a, 1), round(b, 1)] for a, b in zip(self.product, self.bare, strict=True)],
            "holds": round(self.ratio, 3) >= self.target,
        }


def show_comparisons(comparisons: Sequence[Mapping[str, Any]]) -> None:
    """Print one line for each comparison."""
    print(f"{'':52}{'product':>9}{'bare':>9}{'share':>8}{'target':>8}   (a second, medians of rounds)")
    for each in comparisons:
        verdict = "" if each["holds"] else "   MISSED"
        print(
            f"{each['name']:<52}{each['product_per_second']:>9.0f}{each['bare_per_second']:>9.0f}"
            f"{each['ratio']:>8.2f}{each['target']:>8.2f}{verdict}"
        )
