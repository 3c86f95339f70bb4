"""Real engines for every test: one private PostgreSQL and Redis a run, one database a test, cloned from a template."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from booking_core.clock import Clock
from booking_core.db import in_transaction, make_engine
from booking_core.seed.city import load_city
from booking_core.slots import materialise
from engines.postgres import Postgres
from engines.redis import Redis
from migrations.upgrade import upgrade

MONDAY_MORNING = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)
"""Monday 7 April 2025, 09:30 in Tokyo: the business time of most tests."""


def driver_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("postgres")
    with Postgres(folder, durable=False, options={"max_connections": "300"}) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def administrator(postgres: Postgres) -> Iterator[Engine]:
    engine = create_engine(driver_url(postgres.url()), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def templates(postgres: Postgres, administrator: Engine) -> str:
    """Two databases to clone: `empty` has the schema, `kyoto` the city and its slots as well."""
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
def new_database(postgres: Postgres, administrator: Engine, templates: str) -> Iterator[Callable[[str], str]]:
    """Return the address of a fresh clone of a template: `new_database("kyoto")`."""
    made: list[str] = []

    def clone(template: str = templates) -> str:
        name = f"t{next(_numbers)}"
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

