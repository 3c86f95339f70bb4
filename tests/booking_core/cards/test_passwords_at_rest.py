"""What a copy of the database tells about passwords: none of them, of citizens or of staff."""

import pytest

from booking_core.models import Role
from engines.postgres import Postgres
from tests.conftest import House
from tests.desk import PASSWORD, add_staff
from tests.dump import dumped

CITIZENS = "sakura-2025-kamogawa"


@pytest.mark.req("3-1-C-xvi-c(c)")
def test_a_dump_of_the_database_holds_no_password(house: House, postgres: Postgres) -> None:
    house.add_citizen("ABC123456", CITIZENS)
    add_staff(house.engine, "cityadmin1", Role.CITY_ADMIN)
    visitor = house.visitor().open("/login").submit({"number": "ABC123456", "password": CITIZENS})
    assert visitor.heading == "あなたの予約"
    house.visitor().open("/admin/sign-in").submit({"login": "cityadmin1", "password": PASSWORD})
    copy = dumped(house, postgres)
    assert b"ABC123456" in copy
    assert b"cityadmin1" in copy
    for password in (CITIZENS, CITIZENS.replace("-", ""), PASSWORD):
        assert password.encode() not in copy
        assert password.encode().hex().encode() not in copy
