"""A private system like the demo's, whose processes can be killed: engines, web, line, worker, a proxy, a network."""

import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from booking_core.actors import Actor
from booking_core.clock import real_now
from booking_core.db import make_engine
from booking_core.models import Role
from booking_core.refusal import Refusal
from booking_core.seed.city import load_city
from booking_core.seed.demo import DEMO_PASSWORD
from booking_core.seed.demo_cards import import_demo_cards
from booking_core.slots import materialise
from booking_core.staff.accounts import NewAccount, create_account
from drills.proxy import FALLBACK, Proxy
from engines import clock_file
from engines.postgres import Postgres
from engines.redis import Redis
from engines.supervisor import Program, Supervisor
from migrations.upgrade import upgrade
from process_types import process_types
from simulator.network.account import Account
from simulator.network.server import Network
from simulator.network.speech import Speech

MORNING = datetime(2025, 4, 7, 0, 45, tzinfo=UTC)
"""Business time of a drill's beginning: a Monday, 09:45 in Tokyo. It flows on from there."""

LINE = "+81753660000"
SPOKEN_FASTER = 8.0
PROGRAMS = ("web", "line", "worker")
LOOK_SECONDS = 0.05


class Watched(Protocol):
    """A server that may be killed."""

    name: str

    @property
    def pid(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def restart(self) -> None: ...


@dataclass
class Held:
    """A server that is left dead while `hold` is set, although somebody watches it."""

    server: Watched
    hold: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.server.name

    @property
    def pid(self) -> int | None:
        return self.server.pid

    def poll(self) -> int | None:
        return None if self.hold else self.server.poll()

    def restart(self) -> None:
        self.server.restart()


@dataclass
class System:
    """What runs, and how to look into it and break it.

    Attributes:
        site: the proxy's address, by which everybody comes.
        owner: an engine that sees every row.
        ahead: by how much business time goes before real time.
        said: every line of every program.
    """

    site: str
    folder: Path
    owner: Engine
    network: Network
    supervisor: Supervisor
    postgres: Held
    redis: Held
    ahead: timedelta
    said: list[str] = field(default_factory=list)

    def scalar(self, sql: str, **values: object) -> object:
        with self.owner.connect() as db:
            return db.execute(text(sql), values).scalar()

    def rows(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        with self.owner.connect() as db:
            return [tuple(row) for row in db.execute(text(sql), values)]

    def business_now(self) -> datetime:
        return real_now() + self.ahead

    def kill(self, pid: int | None) -> None:
        """Kill one process; None, which is nobody, is an error of the drill (0 would be this process's own group)."""
        assert pid, "there is nobody to kill"
        os.kill(pid, signal.SIGKILL)

    def web_workers(self) -> list[int]:
        """Return the processes below the web's master."""
        master = self.supervisor.pid_of("web")
        if master is None:
            return []
        listings = Path(f"/proc/{master}/task").glob("*/children")
        return [int(pid) for listing in listings for pid in listing.read_text(encoding="utf-8").split()]

    def until(self, told: Callable[[], object], *, seconds: float) -> float | None:
        """Wait until something is so; return how many seconds it took, None when it never was."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            with suppress(DBAPIError):  # the database may be what was killed
                if told():
                    return time.monotonic() - began
            time.sleep(LOOK_SECONDS)
        return None


@contextmanager
def running(folder: Path, *, operators: int) -> Iterator[System]:
    """Start everything below `folder`, with so many operators' accounts, and remove it all at the end."""
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True)
        said: list[str] = []
        supervisor = Supervisor(folder / "running.json", say=said.append)
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        redis = stack.enter_context(Redis(folder / "redis"))
        with psycopg.connect(postgres.url(), autocommit=True) as server:
            server.execute("CREATE DATABASE drill")
        ahead = MORNING - real_now()
        clock_file.write_shifted(folder / "clock.json", ahead)
        proxy, web, api = _free_ports(3)
        environ = _environment(folder, postgres, redis, proxy=proxy, web=web, api=api)
        owner = make_engine(environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1), role=None)
        stack.callback(owner.dispose)
        _fill(owner, environ, operators)
        site = environ["PUBLIC_URL"]
        stack.enter_context(Proxy(proxy, web))
        account = Account.from_environment(environ)
        network = stack.enter_context(Network(account, port=api, speech=Speech(speed_up=SPOKEN_FASTER)))
        stack.enter_context(supervisor)
        held = Held(postgres), Held(redis)
        for engine in held:
            supervisor.watch(engine)
        kinds = process_types()
        for name in PROGRAMS:
            supervisor.add(Program(name, kinds[name].command, {**os.environ, **environ, "PYTHONUNBUFFERED": "1"}))
        yield System(site, folder, owner, network, supervisor, *held, ahead, said)


def _environment(folder: Path, postgres: Postgres, redis: Redis, *, proxy: int, web: int, api: int) -> dict[str, str]:
    site = f"http://127.0.0.1:{proxy}"
    return {
        "DEMO": "1",
        "PORT": str(web),
        "PUBLIC_URL": site,
        "DATABASE_URL": postgres.url("drill"),
        "REDIS_URL": redis.url,
        "SECRET_KEY": secrets.token_hex(32),
        "PEPPER": secrets.token_hex(32),
        "CLOCK_FILE": str(folder / "clock.json"),
        "SMTP_URL": (folder / "mail").as_uri(),
        "LOG_LEVEL": "info",
        "TWILIO_ACCOUNT_SID": "AC" + secrets.token_hex(16),
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "TWILIO_API_KEY_SID": "SK" + secrets.token_hex(16),
        "TWILIO_API_KEY_SECRET": secrets.token_hex(16),
        "TWILIO_NUMBER": LINE,
        "TWILIO_API_BASE": f"http://127.0.0.1:{api}",
        "VOICE_FALLBACK_URL": site + FALLBACK,
        "STAFF_URL": site,
    }


def _fill(owner: Engine, environ: dict[str, str], operators: int) -> None:
    upgrade(owner.url.render_as_string(hide_password=False))
    now = MORNING - timedelta(days=1)
    with owner.begin() as db:
        load_city(db, valid_from=now.date())
        materialise(db, now=now)
        import_demo_cards(db, pepper=environ["PEPPER"].encode(), now=now)
        for n in range(1, operators + 1):
            new = NewAccount(f"operator{n}", f"オペレーター{n}", Role.OPERATOR, DEMO_PASSWORD)
            assert not isinstance(create_account(db, new, by=Actor.job(), now=now), Refusal)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
