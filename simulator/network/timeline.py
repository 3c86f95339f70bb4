"""What time it is in the network and what happens next: by the real clock, or stepped from event to event."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

STUCK_AFTER_SECONDS = 60
"""Real seconds after which a stepped clock gives up waiting for work in flight: an answer takes fifteen at most."""


@dataclass(order=True)
class Timer:
    """Something that will happen; `cancel` keeps it from happening."""

    due: datetime
    sequence: int
    happen: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class Timeline(Protocol):
    """The network's clock. Every method may be called from any thread."""

    def now(self) -> datetime: ...

    def call_later(self, seconds: float, happen: Callable[[], None]) -> Timer: ...

    def begin(self) -> None:
        """Tell that work is in flight: a stepped clock stands until `end`."""

    def end(self) -> None: ...

    def close(self) -> None: ...


class RealTimeline:
    """The machine's clock, with one thread in which timers fire."""

    def __init__(self) -> None:
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="network-timers", daemon=True)
        self._thread.start()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_later(self, seconds: float, happen: Callable[[], None]) -> Timer:
        with self._changed:
            timer = Timer(self.now() + timedelta(seconds=seconds), next(self._numbers), happen)
            heapq.heappush(self._timers, timer)
            self._changed.notify()
        return timer

    def begin(self) -> None:
        """Do nothing: real time waits for nobody."""

    def end(self) -> None:
        """Do nothing, likewise."""

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (timer := self._next()) is not None:
            if not timer.cancelled:
                timer.happen()

    def _next(self) -> Timer | None:
        with self._changed:
            while self._open:
                if self._timers and (left := (self._timers[0].due - self.now()).total_seconds()) <= 0:
                    return heapq.heappop(self._timers)
                self._changed.wait(left if self._timers else None)
        return None


class Stuck(Exception):  # noqa: N818 - it tells what was found
    """Work stayed in flight for so long that something must have died."""


class SteppedTimeline:
    """A clock that stands until nothing is in flight, and then goes to the next event.

    Whoever drives it calls `step`, `run_for` or `run_until`; timers happen in that thread. `on_move` is told the new
    instant before anything happens at it, so that a clock file can be written first.
    """

    def __init__(self, start: datetime, on_move: Callable[[datetime], None] | None = None) -> None:
        self._now = start
        self._on_move = on_move
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._in_flight = 0

    def now(self) -> datetime:
        return self._now

    def call_later(self, seconds: float, happen: Callable[[], None]) -> Timer:
        with self._changed:
            timer = Timer(self._now + timedelta(seconds=seconds), next(self._numbers), happen)
            heapq.heappush(self._timers, timer)
        return timer

    def begin(self) -> None:
        with self._changed:
            self._in_flight += 1

    def end(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let the clock stand while somebody outside the network acts."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def settle(self) -> None:
        """Wait until nothing is in flight.

        Raises:
            Stuck: it took longer than any request may take.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._in_flight == 0, STUCK_AFTER_SECONDS):
                raise Stuck(f"{self._in_flight} requests are still in flight at {self._now}")

    def step(self, until: datetime | None = None) -> bool:
        """Let the next event happen, if one is due by `until`; return whether there was one."""
        self.settle()
        with self._changed:
            due = self.next_due()
            if due is None or (until is not None and due > until):
                return False
            timer = heapq.heappop(self._timers)
        self._move(timer.due)
        timer.happen()
        return True

    def next_due(self) -> datetime | None:
        """Return when the next event is due; None if nothing is going to happen."""
        with self._changed:
            while self._timers and self._timers[0].cancelled:
                heapq.heappop(self._timers)
            return self._timers[0].due if self._timers else None

    def run_until(self, instant: datetime) -> None:
        """Let everything happen that is due by then, and let it be that instant."""
        while self.step(instant):
            pass
        self.settle()
        self._move(max(instant, self._now))

    def run_for(self, seconds: float) -> None:
        self.run_until(self._now + timedelta(seconds=seconds))

    def run_out(self, at_most_seconds: float = 24 * 3600) -> None:
        """Let everything happen until nothing is left to happen, or the time is over."""
        end = self._now + timedelta(seconds=at_most_seconds)
        while self.step(end):
            pass

    def close(self) -> None:
        with self._changed:
            self._timers.clear()

    def _move(self, instant: datetime) -> None:
        if instant != self._now:
            self._now = instant
            if self._on_move:
                self._on_move(instant)
