"""Real engines for every test: one private PostgreSQL and Redis a run, one database a test, cloned from a template."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import settings
from redis import Redis as RedisClient
from sqlalchemy import Engine, create_engine, event, make_url, text

from app import create_app
from booking_core.cards.credentials import normalise_number, normalise_password, password_hmac
from booking_core.clock import Clock
from booking_core.db import make_engine
from booking_core.seed.city import load_city
from booking_core.slots import materialise
from config import load_settings
from engines.clock_file import write_stepped
from engines.postgres import DEFAULT_MAJOR, Postgres
from engines.redis import Redis
from migrations.upgrade import upgrade
from tests.factories import add_card
from tests.visitor import Visitor

settings.register_profile("suite", deadline=None, derandomize=True)  # the same examples on every, and a busy, machine
settings.load_profile("suite")

MONDAY_MORNING = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
"""Monday 7 April 2025, 09:30 in Tokyo: the business time of most tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, a whole day: last, it would keep one worker busy while the other has nothing to do."""
    items.sort(key=lambda item: "whole_day" not in item.nodeid)


def driver_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@dataclass(frozen=True)
class LentServer:
    """A server that outlives a run: the mutation's thousand runs share one, with its templates."""

    address: str

    def url(self, database: str = "postgres") -> str:
        return make_url(self.address).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres | LentServer]:
    if address := os.environ.get("LENT_SERVER"):
        yield LentServer(address)
        return
    folder = tmp_path_factory.mktemp("postgres")
    major = int(os.environ.get("POSTGRES_MAJOR", DEFAULT_MAJOR))
    with Postgres(folder, durable=False, major=major, options={"max_connections": "300"}) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def administrator(postgres: Postgres | LentServer) -> Iterator[Engine]:
    engine = create_engine(driver_url(postgres.url()), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def templates(postgres: Postgres | LentServer, administrator: Engine) -> str:
    """Two databases to clone: `empty` has the schema, `kyoto` the city and its slots as well."""
    with administrator.connect() as db:
        if db.execute(text("SELECT 1 FROM pg_database WHERE datname = 'kyoto'")).one_or_none():
            return "kyoto"
    create_database(administrator, "empty")
    upgrade(driver_url(postgres.url("empty")))
    create_database(administrator, "kyoto", template="empty")
    owner = create_engine(driver_url(postgres.url("kyoto")))
    with owner.begin() as db:
        load_city(db, valid_from=MONDAY_MORNING.date())
        materialise(db, now=MONDAY_MORNING)
    owner.dispose()
    return "kyoto"


def create_database(administrator: Engine, name: str, *, template: str = "template1") -> None:
    with administrator.connect() as db:
        db.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))


@pytest.fixture
def new_database(
    postgres: Postgres | LentServer, administrator: Engine, templates: str
) -> Iterator[Callable[[str], str]]:
    """Return the address of a fresh clone of a template: `new_database("kyoto")`."""
    made: list[str] = []

    def clone(template: str = templates) -> str:
        name = f"t{os.getpid()}_{next(_numbers)}"
        create_database(administrator, name, template=template)
        made.append(name)
        return driver_url(postgres.url(name))

    yield clone
    with administrator.connect() as db:
        for name in made:
            db.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


_numbers = iter(range(1, 10**9))


@pytest.fixture
def engine(new_database: Callable[[str], str]) -> Iterator[Engine]:
    """An engine with the application's rights on an empty book."""
    engine = make_engine(new_database("empty"), pool_size=30)
    yield engine
    engine.dispose()


@pytest.fixture
def kyoto(new_database: Callable[[str], str]) -> Iterator[Engine]:
    """An engine with the application's rights on Kyoto's book, slots cut from Monday 7 April 2025 on."""
    engine = make_engine(new_database("kyoto"), pool_size=30)
    yield engine
    engine.dispose()


@pytest.fixture
def now() -> datetime:
    return MONDAY_MORNING


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that a test steps by writing its file."""
    file = tmp_path / "clock.json"
    file.write_text(f'{{"mode": "stepped", "now": "{MONDAY_MORNING.isoformat()}"}}')
    return Clock(file)


PEPPER = "a pepper for tests, at least thirty-two characters"


@dataclass
class House:
    """A running product on a book of its own: the app, the engine behind it, and the clock a test steps."""

    app: Flask
    engine: Engine
    clock_file: Path

    def step_to(self, instant: datetime) -> None:
        """Let business time stand at `instant` from the next request on."""
        write_stepped(self.clock_file, instant)

    def visitor(self, address: str = "127.0.0.1") -> Visitor:
        return Visitor(self.app, address)

    def add_citizen(
        self, number: str = "ABC123456", password: str = "sakura-2025", *, lies_at: str = "center-ukyo"
    ) -> int:
        """Import a card with a number and a password; return its id."""
        with self.engine.begin() as db:
            card_id = add_card(db, normalise_number(number), lies_at=lies_at)
            kept = password_hmac(PEPPER.encode(), normalise_number(number), normalise_password(password))
            db.execute(text("UPDATE card SET password_hmac = :kept WHERE id = :id"), {"kept": kept, "id": card_id})
        return card_id


@pytest.fixture
def open_house(new_database: Callable[[str], str], redis_url: str, tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Open the product on a fresh book of Kyoto, Monday 7 April 2025, 09:30; settings may be given by name."""
    opened: list[House] = []

    def start(**settings: str) -> House:
        clock_file = tmp_path / f"clock-{len(opened)}.json"
        environ = {
            "DATABASE_URL": new_database("kyoto"),
            "REDIS_URL": redis_url,
            "SECRET_KEY": "a secret key for tests, at least thirty-two characters",
            "PEPPER": PEPPER,
            "CLOCK_FILE": str(clock_file),
            "TWILIO_AUTH_TOKEN": "12345678901234567890123456789012",
            "TWILIO_NUMBER": "+81753660000",
            "LOG_FORMAT": "json",
        } | settings
        app = create_app(load_settings(environ))
        house = House(app, app.extensions["madoguchi"].engine, clock_file)
        house.step_to(MONDAY_MORNING)
        opened.append(house)
        return house

    with RedisClient.from_url(redis_url) as redis:
        redis.flushall()
        yield start
    for house in opened:
        let_go(house.engine)


def let_go(engine: Engine) -> None:
    """Close every connection, those last that a late answer still holds, and let none be opened after that."""
    event.listen(engine, "do_connect", _refuse)
    waiting = threading.Event()
    for _ in range(200):
        if not engine.pool.checkedout():  # type: ignore[attr-defined] # a pool that queues counts
            break
        waiting.wait(0.05)
    engine.dispose()


def _refuse(*_: object) -> None:
    raise ConnectionError("the test is over")


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    return open_house()
