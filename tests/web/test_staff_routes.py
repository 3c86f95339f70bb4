"""Every staff route names its permission, lets nobody in without signing in, and nobody whose role does not hold it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from booking_core.models import Role
from booking_core.staff.roles import PERMISSIONS, Permission, may
from operator_ui.door import BOARD, DESK
from tests.conftest import House
from tests.desk import PASSWORD, add_staff
from tests.visitor import Visitor
from web.staff_access import StaffDoor

from admin_ui.door import ADMIN  # isort: skip

DOORS: dict[str, StaffDoor] = {door.name: door for door in (DESK, BOARD, ADMIN)}
UNLESS_NAMED = {"desk_booking": Permission.CALLS_TAKE}
"""Blueprints of shared screens, guarded as a whole: see `_open_desk` in app.py."""

SAMPLE = {"int": "987654", "string": "nothing", "default": "nothing"}


def staff_rules(app: Flask) -> Iterator[tuple[StaffDoor, Rule]]:
    for rule in app.url_map.iter_rules():
        door = DOORS.get(rule.rule.split("/")[1])
        if door and not rule.endpoint.startswith(f"{door.name}_access."):
            yield door, rule


def permission_of(app: Flask, rule: Rule) -> Permission | None:
    named = getattr(app.view_functions[rule.endpoint], "permission", None)
    return named or UNLESS_NAMED.get(rule.endpoint.partition(".")[0])


def address(app: Flask, rule: Rule) -> str:
    """Return an address that the rule fits; what it names does not exist."""
    values: dict[str, Any] = {}
    for name, converter in rule._converters.items():
        values[name] = 987654 if type(converter).__name__ == "IntegerConverter" else "nothing"
    built = app.url_map.bind("localhost").build(rule.endpoint, values, method=_method(rule))
    return str(built)


def _method(rule: Rule) -> str:
    return "POST" if "POST" in (rule.methods or set()) else "GET"


def ask(visitor: Visitor, rule: Rule, url: str) -> int:
    """Ask for a route as a browser would, with a form of this very browser where it changes something."""
    if _method(rule) == "GET":
        return visitor.client.get(url).status_code
    return visitor.client.post(url, data={"csrf_token": token_of(visitor, url)}).status_code


def token_of(visitor: Visitor, url: str) -> str:
    door = url.split("/")[1]
    return visitor.open(f"/{door}/sign-in").form("/sign-in")[1]["csrf_token"]


def test_there_are_staff_routes_at_every_door(house: House) -> None:
    assert {door.name for door, _ in staff_rules(house.app)} == set(DOORS)


def test_every_staff_route_names_its_permission(house: House) -> None:
    unnamed = [rule.rule for _, rule in staff_rules(house.app) if permission_of(house.app, rule) is None]
    assert not unnamed


def test_nobody_gets_in_without_signing_in(house: House) -> None:
    stranger = house.visitor()
    for door, rule in staff_rules(house.app):
        url = address(house.app, rule)
        status = ask(stranger, rule, url)
        assert status == (302 if _method(rule) == "GET" else 401), rule.rule
        if status == 302:
            assert stranger.client.get(url).headers["Location"].startswith(f"/{door.name}/sign-in?next=")


@pytest.mark.req("3-1-C-xvi-b")
@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_what_its_permissions_say_and_nothing_else(house: House, role: Role) -> None:
    add_staff(house.engine, "somebody", role)
    refused: list[tuple[str, int]] = []
    let_in: list[tuple[str, int]] = []
    for door in DOORS.values():
        visitor = house.visitor().open(f"/{door.name}/sign-in")
        visitor.submit({"login": "somebody", "password": PASSWORD}, follow=False)
        if not door.lets_in(role):
            assert visitor.status == 403
            continue
        assert visitor.status == 303
        for rule in (rule for at, rule in staff_rules(house.app) if at is door):
            permission = permission_of(house.app, rule)
            assert permission is not None
            status = ask(visitor, rule, address(house.app, rule))
            (let_in if may(role, permission) else refused).append((rule.rule, status))
    starts = {door.prefix for door in DOORS.values()}  # who may not see it is sent to what she may see
    assert not [(rule, status) for rule, status in refused if status != (302 if rule in starts else 403)]
    assert not [
        (rule, status) for rule, status in let_in if status in {302, 401} and not rule.startswith("/desk/calls")
    ]
    assert not [rule for rule, status in let_in if status >= 500]
    assert bool(let_in) == any(door.lets_in(role) for door in DOORS.values())


def test_each_permission_is_held_by_some_role_and_each_role_holds_some() -> None:
    assert {permission for held in PERMISSIONS.values() for permission in held} == set(Permission)
    assert all(PERMISSIONS[role] for role in Role)


def test_a_session_of_one_door_opens_no_other(house: House) -> None:
    add_staff(house.engine, "somebody", Role.SUPERVISOR)
    visitor = house.visitor().open("/board/sign-in")
    visitor.submit({"login": "somebody", "password": PASSWORD}, follow=False)
    token = visitor.client.get_cookie("madoguchi_board")
    assert token is not None
    stranger = house.visitor()
    stranger.client.set_cookie("madoguchi_admin", token.value)
    assert stranger.open("/admin/").status == 302
