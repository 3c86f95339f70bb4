"""Only members of staff who may send a file have theirs read: a stranger's is refused before its first byte."""

import io
from typing import Any

import pytest
from werkzeug.formparser import MultiPartParser

from booking_core.models import Role
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.visitor import Visitor

SIZE = 200 * 1024
"""More than any other form may have."""


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the lengths of the multipart forms that were read."""
    lengths: list[int] = []
    parse = MultiPartParser.parse

    def watched(self: MultiPartParser, stream: Any, boundary: bytes, length: int | None) -> Any:
        lengths.append(length or 0)
        return parse(self, stream, boundary, length)

    monkeypatch.setattr(MultiPartParser, "parse", watched)
    return lengths


def send_file(visitor: Visitor, token: str = "x") -> int:
    data = {"csrf_token": token, "file": (io.BytesIO(b"x" * SIZE), "cards.csv")}
    answer = visitor.client.post("/admin/cards/import", data=data, content_type="multipart/form-data")
    answer.close()
    return answer.status_code


def test_a_stranger_s_file_is_not_read(house: House, parsed: list[int]) -> None:
    assert send_file(house.visitor()) == 401
    assert send_file(house.visitor().open("/admin/sign-in")) == 401
    assert parsed == []


def test_a_file_of_somebody_whose_role_may_not_send_one_is_not_read(house: House, parsed: list[int]) -> None:
    add_staff(house.engine, "auditor1", Role.AUDITOR)
    assert send_file(signed_in_at(house, "admin", "auditor1")) == 403
    assert parsed == []


def test_the_administrator_s_file_is_read(house: House, parsed: list[int]) -> None:
    add_staff(house.engine, "cityadmin1", Role.CITY_ADMIN)
    visitor = signed_in_at(house, "admin", "cityadmin1").open("/admin/cards/import")
    assert send_file(visitor, visitor.form("/cards/import")[1]["csrf_token"]) == 422
    assert len(parsed) == 1


def test_a_form_without_a_cookie_is_not_read(house: House, parsed: list[int]) -> None:
    data = {"csrf_token": "x", "file": (io.BytesIO(b"x"), "x")}
    answer = house.app.test_client().post("/login", data=data, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert parsed == []
