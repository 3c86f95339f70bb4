"""Signing in at the staff's doors: machines are stopped before the book works for them, and nothing is left open."""

import pytest
from sqlalchemy import event, text

from booking_core.models import Role
from tests.conftest import House
from tests.desk import PASSWORD, add_staff, signed_in_at
from web import throttle
from web.throttle import Limit


def sessions(house: House) -> list[str]:
    statement = text("SELECT login FROM staff_session s JOIN staff_account a ON a.id = s.account_id ORDER BY login")
    with house.engine.connect() as db:
        return list(db.execute(statement).scalars())


def try_in(house: House, login: str, password: str = "wrong", *, address: str = "192.0.2.7", door: str = "desk") -> int:
    visitor = house.visitor(address).open(f"/{door}/sign-in")
    return visitor.submit({"login": login, "password": password}, follow=False).status


def test_a_source_that_failed_too_often_is_stopped_before_the_book_is_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_staff(house.engine, "operator1")
    monkeypatch.setattr("web.staff_access.FAILED_LOG_INS", Limit(throttle.FAILED_LOG_INS.name, most=3, seconds=600))
    assert [try_in(house, f"nobody{n}") for n in range(3)] == [422, 422, 422]
    visitor = house.visitor("192.0.2.7").open("/desk/sign-in")
    asked: list[str] = []
    event.listen(house.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    assert visitor.submit({"login": "operator1", "password": PASSWORD}, follow=False).status == 429
    assert not [statement for statement in asked if "credential_lock" in statement or "staff_account" in statement]
    assert try_in(house, "operator1", PASSWORD, address="192.0.2.8") == 303


def test_whose_role_does_not_enter_the_door_leaves_no_session_and_no_sign_in_on_record(house: House) -> None:
    add_staff(house.engine, "clerk1", Role.CITY_CLERK)
    assert try_in(house, "clerk1", PASSWORD) == 403
    assert sessions(house) == []
    with house.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM audit WHERE verb = 'sign_in'")).scalar_one() == 0


def test_signing_in_again_in_one_browser_ends_the_session_before_and_its_seat(house: House) -> None:
    first, _ = (add_staff(house.engine, login) for login in ("operator1", "operator2"))
    visitor = signed_in_at(house, "desk", "operator1")
    visitor.open("/desk/").submit({"status": "available"}, action="/status")
    visitor.open("/desk/sign-in").submit({"login": "operator2", "password": PASSWORD})
    assert sessions(house) == ["operator2"]
    with house.engine.connect() as db:
        left = db.execute(text("SELECT status FROM operator_state WHERE account_id = :id"), {"id": first}).scalar_one()
    assert left == "offline"
