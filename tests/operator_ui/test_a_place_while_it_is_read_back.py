"""At the desk a chosen place is kept aside while it is read back; nobody else gets it, and nobody keeps it for ever."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from booking_core.db import in_transaction
from ivr.queue.calls import hold_owner
from ivr.queue.timers import end_wrap_up, list_wrap_ups_due
from tests.conftest import MONDAY_MORNING, House
from tests.desk import add_staff, signed_in_at
from tests.talk import MINE, OTHER, choose, in_a_call, rows
from tests.visitor import Visitor

HOLD = timedelta(minutes=10)


def held(house: House) -> list[tuple[str, int]]:
    """Return who holds what, after making sure that the counters agree with the rows."""
    found = rows(house, "SELECT owner, slot_id FROM slot_hold ORDER BY owner")
    assert rows(house, "SELECT coalesce(sum(held), 0) FROM slot")[0][0] == len(found)
    return [(row.owner, row.slot_id) for row in found]


def test_choosing_a_time_holds_it_and_says_until_when_and_what_to_read_out(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    [(owner, slot)] = held(house)
    assert owner == hold_owner(int(page.split("/")[3]))
    assert f"/slot/{slot}/" in desk.url
    assert "午前9時40分まで取り置いています" in desk.text()
    assert "よろしいでしょうか" in desk.text()


def test_what_is_held_becomes_the_booking(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    [(_, slot)] = held(house)
    desk.submit({"phone": "075-123-4567"}, action=f"/slot/{slot}/")
    assert held(house) == []
    assert rows(house, "SELECT slot_id FROM booking WHERE state = 'booked'") == [(slot,)]
    assert rows(house, "SELECT booked, held FROM slot WHERE booked > 0") == [(1, 0)]


def test_the_old_booking_stands_while_the_new_place_is_held(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page).submit({"phone": "075-123-4567"}, action="/slot/")
    [before] = rows(house, "SELECT slot_id FROM booking WHERE state = 'booked'")
    choose(desk, page, venue="minami")
    [(_, slot)] = held(house)
    assert rows(house, "SELECT slot_id FROM booking WHERE state = 'booked'") == [before]
    desk.submit(action=f"/slot/{slot}/")
    assert rows(house, "SELECT slot_id FROM booking WHERE state = 'booked'") == [(slot,)]
    assert held(house) == []


def test_choosing_another_time_gives_the_first_one_back(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    first = held(house)
    choose(desk, page, venue="minami")
    assert len(held(house)) == 1
    assert held(house) != first


def test_she_gives_a_place_back_and_chooses_again(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page).press("取り置きをやめて")
    assert held(house) == []
    assert desk.heading == "時間を選ぶ"


def test_a_place_that_is_not_held_can_be_booked_all_the_same(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    slot = rows(house, SOME_SLOT)[0].id
    desk.open(f"{page}book/delivery/slot/{slot}/")
    assert "取り置いていません" in desk.text()
    desk.submit({"phone": "075-123-4567"})
    assert rows(house, "SELECT slot_id FROM booking") == [(slot,)]


@pytest.mark.parametrize("after", [HOLD - timedelta(seconds=1), HOLD])
def test_a_hold_lasts_to_its_minute(house: House, after: timedelta) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    house.step_to(MONDAY_MORNING + after)
    desk.open(desk.url)
    assert ("取り置いていません" in desk.text()) == (after == HOLD)


def test_a_call_that_is_closed_keeps_nothing(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    desk.open(page).submit({"main_reason": "question"}, action="/close")
    assert desk.heading == "待ち呼"
    assert held(house) == []


def test_a_call_that_cannot_be_closed_yet_keeps_its_place(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    desk.open(page).submit({}, action="/close")
    assert desk.status == 422
    assert len(held(house)) == 1


def test_a_call_that_nobody_closes_keeps_its_place_until_the_wrap_up_is_over(house: House) -> None:
    desk, page, caller, offer = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    caller.dial_ended(offer, "completed", seconds=60)
    caller.ends()
    assert len(held(house)) == 1
    later = MONDAY_MORNING + timedelta(minutes=3)
    with house.engine.connect() as db:
        assert [each for each, _ in list_wrap_ups_due(db, now=later)] == [offer]
    assert in_transaction(house.engine, lambda db: end_wrap_up(db, offer, now=later)) is True
    assert held(house) == []


def test_the_next_person_of_a_family_begins_without_a_place(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page)
    desk.open(page).press("別の方を確かめる")
    assert held(house) == []


def test_nothing_is_held_for_a_caller_whom_nobody_knows_nor_in_somebody_elses_call(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1")
    choose(desk, page)
    assert (desk.status, desk.response.headers["X-Refusal"]) == (409, "card_needed")
    add_staff(house.engine, "operator2")
    stranger = signed_in_at(house, "desk", "operator2")
    choose(stranger, page, "application", "center-3f")
    assert (stranger.status, stranger.response.headers["X-Refusal"]) == (409, "not_your_call")
    assert held(house) == []


def test_of_two_operators_who_want_the_last_place_one_holds_it_and_the_other_reads_that_it_is_gone(
    house: House,
) -> None:
    """The slot has one place; both press at once, twenty times over."""
    first, page1, _, _ = in_a_call(house, "operator1", MINE)
    second, page2, _, _ = in_a_call(house, "operator2", OTHER)
    slot = rows(house, SOME_SLOT)[0].id
    with house.engine.begin() as db:
        db.execute(text("UPDATE slot SET capacity = 1 WHERE id = :id"), {"id": slot})
    tokens = {page: desk.open(page).form("/close")[1]["csrf_token"] for desk, page in ((first, page1), (second, page2))}

    def hold(desk: Visitor, page: str, together: threading.Barrier, statuses: list[int]) -> None:
        together.wait()
        path = f"{page}book/delivery/slot/{slot}/hold"
        statuses.append(desk.client.post(path, data={"csrf_token": tokens[page]}).status_code)

    for _ in range(20):
        together, statuses = threading.Barrier(2), list[int]()
        threads = [
            threading.Thread(target=hold, args=(desk, page, together, statuses))
            for desk, page in ((first, page1), (second, page2))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [303, 409]
        [(owner, _)] = held(house)
        winner, page = (first, page1) if owner == hold_owner(int(page1.split("/")[3])) else (second, page2)
        winner.post(f"{page}book/delivery/slot/{slot}/release", {"csrf_token": tokens[page]})
        assert held(house) == []


def test_nobody_else_books_a_place_that_is_held(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    slot = rows(house, SOME_SLOT)[0].id
    with house.engine.begin() as db:
        db.execute(text("UPDATE slot SET capacity = 1 WHERE id = :id"), {"id": slot})
    token = desk.open(page).form("/close")[1]["csrf_token"]
    desk.post(f"{page}book/delivery/slot/{slot}/hold", {"csrf_token": token})
    assert desk.status == 303
    house.add_citizen(*OTHER)
    citizen = house.visitor().open("/login").submit({"number": OTHER[0], "password": OTHER[1]})
    citizen.open(f"/book/delivery/slot/{slot}/")
    assert (citizen.status, citizen.response.headers["X-Refusal"]) == (409, "full")
    desk.open(f"{page}book/delivery/slot/{slot}/").submit({"phone": "075-123-4567"})
    assert rows(house, "SELECT slot_id FROM booking") == [(slot,)]


def test_a_citizen_confirms_what_she_chooses_and_holds_nothing(house: House) -> None:
    house.add_citizen(*MINE)
    slot = rows(house, SOME_SLOT)[0].id
    citizen = house.visitor().open("/login").submit({"number": MINE[0], "password": MINE[1]})
    citizen.open(f"/book/delivery/slot/{slot}/")
    assert "取り置" not in citizen.text()
    token = citizen.form()[1]["csrf_token"]
    assert citizen.client.post(f"/book/delivery/slot/{slot}/hold", data={"csrf_token": token}).status_code == 404


SOME_SLOT = """
    SELECT s.id FROM slot s JOIN venue v ON v.id = s.venue_id JOIN service_at_venue sv ON sv.pool_id = s.pool_id
    JOIN service c ON c.id = sv.service_id
    WHERE v.code = 'kita' AND c.code = 'delivery' AND s.day >= '2025-04-21' ORDER BY s.starts_at, s.id LIMIT 1"""
