"""A copy of a test's database, as whoever gets hold of a backup would read it."""

import subprocess

from engines.postgres import Postgres
from tests.conftest import House


def dumped(house: House, postgres: Postgres) -> bytes:
    assert postgres.binaries
    url = postgres.url(house.engine.url.database or "")
    return subprocess.run([postgres.binaries / "pg_dump", "--inserts", url], capture_output=True, check=True).stdout
