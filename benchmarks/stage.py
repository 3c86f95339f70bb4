"""What every measurement stands on: private engines, a scratch book of Kyoto, and citizens who are logged in."""

import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine, text

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.availability import list_free_days, list_free_times, list_receptions
from booking_core.cards.sessions import token_digest
from booking_core.catalogue import get_service, list_venues
from booking_core.clock import real_now
from booking_core.db import make_engine
from booking_core.models import ServiceCode
from booking_core.recount import list_miscounts
from booking_core.seed.city import load_city
from booking_core.slots import materialise
from engines import clock_file
from engines.failure import EngineError
from engines.postgres import Postgres
from engines.redis import Redis
from migrations.upgrade import upgrade

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
"""Business time of a measurement: it stands still, so that every run books the same days."""

ANYBODY = Actor(ActorKind.CITIZEN, None, Channel.WEB)
DATABASE = "bench"
PLACES = 2_000
HOT_PLACES = 32_000
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Citizen:
    """A card that may book, and the cookie of its citizen's session."""

    card_id: int
    token: str


@dataclass
class Stage:
    """The running engines and the seeded book. Made by `set_up`."""

    environ: Mapping[str, str]
    folder: Path
    owner: Engine
    service_id: int = 0
    venues: list[str] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    hot_slot: int = 0

    @property
    def database_url(self) -> str:
        return self.environ["DATABASE_URL"]

    def new_citizens(self, number: int) -> list[Citizen]:
        """Add cards that have no booking, each with a session that was used a moment ago."""
        with self.owner.begin() as db:
            ids = db.execute(_ADD_CARDS, {"number": number}).scalars().all()
            citizens = [Citizen(card_id, secrets.token_urlsafe(32)) for card_id in ids]
            rows = [{"digest": token_digest(each.token), "card": each.card_id, "now": real_now()} for each in citizens]
            db.execute(_ADD_SESSION, rows)
        return citizens

    def tidy(self) -> None:
        """Let the planner know the tables as they are, so that no measurement runs on the plans of an empty book."""
        tidy(self.owner)

    def bookings(self) -> int:
        with self.owner.connect() as db:
            return int(db.execute(text("SELECT count(*) FROM booking WHERE state = 'booked'")).scalar_one())

    def check(self, *, expected: int) -> None:
        """Raise AssertionError unless the book holds exactly `expected` bookings, each witnessed, each counted."""
        with self.owner.connect() as db:
            found = {name: int(db.execute(text(f"SELECT {sql}")).scalar_one()) for name, sql in _COUNTS.items()}
            miscounts = list_miscounts(db)
        wrong = {name: number for name, number in found.items() if number != expected}
        assert not wrong, f"{expected} bookings were answered as made, but the book holds {wrong}"
        assert not miscounts, f"counters differ from rows: {miscounts[:3]}"


@contextmanager
def set_up(folder: Path, *, slots: int) -> Iterator[Stage]:
    """Seed Kyoto with `slots` bookable start times on engines below `folder`; remove it all at the end."""
    with engines_below(folder, {"DOORS": "citizen"}) as (environ, owner):
        stage = Stage(environ, folder, owner)
        _seed(stage, slots)
        yield stage


@contextmanager
def engines_below(folder: Path, variables: Mapping[str, str]) -> Iterator[tuple[dict[str, str], Engine]]:
    """Start durable engines with an empty book of today's schema below `folder`; remove it all at the end.

    Yields the environment of processes, `variables` included, and an engine with the owner's rights.
    """
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True)
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        redis = stack.enter_context(Redis(folder / "redis"))
        with psycopg.connect(postgres.url(), autocommit=True) as server:
            server.execute(f"CREATE DATABASE {DATABASE}")
        clock_file.write_stepped(folder / "clock.json", NOW)
        environ = {
            "DATABASE_URL": postgres.url(DATABASE),
            "REDIS_URL": redis.url,
            "SECRET_KEY": secrets.token_hex(32),
            "PEPPER": secrets.token_hex(32),
            "CLOCK_FILE": str(folder / "clock.json"),
        } | dict(variables)
        upgrade(sqlalchemy_url(environ["DATABASE_URL"]))
        owner = make_engine(sqlalchemy_url(environ["DATABASE_URL"]), role=None)
        stack.callback(owner.dispose)
        yield environ, owner


def tidy(owner: Engine) -> None:
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM ANALYZE"))


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _seed(stage: Stage, slots: int) -> None:
    with stage.owner.begin() as db:
        load_city(db, valid_from=NOW.date())
        materialise(db, now=NOW)
        stage.service_id = get_service(db, ServiceCode.DELIVERY).id
        bookable = [slot for _, slot in zip(range(slots + 1), _bookable(db, stage.service_id), strict=False)]
        assert len(bookable) == slots + 1, f"Kyoto offers only {len(bookable)} start times"
        *stage.slots, stage.hot_slot = bookable
        db.execute(_WIDEN, {"ids": bookable, "places": PLACES})
        db.execute(_WIDEN, {"ids": [stage.hot_slot], "places": HOT_PLACES})
        codes = {venue.id: venue.code for venue in list_venues(db)}
        stage.venues = [codes[each.venue_id] for each in list_receptions(db, stage.service_id, by=ANYBODY)]
    stage.tidy()


def _bookable(db: Connection, service_id: int) -> Iterator[int]:
    for reception in list_receptions(db, service_id, by=ANYBODY):
        for free in list_free_days(db, reception, by=ANYBODY, now=NOW):
            for each in list_free_times(db, reception, free.day, by=ANYBODY, now=NOW):
                yield each.slot_id


@contextmanager
def server(environ: Mapping[str, str], folder: Path, application: str, **variables: str) -> Iterator[int]:
    """Serve an application by the production's gunicorn settings; yields its port on loopback."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", application]
    whole = {**environ, **variables, "PORT": str(port), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    with program(command, whole, folder / f"{application.replace(':', '.')}.log") as (process, log):
        wait_for(process, port, log)
        yield port


@contextmanager
def program(
    command: list[str], environ: Mapping[str, str], log: Path
) -> "Iterator[tuple[subprocess.Popen[bytes], Path]]":
    """Run a process of the product, or of its surroundings, and end it at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(environ), stdout=output, stderr=output)
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                return
        except urllib.error.HTTPError as error:
            raise EngineError(f"the server answers {error.code}: {_end_of(log)}") from None
        except OSError:
            time.sleep(0.05)
    raise EngineError(f"the server did not start: {_end_of(log)}")


def _end_of(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_ADD_CARDS = text("""
    INSERT INTO card (number, password_hmac, kana, kana_key, state, lies_at)
    SELECT 'B' || nextval('card_id_seq'), ''::bytea, 'ベンチ', 'ベンチ', 'notice_sent',
           (SELECT id FROM venue WHERE code = 'center-ukyo')
    FROM generate_series(1, :number) RETURNING id""")
_ADD_SESSION = text("""
    INSERT INTO citizen_session (token_digest, card_id, created_at, seen_at) VALUES (:digest, :card, :now, :now)""")
_WIDEN = text("UPDATE slot SET capacity = :places WHERE id = ANY(:ids)")
_COUNTS = {
    "bookings": "count(*) FROM booking WHERE state = 'booked'",
    "places taken": "coalesce(sum(booked), 0) FROM slot",
    "changes": "count(*) FROM booking_change WHERE verb = 'book'",
    "audit rows": "count(*) FROM audit WHERE verb = 'book'",
    "personal values kept apart": "count(*) FROM audit_personal",
}
