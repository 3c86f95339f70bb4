"""Two hundred browsers send the confirming form for the last place of one slot, at once, over HTTP (3-1-B-viii)."""

import http.client
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, time
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from sqlalchemy import text

from booking_core import booking, facts
from booking_core.cards.sessions import open_session
from booking_core.clock import real_now
from tests.conftest import House
from tests.factories import add_card, owner_of, slot_at
from tests.unguarded import without_its_condition

pytest_plugins = ["tests.browser"]

CROWD = 200


def browsers(house: House, slot: int) -> list[tuple[str, bytes]]:
    """Return, for each of the crowd, the cookie and the body of the form she has before her."""
    with house.engine.begin() as db:
        tokens = [open_session(db, add_card(db), now=real_now()) for _ in range(CROWD)]
    forms = []
    for token in tokens:
        visitor = house.visitor()
        visitor.client.set_cookie("madoguchi_citizen", token)
        _, values = visitor.open(f"/book/delivery/slot/{slot}/").form()
        forms.append((f"madoguchi_citizen={token}", urlencode(values | {"phone": "075-123-4567"}).encode()))
    return forms


def send_at_once(site: str, slot: int, forms: list[tuple[str, bytes]]) -> Counter[int]:
    """Send every form from a connection of its own, all let go at one moment; return the answers' statuses."""
    start = threading.Barrier(len(forms))
    address = urlsplit(site)

    def send(form: tuple[str, bytes]) -> int:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"Cookie": form[0], "Content-Type": "application/x-www-form-urlencoded"}
        start.wait()
        connection.request("POST", f"/book/delivery/slot/{slot}/", form[1], headers)
        answer = connection.getresponse()
        page = answer.read().decode()
        connection.close()
        assert answer.status == 303 or "たった今、満員になりました" in page, page[:2000]
        return answer.status

    with ThreadPoolExecutor(len(forms)) as crowd:
        return Counter(crowd.map(send, forms))


def counted(house: House, slot: int) -> tuple[int, int]:
    """Return the slot's counter and its rows."""
    with house.engine.connect() as db:
        booked = db.execute(text("SELECT booked FROM slot WHERE id = :id"), {"id": slot}).scalar_one()
        rows = db.execute(text("SELECT count(*) FROM booking WHERE slot_id = :id"), {"id": slot}).scalar_one()
    return booked, rows


def let_some_read_before_any_of_them_writes(patch: pytest.MonkeyPatch) -> None:
    """Hold each reader of the slot until seven others have read it too: fewer than the server has connections."""
    together, read = threading.Barrier(8), facts.find_slot_view

    def read_and_wait(*args: Any, **values: Any) -> Any:
        view = read(*args, **values)
        together.wait(timeout=60)
        return view

    patch.setattr(booking, "find_slot_view", read_and_wait)


@pytest.mark.req("3-1-B-viii")
def test_exactly_one_has_the_last_place_and_the_others_are_told(house: House, serve: Callable[[Any], str]) -> None:
    slot = slot_at(house.engine, date(2025, 4, 22), time(10), capacity=1)
    forms = browsers(house, slot)
    answers = send_at_once(serve(house.app), slot, forms)
    assert answers == {303: 1, 409: CROWD - 1}
    assert counted(house, slot) == (1, 1)


def test_without_the_check_and_the_condition_the_same_crowd_oversells(
    house: House, serve: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = slot_at(house.engine, date(2025, 4, 22), time(10), capacity=1)
    forms = browsers(house, slot)
    with owner_of(house.engine).begin() as db:
        db.execute(text("ALTER TABLE slot DROP CONSTRAINT ck_slot_places"))
    monkeypatch.setattr(booking, "_BOOK", without_its_condition(booking._BOOK))
    let_some_read_before_any_of_them_writes(monkeypatch)
    answers = send_at_once(serve(house.app), slot, forms)
    assert answers[303] > 1
    assert counted(house, slot) == (answers[303], answers[303])
