"""What goes wrong with the REST interface on demand: too many requests, errors, answers that never come."""

import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    TOO_MANY = "too_many"
    """429, and nothing was done."""
    SERVER_ERROR = "server_error"
    """500, and nothing was done."""
    SERVER_ERROR_AFTER = "server_error_after"
    """500, though it was done."""
    GARBLED_AFTER = "garbled_after"
    """It was done, and the answer broke off on its way."""
    TIMEOUT = "timeout"
    """No answer, and nothing was done."""
    TIMEOUT_AFTER = "timeout_after"
    """No answer, though it was done."""
    DELAY = "delay"
    """The right answer, late."""


DONE_FIRST = frozenset({Fault.SERVER_ERROR_AFTER, Fault.GARBLED_AFTER, Fault.TIMEOUT_AFTER})
SILENT = frozenset({Fault.TIMEOUT, Fault.TIMEOUT_AFTER})


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One request that will go wrong. `seconds` of real time: a delay, or for how long no answer comes."""

    fault: Fault
    seconds: float = 30.0
    only: str = ""
    """Only a request whose path holds this, such as `/Calls/`."""
    method: str = ""


@dataclass
class RestFaults:
    """The plan: each fault is used up by the first request it fits."""

    _planned: deque[PlannedFault] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _released: threading.Event = field(default_factory=threading.Event)

    def plan(self, fault: Fault, *, times: int = 1, seconds: float = 30.0, only: str = "", method: str = "") -> None:
        with self._lock:
            self._planned.extend(PlannedFault(fault, seconds, only, method) for _ in range(times))

    def next_for(self, method: str, path: str) -> PlannedFault | None:
        with self._lock:
            for planned in self._planned:
                if planned.only in path and planned.method in {"", method}:
                    self._planned.remove(planned)
                    return planned
        return None

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def hold(self, seconds: float) -> None:
        """Wait in real time; a network that stops waits no longer."""
        self._released.wait(seconds)

    def release(self) -> None:
        self._released.set()
