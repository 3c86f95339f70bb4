"""An operator in the middle of a call, for tests that begin there."""

import re
from typing import Any

from sqlalchemy import Row, text

from tests.caller import Caller, verbs
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.visitor import Visitor

MINE = ("ABC123456", "sakura-2025")
OTHER = ("OTHER00001", "fuji-2025")


def rows(house: House, sql: str) -> list[Row[Any]]:
    with house.engine.connect() as db:
        return list(db.execute(text(sql)))


def in_a_call(house: House, login: str, card: tuple[str, str] | None = None) -> tuple[Visitor, str, Caller, int]:
    """Let an operator talk with a caller whom she has recognised; return her, its page, the caller and the offer."""
    if card:
        house.add_citizen(*card)
    add_staff(house.engine, login)
    desk = signed_in_at(house, "desk", login).submit({"status": "available"}, action="/desk/status")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    page = desk.open("/desk/").submit(action="/take").url
    assert verbs(caller.waits()) == ["Leave"]
    client = caller.leaves_queue().find("Dial/Client")
    assert client is not None
    offer = int(re.findall(r"offer=(\d+)", client.get("url", ""))[0])
    caller.operator_picks_up(offer)
    if card:
        desk.open(page).submit({"number": card[0], "password": card[1]}, action="/identify")
    return desk, page, caller, offer


def choose(desk: Visitor, page: str, service: str = "delivery", venue: str = "kita") -> Visitor:
    desk.open(f"{page}book/{service}/at/{venue}/")
    desk.open(next(href for words, href in desk.links().items() if "空きあり" in words))
    return desk.press("空き")
