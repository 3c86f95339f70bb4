"""How the story of a call is told in one piece although it waits: promises, and tasks that wait for them.

A story is an `async def` that awaits promises. Nothing here is a thread: the exchange holds one lock, resolves
promises under it and then lets the tasks that became ready go on, one after another, until all of them wait again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Interruption(Exception):  # noqa: N818 - something that happens to a call is no error
    """What ends a wait from outside: the caller hung up, the call was redirected."""


class Cut(Interruption):
    """What was going on is no longer wanted."""


class Promise(Generic[T]):
    """A value that will come. The first to resolve it decides; later ones are told so and change nothing."""

    def __init__(self) -> None:
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._told: list[Callable[[], None]] = []

    def resolve(self, value: T) -> bool:
        return self._settle(value, None)

    def fail(self, error: BaseException) -> bool:
        return self._settle(None, error)

    def when_done(self, tell: Callable[[], None]) -> None:
        if self.done:
            tell()
        else:
            self._told.append(tell)

    def value(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value] # it was resolved with a T

    def __await__(self) -> Generator[Promise[Any], None, T]:
        if not self.done:
            yield self
        return self.value()

    def _settle(self, value: T | None, error: BaseException | None) -> bool:
        if self.done:
            return False
        self.done, self._value, self._error = True, value, error
        told, self._told = self._told, []
        for tell in told:
            tell()
        return True


def first_of(*promises: Promise[Any]) -> Promise[None]:
    """Return a promise that is there as soon as one of these is."""
    first: Promise[None] = Promise()
    for promise in promises:
        promise.when_done(lambda: _resolve(first))
    return first


def _resolve(promise: Promise[None]) -> None:
    promise.resolve(None)


class Task(Generic[T]):
    """A story under way. `ended` holds what it came to."""

    def __init__(
        self, story: Coroutine[Any, Any, T], ready: deque[Task[Any]], expects: tuple[type[Exception], ...] = ()
    ) -> None:
        """Make a task; what it `expects` to end with is for whoever awaits it and no fault of the story."""
        self.ended: Promise[T] = Promise()
        self._expects = expects
        self._story = story
        self._ready = ready
        self._waits_for: Promise[Any] | None = None
        self._interruption: Interruption | None = None
        self._queued = False
        self._queue()

    def interrupt(self, interruption: Interruption) -> None:
        """End the wait with this. A later interruption that comes before the task went on takes its place."""
        if not self.ended.done:
            self._interruption = interruption
            self._queue()

    def expected(self, error: Exception) -> bool:
        return isinstance(error, self._expects)

    def go_on(self) -> None:
        """Run until the next wait. Called by the exchange only, which holds the lock."""
        self._queued = False
        if self.ended.done or (self._waits_for and not self._waits_for.done and not self._interruption):
            return
        interruption, self._interruption, self._waits_for = self._interruption, None, None
        try:
            promise = self._story.throw(interruption) if interruption else self._story.send(None)
        except StopIteration as end:
            self.ended.resolve(end.value)
        except Exception as error:  # noqa: BLE001 - whoever awaits the task gets it
            self.ended.fail(error)
        else:
            self._waits_for = promise
            promise.when_done(lambda: self._wake(promise))
            if self._interruption:
                self._queue()

    def _wake(self, promise: Promise[Any]) -> None:
        if promise is self._waits_for:
            self._queue()

    def _queue(self) -> None:
        if not self._queued:
            self._queued = True
            self._ready.append(self)
