"""Keeps named programs running in the foreground and leaves none behind.

A program that dies is reported and started again, each time a little later. Ctrl-C, SIGTERM and SIGHUP stop them all,
their own children included. Should this process itself be killed, Linux tells the programs to stop (account.tether),
and the next start ends whatever still lives (leftovers).
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Protocol, Self

from engines import leftovers
from engines.account import tether
from engines.failure import EngineError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0  # who lived this long has earned a quick restart again
LOOK_SECONDS = 0.2
PR_SET_CHILD_SUBREAPER = 36


class Stopped(BaseException):
    """Somebody asked this process to stop. Like KeyboardInterrupt it is a wish, not an error."""


class Engine(Protocol):
    """A server with a start and a stop of its own that the supervisor only watches."""

    name: str

    @property
    def pid(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def restart(self) -> None: ...


@dataclass(frozen=True)
class Program:
    """What to run: a name for its log lines, the command, and its whole environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass
class Patience:
    """How long to wait before the next restart: 1, 2, 4 … 30 seconds."""

    pause_seconds: float = FIRST_PAUSE_SECONDS
    started_at: float = field(default_factory=time.monotonic)
    again_at: float | None = None

    def after_death(self) -> float:
        """Set the time of the next try and return the pause until then."""
        now = time.monotonic()
        pause = FIRST_PAUSE_SECONDS if now - self.started_at > HEALTHY_SECONDS else self.pause_seconds
        self.pause_seconds = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self.again_at = now + pause
        return pause

    def is_due(self) -> bool:
        """Whether to try again now; then the clock of the new life starts."""
        if self.again_at is None or time.monotonic() < self.again_at:
            return False
        self.again_at, self.started_at = None, time.monotonic()
        return True


class Child:
    """One program's present process, its unfinished log line and the patience with it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.name = program.name
        self.patience = Patience()
        self.process: subprocess.Popen[bytes] | None = None
        self.output: IO[bytes] | None = None
        self.has_said_all = False
        self._unfinished = b""

    def start(self) -> IO[bytes]:
        """Start the program at the head of a group of its own, so that Ctrl-C reaches only the supervisor."""
        self.process = subprocess.Popen(
            [*tether(self.program.stop_signal), *self.program.command],
            env=dict(self.program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout  # noqa: S101  a pipe was asked for; this tells the type checker
        self.output, self.has_said_all = self.process.stdout, False
        os.set_blocking(self.output.fileno(), False)
        return self.output

    def poll(self) -> int | None:
        return self.process.poll() if self.process else None

    def new_lines(self) -> list[str]:
        """Return the whole lines written since the last call; at the end of the output also the unfinished one."""
        assert self.output  # noqa: S101  asked only while the output is open
        try:
            chunk = os.read(self.output.fileno(), 65_536)
        except BlockingIOError:
            return []
        if not chunk:
            self.has_said_all = True
            chunk = b"\n" if self._unfinished else b""
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def signal_group(self, sent: signal.Signals) -> None:
        """Send a signal to the program and to all its children that stayed in its group."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, sent)


