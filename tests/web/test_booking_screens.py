"""The booking screens exist once: citizens and operators choose on the same ones, each at their own door."""

import pytest

from engines.postgres import Postgres
from tests.caller import Caller
from tests.conftest import House
from tests.desk import available_operator, signed_in_at, take_first
from tests.dump import dumped
from tests.visitor import Visitor


@pytest.fixture
def citizen(house: House) -> Visitor:
    house.add_citizen()
    return house.visitor().open("/login").submit({"number": "ABC123456", "password": "sakura-2025"}, action="/login")


@pytest.fixture
def desk(house: House) -> Visitor:
    """The browser of an operator who has taken a call."""
    caller, operator = Caller(house), available_operator(house.engine, "operator1")
    caller.calls()
    caller.waits()
    take_first(house.engine, operator)
    return signed_in_at(house, "desk", "operator1")


def snapshot(visitor: Visitor, door: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what a page says, and where it leads, as seen from its door; at the desk a chosen place is kept first."""
    leads = [(words, to.removeprefix(door).removesuffix("hold")) for words, to in visitor.ways().items()]
    return visitor.text(), leads


@pytest.mark.req("3-1-B-vii", "3-2-E")
def test_citizens_and_operators_choose_place_day_and_time_on_the_same_screens(citizen: Visitor, desk: Visitor) -> None:
    doors = ((citizen, "/"), (desk, "/desk/calls/1/"))
    address = "book/delivery/"
    for step, leads_on in (
        ("場所を選ぶ", "北区役所カード交付コーナー"),
        ("日にちを選ぶ", "空きあり"),
        ("時間を選ぶ", "空き"),
    ):
        seen = [snapshot(visitor.open(door + address), door) for visitor, door in doors]
        assert citizen.heading == desk.heading == step
        assert seen[0] == seen[1]
        address = next(to for words, to in seen[1][1] if leads_on in words)
    desk.open("/desk/calls/1/book/delivery/")
    nearest = [words for words, to in desk.ways().items() if "/slot/" in to]
    assert len(nearest) == 10
    assert nearest[0].startswith("2025年4月12日（土）午前9時")


@pytest.mark.req("3-1-A-vi")
def test_a_field_nobody_asked_for_is_dropped(house: House, citizen: Visitor, postgres: Postgres) -> None:
    citizen.open("/book/delivery/at/kita/")
    citizen.open(next(to for words, to in citizen.links().items() if "空きあり" in words))
    citizen.open(next(to for words, to in citizen.links().items() if "空き" in words))
    unasked = {"address": "中京区一之船入町", "name": "都 花子", "birthday": "1990-01-02", "note": "車いすです"}
    citizen.submit({"phone": "075-123-4567", **unasked})
    assert citizen.heading == "予約ができました"
    copy = dumped(house, postgres)
    assert b"+81751234567" in copy
    for value in unasked.values():
        assert value.encode() not in copy
