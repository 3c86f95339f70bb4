"""What a killed predecessor left behind: processes that outlived it and its socket folders in the temp folder."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SOCKET_FOLDER_PREFIX = "mado-"
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"
LONGEST_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included


def make_socket_folder() -> Path:
    """Make a private folder with a path short enough for a socket, in the temp folder."""
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  the second only when the first is too long a path
        folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=parent))
        if len(os.fsencode(folder)) + len(LONGEST_SOCKET_NAME) < LONGEST_SOCKET_PATH:
            return folder
        folder.rmdir()
    raise AssertionError("the second parent is always short enough")


def birth(pid: int) -> str | None:
    """When the process started, in the system's own words; None if there is none. Guards against a reused number."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    return _ps("lstart", pid) or None


def _ps(column: str, pid: int) -> str:
    words = ["ps", "-ww", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def command_line(pid: int) -> str:
    """Return the words a process was started with, or nothing if there is none."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return _ps("command", pid)


def remember(record: Path, pids: Iterable[int], socket_folder: Path | None = None) -> None:
    """Write down what to end should this process be killed before it can."""
    note = {
        "processes": {str(pid): birth(pid) for pid in pids},
        "socket_folder": str(socket_folder) if socket_folder else None,
    }
    fresh = record.with_suffix(".part")
    fresh.write_text(json.dumps(note))
    fresh.replace(record)


def end(record: Path, *, stop_signal: signal.Signals = signal.SIGTERM, grace_seconds: float = 10) -> None:
    """End every process of the record that still lives, remove its socket folder, forget the record.

    A process is only touched when its start time is the recorded one; the number alone may belong to a stranger by now.
    """
    try:
        note = json.loads(record.read_text())
    except (OSError, ValueError):
        return
    ours = [int(pid) for pid, born in note["processes"].items() if born is not None and birth(int(pid)) == born]
    end_processes(ours, stop_signal=stop_signal, grace_seconds=grace_seconds)
    folder = note["socket_folder"]
    if folder and Path(folder).name.startswith(SOCKET_FOLDER_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
    record.unlink(missing_ok=True)


def end_processes(pids: list[int], *, stop_signal: signal.Signals, grace_seconds: float) -> None:
    """Ask the processes to stop, then make them."""
    for sent in (stop_signal, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sent)
        if wait_until(lambda: all(birth(pid) is None for pid in pids), grace_seconds):
            return


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Ask every 20 ms until it is done; False when the time is over first."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