class Supervisor:
    """`with Supervisor(record) as supervisor: supervisor.add(Program(…)); supervisor.run()`."""

    def __init__(self, record: Path, *, say: Callable[[str], None] | None = None, grace_seconds: float = 10.0) -> None:
        """Prepare, and end what a killed predecessor with the same record left running.

        Args:
            record: a file in an existing folder, for the next start to know what to end.
            say: takes each line of the log; by default it is printed.
            grace_seconds: how long a program may take to stop before it is killed.
        """
        self._record = record
        self._say = say or _print
        self._grace_seconds = grace_seconds
        self._children: list[Child] = []
        self._engines: list[tuple[Engine, Patience]] = []
        self._selector = selectors.DefaultSelector()
        self._not_ours: set[int] = set()
        leftovers.end(record, grace_seconds=grace_seconds)

    def __enter__(self) -> Self:
        _adopt_orphans()
        self._not_ours = set(_own_children())  # engines started before, which stop by themselves
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add(self, program: Program) -> None:
        """Start a program and keep it running."""
        child = Child(program)
        self._children.append(child)
        self._start(child)

    def pid_of(self, name: str) -> int | None:
        """Return the present process of a program; None while it is dead, or where there is none of this name."""
        found = next((child for child in self._children if child.name == name), None)
        return found.process.pid if found and found.process and found.poll() is None else None

    def watch(self, engine: Engine) -> None:
        """Start a server again when it dies; stopping it stays its owner's task."""
        self._engines.append((engine, Patience()))

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Pass log lines on and restart the dead, until `until()` is true or Stopped is raised."""
        while not until():
            self._pass_lines_on(LOOK_SECONDS)
            for engine, patience in self._engines:
                self._look_after(engine, patience, engine.restart)
            for child in self._children:
                self._look_after(child, child.patience, lambda child=child: self._start(child))  # type: ignore[misc]

    def stop(self) -> None:
        """Stop every program and whatever it started; kill what does not end in time."""
        for child in self._children:
            if child.process and child.poll() is None:
                child.process.send_signal(child.program.stop_signal)  # its own children are its business first
        deadline = time.monotonic() + self._grace_seconds
        while any(child.process and child.poll() is None for child in self._children) and time.monotonic() < deadline:
            self._pass_lines_on(0.05)
        for child in self._children:
            child.signal_group(signal.SIGKILL)
            if child.process:
                child.process.wait()
        self._kill_the_adopted()
        for child in self._children:
            self._bury(child)
        self._selector.close()
        self._children = []
        self._record.unlink(missing_ok=True)

    def _start(self, child: Child) -> None:
        self._selector.register(child.start(), selectors.EVENT_READ, child)
        leftovers.remember(self._record, [c.process.pid for c in self._children if c.process])

    def _look_after(self, what: Engine | Child, patience: Patience, restart: Callable[[], None]) -> None:
        if patience.again_at is None and what.poll() is not None:
            self._say_for(what.name, f"{_ending(what.poll())}; starting again in {patience.after_death():.0f} s")
            if isinstance(what, Child):
                self._bury(what)
        elif patience.is_due():
            try:
                restart()
            except (OSError, EngineError) as error:
                self._say_for(what.name, f"{error}; trying again in {patience.after_death():.0f} s")

    def _bury(self, child: Child) -> None:
        """End what a dead program left in its group (a new one must not meet the old workers); say its last words."""
        child.signal_group(signal.SIGKILL)
        while self._pass_on(child):
            pass
        self._close(child)

    def _pass_lines_on(self, timeout_seconds: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_seconds)
        for key, _ in self._selector.select(timeout_seconds):
            self._pass_on(key.data)

    def _pass_on(self, child: Child) -> bool:
        """Say what the program wrote; False when there is nothing now, or nothing any more."""
        if child.output is None:
            return False
        lines = child.new_lines()
        for line in lines:
            self._say_for(child.name, line)
        if child.has_said_all:
            self._close(child)
        return bool(lines)

    def _close(self, child: Child) -> None:
        if child.output:
            self._selector.unregister(child.output)
            child.output.close()
            child.output = None

    def _say_for(self, name: str, line: str) -> None:
        self._say(f"{name:<8} | {line}")

    def _kill_the_adopted(self) -> None:
        """End grandchildren that left their group: their parents are dead, so they are our children now."""
        deadline = time.monotonic() + self._grace_seconds
        spared = self._not_ours | {engine.pid for engine, _ in self._engines}
        while (strays := set(_own_children()) - spared) and time.monotonic() < deadline:
            for pid in strays:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


def stop_on_signals() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into the exception Stopped, once; a second one may not disturb the stopping."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in STOP_SIGNALS:
        signal.signal(each, stop)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _print(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone; stopping goes on without it
        print(line, flush=True)


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies (Linux), so that none is lost sight of."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _own_children() -> Iterator[int]:
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, listing.read_text().split())
