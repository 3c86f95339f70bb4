"""The supervisor on real processes. A second Python plays the supervisor, so that it can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines import leftovers

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 20

SUPERVISING = """
    import os, sys
    from pathlib import Path
    from engines.supervisor import Program, Stopped, Supervisor, stop_on_signals

    stop_on_signals()
    try:
        with Supervisor(Path(sys.argv[1]), grace_seconds=0.5) as supervisor:
            for number, script in enumerate(sys.argv[2:]):
                supervisor.add(Program(f"program{number}", [sys.executable, "-c", script], dict(os.environ)))
            supervisor.run()
    except Stopped:
        print("all stopped", flush=True)
"""

# Each writes the number of every process it is or starts, then waits for ever.
TELL = "os.write(1, b'pid %d\\n' % os.getpid())"  # in one piece: two processes share the pipe
PLAIN = f"import os, time; {TELL}; time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {PLAIN}"
WITH_GRANDCHILD = f"import os; os.fork(); {PLAIN}"
WITH_RUNAWAY_GRANDCHILD = f"import os; os.fork() or (os.fork() and os._exit(0), os.setsid()); {PLAIN}"
DIES_ONCE_MORE = "import os; os.write(1, b'pid %d says its last words' % os.getpid()); raise SystemExit(7)"


class Running:
    """A supervisor in a process of its own, and the numbers its programs have told."""

    def __init__(self, record: Path, *scripts: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SUPERVISING), record, *scripts],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.guard = threading.Timer(PATIENCE_SECONDS, self.process.kill)  # a test that waits in vain fails, not hangs
        self.guard.start()
        self.lines: list[str] = []
        self.pids: list[int] = []

    def read_until(self, *words: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if "| pid " in line:
                self.pids.append(int(line.split()[3]))
            if all(word in line for word in words):
                return line
        raise AssertionError(f"the supervisor ended without saying {words}: {self.lines}")

    def read_pids(self, count: int) -> list[int]:
        while len(self.pids) < count:
            self.read_until("| pid ")
        return self.pids

    def end(self, sent: signal.Signals) -> None:
        self.process.send_signal(sent)
        self.process.wait(PATIENCE_SECONDS)


Supervise = Callable[..., Running]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    started: list[Running] = []

    def start(*scripts: str) -> Running:
        started.append(Running(tmp_path / "running.json", *scripts))
        return started[-1]

    yield start
    for running in started:
        running.guard.cancel()
        for pid in (running.process.pid, *running.pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.process.communicate()


def all_gone(pids: list[int]) -> bool:
    return leftovers.wait_until(lambda: all(leftovers.birth(pid) is None for pid in pids), PATIENCE_SECONDS)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_programs_and_their_children(supervise: Supervise, sent: signal.Signals) -> None:
    running = supervise(PLAIN, WITH_GRANDCHILD)
    pids = list(running.read_pids(3))
    running.end(sent)
    assert running.read_until("all stopped")
    assert all_gone(pids)


def test_a_program_that_will_not_stop_is_killed(supervise: Supervise) -> None:
    running = supervise(DEAF)
    pids = running.read_pids(1)
    running.end(signal.SIGTERM)
    assert all_gone(pids)


def test_a_grandchild_in_a_session_of_its_own_is_ended_too(supervise: Supervise) -> None:
    running = supervise(WITH_RUNAWAY_GRANDCHILD)
    pids = running.read_pids(2)
    running.end(signal.SIGTERM)
    assert all_gone(pids)


def test_a_dead_program_is_reported_and_started_again_with_growing_pauses(supervise: Supervise) -> None:
    running = supervise(DIES_ONCE_MORE)
    assert running.read_until("ended with exit code 7", "starting again in 1 s")
    assert running.read_until("ended with exit code 7", "starting again in 2 s")
    assert len(running.read_pids(2)) == 2  # its last words may come after the report of its end
    assert any("says its last words" in line for line in running.lines)


def test_programs_end_when_their_supervisor_is_killed(supervise: Supervise) -> None:
    first = supervise(PLAIN, WITH_GRANDCHILD)
    first.read_pids(3)
    first.end(signal.SIGKILL)
    if sys.platform != "linux":  # elsewhere the kernel does not tell them; the next start does
        supervise(PLAIN).read_pids(1)
    assert all_gone([int(line.split()[3]) for line in first.lines if line.startswith("program0 | pid ")])


def test_the_next_start_ends_what_a_killed_one_left(supervise: Supervise) -> None:
    first = supervise(DEAF)  # hears neither the kernel's wish nor the next supervisor's
    deaf = list(first.read_pids(1))
    first.end(signal.SIGKILL)
    assert leftovers.birth(deaf[0]) is not None
    supervise(PLAIN).read_pids(1)
    assert all_gone(deaf)


def test_log_lines_carry_the_name_of_their_program(supervise: Supervise) -> None:
    running = supervise("print('一行目'); print('second', flush=True); import time; time.sleep(600)")
    assert running.read_until("second").startswith("program0 | ")
    assert any("一行目" in line for line in running.lines)
