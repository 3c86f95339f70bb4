"""The stage of a day: a book of its own, the product's web process, its line, and the telephone network."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from app import create_line
from booking_core.clock import Clock
from config import Settings, load_settings
from engines import clock_file
from engines.account import tether
from engines.failure import EngineError
from ivr.line import Line
from simulator.network.account import Account
from simulator.network.in_turn import InTurn
from simulator.network.server import Network
from simulator.network.timeline import SteppedTimeline
from simulator.network.webhook import HttpTransport

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
NUMBER = "+81753660000"
START_SECONDS = 60
LOOK_SECONDS = 0.1
STOP_SECONDS = 15
WEB_PROCESSES = 2
"""Requests come one after the other; the second process takes over while the first is renewed after many of them."""


class AtOnce(Executor):
    """Does what it is given there and then: a line whose requests leave in the order in which it makes them."""

    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401 - the parent's
        future: Future[Any] = Future()
        future.set_result(fn(*args, **options))
        return future


@dataclass
class Stage:
    """What a day is played on; everything of it goes on only when the day's clock does."""

    settings: Settings
    site: str
    clock: Clock
    timeline: SteppedTimeline
    sending: InTurn
    network: Network
    line: Line


@contextmanager
def set_up(
    folder: Path, start: datetime, engines: Mapping[str, str], *, web_processes: int = WEB_PROCESSES
) -> Iterator[Stage]:
    """Start everything at an instant, on the engines and with the secrets that `engines` names in its variables.

    Args:
        folder: for the clock, the mail and the log of the web process.
        start: of business time.
        web_processes: how many serve pages; a short day gets by with one.
        engines: DATABASE_URL, DATABASE_OWNER_URL, REDIS_URL and PEPPER.
    """
    with ExitStack() as stack:
        port = _free_port()
        site, clock_path = f"http://127.0.0.1:{port}", folder / "clock.json"
        clock_file.write_stepped(clock_path, start)
        sending = InTurn()
        timeline = SteppedTimeline(start, on_move=lambda now: clock_file.write_stepped(clock_path, now))
        account = _account(site)
        transport = HttpTransport(account.auth_token)
        network = stack.enter_context(Network(account, timeline=timeline, transport=transport, senders=sending))
        environ = _environment(folder, port, site, network.url, account) | dict(engines)
        settings = load_settings(environ)
        stack.enter_context(_web({**environ, "WEB_CONCURRENCY": str(web_processes)}, folder / "web.log", site))
        line = create_line(settings)
        line.senders = AtOnce()
        stack.callback(line.engine.dispose)
        line.provider.make_queue()
        yield Stage(settings, site, line.clock, timeline, sending, network, line)


def _account(site: str) -> Account:
    return Account(
        voice_url=site,
        sid=f"AC{secrets.token_hex(16)}",
        auth_token=secrets.token_hex(16),
        api_key_sid=f"SK{secrets.token_hex(16)}",
        api_key_secret=secrets.token_hex(16),
        number=NUMBER,
        desk_origin=site,
    )


def _environment(folder: Path, port: int, site: str, network: str, account: Account) -> dict[str, str]:
    return {
        "DEMO": "1",
        "PORT": str(port),
        "BIND": "127.0.0.1",
        "PUBLIC_URL": site,
        "SECRET_KEY": secrets.token_hex(32),
        "TWILIO_ACCOUNT_SID": account.sid,
        "TWILIO_AUTH_TOKEN": account.auth_token,
        "TWILIO_API_KEY_SID": account.api_key_sid,
        "TWILIO_API_KEY_SECRET": account.api_key_secret,
        "TWILIO_API_BASE": network,
        "TWILIO_NUMBER": account.number,
        "CLOCK_FILE": str(folder / "clock.json"),
        "SMTP_URL": (folder / "mail").as_uri(),
        "REPORT_TO": "city@localhost",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "warning",
    }


@contextmanager
def _web(environ: Mapping[str, str], log: Path, site: str) -> Iterator[None]:
    """Serve every door by the processes of production; they end with this one, whatever happens to it."""
    command = (sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "app:web")
    whole = {**os.environ, **environ}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*tether(signal.SIGTERM), *command], cwd=ROOT, env=whole, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            _wait_for(process, site, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", site: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{site}/readyz", timeout=5):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(LOOK_SECONDS)
    last = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    raise EngineError(f"the web process does not answer: {last[-1]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
