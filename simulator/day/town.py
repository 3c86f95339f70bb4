"""What the people of a day share: the time, the product's address, the telephone network, and the record of it all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from simulator.browser import Unexpected
from simulator.day.plan import CallerPlan
from simulator.day.record import Record
from simulator.day.site import Declined, Site
from simulator.network.timeline import Timeline


class Telephone(Protocol):
    """An operator's telephone at the network; each deed tells whether it had an effect."""

    def accept(self, leg: str) -> bool: ...

    def reject(self, leg: str) -> bool: ...

    def hang_up(self, leg: str) -> bool: ...

    def leave(self) -> None: ...


Tell = Callable[[str, dict[str, object]], None]
"""Told what happens at a telephone: `incoming`, `connected`, `cancel`, `disconnected`, and its details."""


@dataclass
class Town:
    """One day's stage.

    Attributes:
        telephone: gives an operator a telephone under an identity and a token, with whom to tell what happens there.
        puts_down: lets the caller with this leg hang up; tells whether there was one who could.
        talks: who stands behind a leg, by the network's name of it: how two who talk know each other.
    """

    timeline: Timeline
    site: Site
    telephone: Callable[[str, str, Tell], Telephone]
    puts_down: Callable[[str], bool]
    record: Record = field(default_factory=Record)
    talks: dict[str, CallerPlan] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.timeline.now()

    def later(self, seconds: float, act: Callable[[], None], who: str) -> None:
        """Let somebody act; what she could make no sense of is noted, and the day goes on."""

        def noted() -> None:
            try:
                act()
            except (Unexpected, Declined) as found:
                self.record.unexpected.append(f"{self.now():%H:%M:%S} {who}: {found}")

        self.timeline.call_later(max(seconds, 0.0), noted)

    def at(self, instant: datetime, act: Callable[[], None], who: str) -> None:
        self.later((instant - self.now()).total_seconds(), act, who)
