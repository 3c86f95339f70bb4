"""A citizen at her own screen and an operator she talks to book for one card at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.caller import Caller
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.factories import owner_of
from tests.unguarded import let_everybody_read_before_anybody_writes
from tests.visitor import Visitor

LETTER = {"number": "ABC123456", "password": "sakura-2025"}


def at_the_last_step_on_the_web(house: House, venue: str) -> Visitor:
    citizen = house.visitor().open("/login").submit(LETTER)
    citizen.open(f"/book/delivery/at/{venue}/")
    citizen.open(next(href for words, href in citizen.links().items() if "空きあり" in words))
    return citizen.open(next(href for words, href in citizen.links().items() if "空き" in words))


def at_the_last_step_at_the_desk(house: House, venue: str) -> Visitor:
    add_staff(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1").submit({"status": "available"}, action="/desk/status")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    page = desk.open("/desk/").submit(action="/take").url
    desk.submit(LETTER, action="/identify")
    desk.open(f"{page}book/delivery/at/{venue}/")
    desk.open(next(href for words, href in desk.links().items() if "空きあり" in words))
    return desk.press("空き")


def press_at_once(house: House, patch: pytest.MonkeyPatch) -> tuple[Visitor, Visitor]:
    """Let both press the last button together, each before the other's booking stands."""
    citizen, desk = at_the_last_step_on_the_web(house, "kita"), at_the_last_step_at_the_desk(house, "minami")
    start = threading.Barrier(2, timeout=60)

    def press(who: Visitor) -> None:
        start.wait()
        who.submit({"phone": "075-123-4567"}, action="/slot/", follow=False)

    let_everybody_read_before_anybody_writes(patch, 2)
    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(press, citizen), threads.submit(press, desk)]:
            each.result()
    return citizen, desk


def live_bookings(house: House) -> int:
    with house.engine.connect() as db:
        found = db.execute(text("SELECT count(*) FROM booking WHERE state = 'booked'")).scalar_one()
        return int(found)


@pytest.mark.req("3-1-B-viii")
def test_of_a_citizen_and_her_operator_at_once_one_books_and_the_other_reads_why_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add_citizen()
    citizen, desk = press_at_once(house, monkeypatch)
    assert live_bookings(house) == 1
    assert sorted((citizen.status, desk.status)) == [303, 409]
    second = citizen if citizen.status == 409 else desk
    assert second.response.headers["X-Refusal"] == "already_booked"
    assert "すでに予約があります" in second.text()


def test_without_the_unique_index_both_book(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.add_citizen()
    with owner_of(house.engine).begin() as db:
        db.execute(text("DROP INDEX uq_booking_live_card"))
    citizen, desk = press_at_once(house, monkeypatch)
    assert (citizen.status, desk.status, live_bookings(house)) == (303, 303, 2)
