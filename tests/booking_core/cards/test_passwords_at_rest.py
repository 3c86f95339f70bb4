"""What a copy of the database tells about passwords: none of them, of citizens or of staff."""

import subprocess

import pytest

from booking_core.models import Role
from engines.postgres import Postgres
from tests.conftest import House
from tests.desk import PASSWORD, add_staff

CITIZENS = "sakura-2025-kamogawa"


@pytest.mark.req("3-1-C-xvi-c(c)")
def test_a_dump_of_the_database_holds_no_password(house: House, postgres: Postgres) -> None:
    house.add_citizen("ABC123456", CITIZENS)
    add_staff(house.engine, "cityadmin1", Role.CITY_ADMIN)
    visitor = house.visitor().open("/login").submit({"number": "ABC123456", "password": CITIZENS})
    assert visitor.heading == "あなたの予約"
    house.visitor().open("/admin/sign-in").submit({"login": "cityadmin1", "password": PASSWORD})
    assert postgres.binaries
    url = postgres.url(house.engine.url.database or "")
    dumped = subprocess.run([postgres.binaries / "pg_dump", "--inserts", url], capture_output=True, check=True).stdout
    assert b"ABC123456" in dumped
    assert b"cityadmin1" in dumped
    for password in (CITIZENS, CITIZENS.replace("-", ""), PASSWORD):
        assert password.encode() not in dumped
        assert password.encode().hex().encode() not in dumped
