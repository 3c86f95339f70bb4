"""Requests that leave one after the other, in the thread and at the moment that whoever drives a stepped clock chooses.

So the same day asks the same things in the same order, on every machine.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class InTurn(Executor):
    """Keeps what it is given until `run_out`, and then does it in the order in which it came."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self.done = 0

    def submit(self, fn: Callable[..., T], /, *args: Any, **options: Any) -> Future[T]:  # noqa: ANN401 - the parent's
        future: Future[T] = Future()
        self._waiting.append(lambda: future.set_result(fn(*args, **options)))
        return future

    def run_out(self) -> int:
        """Do everything that waits, and what comes to wait meanwhile; return how much it was."""
        before = self.done
        while self._waiting:
            self._waiting.popleft()()
            self.done += 1
        return self.done - before

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the parent's
        self._waiting.clear()
