"""What makes a day go on: everything due at an instant is done, in order, until nothing new is due; then the next.

Due may be: something at the network or at somebody's hands (timers of the timeline), a request on its way (`InTurn`),
work for the line (it was woken, or an offer's `due_at` has come), and the jobs of the schedule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import psycopg

from ivr.queue.wake import CHANNEL
from simulator.network.in_turn import InTurn
from simulator.network.timeline import SteppedTimeline


class LineWork(Protocol):
    """How it is heard that there is work for the line."""

    def offer_due(self) -> datetime | None:
        """Return when the line has to look after an offer next; a call to work that came before is heard as well."""

    def take_wake(self) -> bool:
        """Tell whether the line was woken since this was asked last."""


@dataclass
class Ears:
    """Hears the line being woken, and reads when it has to look after an offer; one question for both."""

    connection: "psycopg.Connection[tuple[datetime | None]]"
    woken: bool = False

    @classmethod
    def at(cls, url: str) -> "Ears":
        connection = psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), autocommit=True)
        ears = cls(connection)
        connection.add_notify_handler(lambda _: ears._hear())
        connection.execute(f"LISTEN {CHANNEL}")
        return ears

    def offer_due(self) -> datetime | None:
        """Return when the line has to look after an offer next. What was told before this is heard with the answer."""
        row = self.connection.execute("SELECT min(due_at) FROM offer WHERE due_at IS NOT NULL").fetchone()
        return row[0] if row else None

    def take_wake(self) -> bool:
        woken, self.woken = self.woken, False
        return woken

    def _hear(self) -> None:
        self.woken = True


@dataclass
class Regular:
    """Something that is done again and again, and when next."""

    every: timedelta
    next_at: datetime
    do: Callable[[], None]


@dataclass
class Stepper:
    """Moves the clock.

    Attributes:
        tick: lets the line do all there is to do now.
        asked: counts requests of any kind: where nothing was asked, nothing can have become due.
        regular: what is done now and then whatever happens.
    """

    timeline: SteppedTimeline
    sending: InTurn
    ears: LineWork
    tick: Callable[[], None]
    asked: Callable[[], int]
    regular: Sequence[Regular] = ()
    offer_due: datetime | None = None
    steps: int = 0
    _seen: int = field(default=-1, init=False)

    def run_until(self, end: datetime) -> None:
        """Play until an instant, which is the last that is played."""
        self.settle()
        while (at := self._next()) is not None and at <= end:
            self.steps += 1
            if not self.timeline.step(at):
                self.timeline.run_until(at)
            self.settle()
            self._do_regular()
            if self.offer_due is not None and self.offer_due <= self.timeline.now():
                self._tick()
                self.settle()

    def settle(self) -> None:
        """Send what waits to be sent, and let the line work, until nothing of it is left."""
        while True:
            self.sending.run_out()
            if self.asked() == self._seen:
                return
            self._seen = self.asked()
            self.offer_due = self.ears.offer_due()
            if self.ears.take_wake():
                self._tick()

    def _tick(self) -> None:
        self.tick()
        self._seen = -1

    def _next(self) -> datetime | None:
        dues = [self.timeline.next_due(), self.offer_due, *(each.next_at for each in self.regular)]
        return min((due for due in dues if due is not None), default=None)

    def _do_regular(self) -> None:
        now = self.timeline.now()
        for each in self.regular:
            if each.next_at <= now:
                each.next_at += each.every
                each.do()
                self.settle()
