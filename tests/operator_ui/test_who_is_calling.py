"""Whom an operator recognises and how: by items the city sets, one after the other of a family, after a lock."""

from sqlalchemy import text

from booking_core import settings
from booking_core.actors import Actor
from tests.conftest import MONDAY_MORNING, House
from tests.desk import add_staff
from tests.talk import MINE, OTHER, choose, in_a_call, rows
from tests.visitor import Visitor


def let_items_be_asked(house: House, *items: str) -> None:
    with house.engine.begin() as db:
        settings.change(db, "caller_items", list(items), by=Actor.clerk(1), now=MONDAY_MORNING)
    house.app.extensions["madoguchi"].settings_changed()


def test_nothing_is_asked_instead_of_the_password_until_the_city_says_so(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1")
    assert "パスワードが分からないとき" not in desk.open(page).text()
    token = desk.form("/close")[1]["csrf_token"]
    desk.post(f"{page}identify-by-items", {"csrf_token": token, "items_number": MINE[0], "kana": "テスト"})
    assert (desk.status, desk.response.headers["X-Refusal"]) == (403, "not_allowed")


def test_a_caller_without_her_password_is_recognised_by_the_items_and_it_is_on_record(house: House) -> None:
    card = house.add_citizen(*MINE)
    desk, page, _, _ = in_a_call(house, "operator1")
    let_items_be_asked(house, "kana")
    desk.open(page).submit({"items_number": MINE[0], "kana": "ベツジン"}, action="/identify-by-items")
    assert desk.status == 422
    assert "お答えが合いません" in desk.text()
    assert desk.form("/identify-by-items")[1]["kana"] == "ベツジン"
    desk.submit({"items_number": MINE[0], "kana": "てすと"}, action="/identify-by-items")
    assert "予約番号と、市が決めた質問" in desk.text()
    choose(desk, page).submit({"phone": "075-123-4567"}, action="/slot/")
    [how] = rows(house, "SELECT identified_by, on_behalf_of FROM audit WHERE verb = 'book'")
    assert tuple(how) == ("city_questions", f"card:{card}")


def test_a_family_is_booked_in_one_call_and_read_back_together(house: House) -> None:
    mine, other = house.add_citizen(*MINE), house.add_citizen(*OTHER)
    desk, page, _, _ = in_a_call(house, "operator1")
    for card in (MINE, OTHER):
        desk.open(page).submit({"number": card[0], "password": card[1]}, action="/identify")
        choose(desk, page).submit({"phone": "075-123-4567"}, action="/slot/")
        if card is MINE:
            desk.open(page).press("別の方を確かめる")
            assert "本人の確認" in desk.text()
            assert card[0][:3] not in desk.text()
    assert desk.open(page).text().count("予約：カードの受け取り") == 2
    assert rows(house, "SELECT card_id FROM booking ORDER BY id") == [(mine,), (other,)]
    [forgotten] = rows(house, "SELECT detail FROM audit WHERE verb = 'call.next_person'")
    assert forgotten.detail == {"card_before": mine}
    desk.submit(action="/read-back").submit({"main_reason": "new_booking"}, action="/close")
    assert desk.heading == "待ち呼"
    assert rows(house, "SELECT id FROM call_booking WHERE read_back_at IS NULL") == []


def test_nobody_is_forgotten_in_somebody_elses_call(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    token = desk.open(page).form("/close")[1]["csrf_token"]
    with house.engine.begin() as db:
        db.execute(text("UPDATE offer SET account_id = :other"), {"other": add_staff(house.engine, "operator2")})
    desk.post(f"{page}next-person", {"csrf_token": token})
    assert (desk.status, desk.response.headers["X-Refusal"]) == (409, "not_your_call")


def fail_until_locked(desk: Visitor, page: str) -> None:
    for _ in range(5):
        desk.open(page).submit({"number": MINE[0], "password": "wrong"}, action="/identify")
    assert desk.status == 429


def test_a_lock_is_lifted_from_the_call_and_it_is_on_record(house: House) -> None:
    card = house.add_citizen(*MINE)
    desk, page, _, _ = in_a_call(house, "operator1")
    fail_until_locked(desk, page)
    desk.press("停止を解除する")
    assert "停止を解除しました" in desk.text()
    desk.submit({"number": MINE[0], "password": MINE[1]}, action="/identify")
    assert "ABC-123-456" in desk.text()
    [lifted] = rows(house, "SELECT actor_kind, target FROM audit WHERE verb = 'credential.unlock'")
    assert tuple(lifted) == ("operator", f"card:{card}")


def test_a_right_number_offers_no_lock_to_lift(house: House) -> None:
    house.add_citizen(*MINE)
    desk, page, _, _ = in_a_call(house, "operator1")
    desk.open(page).submit({"number": MINE[0], "password": "wrong"}, action="/identify")
    assert "停止を解除する" not in desk.text()
