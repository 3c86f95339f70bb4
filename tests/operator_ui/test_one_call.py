"""A whole call: a citizen phones, an operator answers and books for her, and the board counts it."""

import re
from typing import Any

import pytest
from sqlalchemy import Row, text

from booking_core.models import Role
from tests.caller import Caller, verbs
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.visitor import Visitor


def one(house: House, sql: str) -> Row[Any]:
    with house.engine.connect() as db:
        return db.execute(text(sql)).one()


def at_work(house: House, login: str = "operator1") -> Visitor:
    desk = signed_in_at(house, "desk", login)
    return desk.submit({"status": "available"}, action="/desk/status")


def waiting_caller(house: House, **values: str) -> Caller:
    caller = Caller(house, **values)
    caller.calls()
    caller.waits()
    return caller


def connect(caller: Caller) -> int:
    """Play the provider's part from the taken call to the talk; return the offer."""
    assert verbs(caller.waits()) == ["Leave"]
    client = caller.leaves_queue().find("Dial/Client")
    assert client is not None
    offer = int(re.findall(r"offer=(\d+)", client.get("url", ""))[0])
    caller.operator_picks_up(offer)
    return offer


def take(desk: Visitor) -> str:
    """Take the first waiting call and return the address of its page."""
    return desk.open("/desk/").submit(action="/take").url


def free_time(desk: Visitor, page: str, service: str = "delivery", venue: str = "kita") -> Visitor:
    desk.open(f"{page}book/{service}/at/{venue}/")
    desk.open(next(href for words, href in desk.links().items() if "空きあり" in words))
    return desk.press("空き")


@pytest.mark.req("3-2-F")
def test_a_call_ends_as_a_booking_by_an_operator_on_behalf_of_the_citizen(house: House) -> None:
    card, operator = house.add_citizen(), add_staff(house.engine, "operator1")
    desk = at_work(house)
    caller = waiting_caller(house, number="+819012345678")
    assert "090-1234-5678" in desk.open("/desk/").text()
    page = take(desk)
    offer = connect(caller)
    desk.open(page).submit({"number": "ＡＢＣ-123-456", "password": "sakura-2025"}, action="/identify")
    assert "テスト" in desk.text()
    free_time(desk, page)
    assert desk.form("/slot/")[1]["phone"] == "090-1234-5678"
    desk.submit(action="/slot/")
    assert "復唱" in desk.text()
    desk.submit(action="/read-back")
    caller.dial_ended(offer, "completed", seconds=120)
    caller.ends()
    desk.open(page).submit({"main_reason": "new_booking"}, action="/close")
    assert desk.heading == "待ち呼"
    booking = one(house, "SELECT id, card_id, channel, phone FROM booking")
    assert tuple(booking)[1:] == (card, "phone", "+819012345678")
    audit = one(
        house,
        "SELECT actor_kind, actor_id, channel, on_behalf_of, identified_by, target, CAST(detail ->> 'call' AS bigint)"
        " FROM audit WHERE verb = 'book'",
    )
    assert tuple(audit) == (
        *("operator", operator, "phone", f"card:{card}", "number_and_password"),
        *(f"booking:{booking.id}", one(house, "SELECT id FROM call").id),
    )
    link = one(
        house,
        "SELECT c.call_sid, l.booking_id, l.verb, l.read_back_at IS NOT NULL FROM call_booking l JOIN call c"
        " ON c.id = l.call_id",
    )
    assert tuple(link) == (caller.sid, booking.id, "book", True)
    call = one(house, "SELECT state, outcome, main_reason, closed_by FROM call")
    assert tuple(call) == ("ended", "answered", "new_booking", operator)
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    board = signed_in_at(house, "board", "supervisor1").text()
    assert re.search(r"待ち呼 0件.*応答率（今日） 100\.0％.*着座数 1席.*入電数 1件.*応答数 1件", board)
    assert "カードの受け取り 電話 1 0 0" in board or re.search(r"電話 1 0 0", board)


@pytest.mark.req("3-2-G")
def test_a_call_is_not_closed_before_the_booking_was_read_back(house: House) -> None:
    house.add_citizen()
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    caller = waiting_caller(house)
    page = take(desk)
    connect(caller)
    desk.open(page).submit({"number": "ABC123456", "password": "sakura-2025"}, action="/identify")
    free_time(desk, page).submit(action="/slot/")
    assert "交付通知書" in desk.text()
    desk.submit({"main_reason": "new_booking"}, action="/close")
    assert desk.status == 409
    assert "復唱がまだ済んでいません" in desk.text()
    desk.submit(action="/read-back").submit({"main_reason": "new_booking"}, action="/close")
    assert desk.heading == "待ち呼"


@pytest.mark.req("3-2-H")
def test_an_operator_reads_out_what_the_city_has_approved_and_never_a_draft(house: House) -> None:
    add_staff(house.engine, "operator1")
    add_staff(house.engine, "chief", Role.CITY_ADMIN)
    city = signed_in_at(house, "admin", "chief")
    city.open("/admin/texts/application.read_back").submit({"body": "写真を1枚お持ちください。"})
    desk = at_work(house)
    waiting_caller(house)
    page = take(desk)
    free_time(desk, page, "application", "center-3f")
    desk.submit({"name": "練習　花子", "phone": "075-123-4567"}, action="/slot/")
    assert "復唱" in desk.text()
    assert "本人を確かめる書類をお持ちください" in desk.text()
    assert "写真を1枚" not in desk.page
    assert desk.open("/admin/texts/application.read_back").status in {302, 403}
    assert "写真を1枚" not in desk.page
    city.submit(action="/approve")
    assert "写真を1枚お持ちください。" in desk.open(page).text()
    assert "本人を確かめる書類をお持ちください" not in desk.text()


def test_an_unidentified_caller_gets_no_delivery_booking(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    waiting_caller(house)
    page = take(desk)
    free_time(desk, page)
    assert (desk.status, desk.response.headers["X-Refusal"]) == (409, "card_needed")
    desk.open(next(href for words, href in desk.links().items() if "最初の画面" in words))
    assert "本人の確認が必要です" in desk.text()
    desk.submit({"number": "ABC123456", "password": "wrong"}, action="/identify")
    assert desk.status == 422
    assert "この予約番号は登録がありません" in desk.text()


@pytest.mark.req("1-2-APP-A")
def test_an_application_is_booked_by_telephone_and_not_on_the_web(house: House) -> None:
    add_staff(house.engine, "operator1")
    web = house.visitor().open("/book/application/")
    assert web.status in {403, 404}
    desk = at_work(house)
    waiting_caller(house)
    page = take(desk)
    free_time(desk, page, "application", "center-3f")
    desk.submit({"name": "練習　花子", "phone": "075-123-4567"}, action="/slot/")
    booking = one(house, "SELECT b.name, b.channel, v.code FROM booking b JOIN service v ON v.id = b.service_id")
    assert tuple(booking) == ("練習　花子".replace("　", " "), "phone", "application")
    assert one(house, "SELECT on_behalf_of FROM audit WHERE verb = 'book'").on_behalf_of == "caller"


@pytest.mark.req("1-2-APP-B")
def test_an_application_at_a_ward_office_is_not_taken_by_telephone_either(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    waiting_caller(house)
    page = take(desk)
    assert desk.open(f"{page}book/application/at/kita/").status == 404


def test_an_operator_moves_and_cancels_the_identified_citizen_s_booking(house: House) -> None:
    house.add_citizen()
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    waiting_caller(house)
    page = take(desk)
    desk.submit({"number": "ABC123456", "password": "sakura-2025"}, action="/identify")
    free_time(desk, page).submit(action="/slot/")
    free_time(desk, page, venue="minami").submit(action="/slot/")
    assert "南区" in desk.text()
    booking = one(house, "SELECT id FROM booking").id
    desk.open(f"{page}cancel/{booking}").submit(action="/cancel/")
    with house.engine.connect() as db:
        verbs_done = db.execute(text("SELECT verb FROM call_booking ORDER BY id")).scalars().all()
    assert verbs_done == ["book", "move", "cancel"]
    assert one(house, "SELECT state FROM booking").state == "cancelled"


def test_an_operator_cannot_reach_a_booking_of_somebody_else(house: House) -> None:
    house.add_citizen()
    house.add_citizen("OTHER00001", "fuji-2025")
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    waiting_caller(house)
    page = take(desk)
    desk.submit({"number": "OTHER00001", "password": "fuji-2025"}, action="/identify")
    free_time(desk, page).submit(action="/slot/")
    others = one(house, "SELECT id FROM booking").id
    with house.engine.begin() as db:
        db.execute(text("DELETE FROM call_booking"))
        db.execute(text("UPDATE call SET identified_card_id = NULL, identified_by = NULL"))
    desk.open(page).submit({"number": "ABC123456", "password": "sakura-2025"}, action="/identify")
    assert desk.open(f"{page}cancel/{others}").status == 404
    free_time(desk, page)
    desk.submit({"moves": str(others)}, action="/slot/")
    assert desk.status == 403


def test_only_the_operator_who_has_the_call_can_work_in_it(house: House) -> None:
    add_staff(house.engine, "operator1")
    add_staff(house.engine, "operator2")
    first, second = at_work(house), at_work(house, "operator2")
    waiting_caller(house)
    page = take(first)
    second.open(page)
    assert "あなたの担当ではありません" in second.text()
    token = second.open("/desk/").form("/desk/status")[1]["csrf_token"]
    second.post(f"{page}identify", {"csrf_token": token, "number": "ABC123456", "password": "x"})
    assert second.status == 409
    free_time(second, page, "application", "center-3f")
    assert (second.status, second.response.headers["X-Refusal"]) == (409, "not_your_call")
    second.open(second.url.removesuffix("hold"))
    assert second.status == 302


def test_two_operators_press_at_once_and_the_second_reads_that_it_is_gone(house: House) -> None:
    add_staff(house.engine, "operator1")
    add_staff(house.engine, "operator2")
    first, second = at_work(house), at_work(house, "operator2")
    waiting_caller(house)
    second.open("/desk/")
    take(first)
    second.submit(action="/take")
    assert second.status == 409
    assert "ほかのオペレーターが先に取った" in second.text()


def test_a_poll_is_answered_with_nothing_when_nothing_changed(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    first = desk.client.get("/desk/waiting")
    again = desk.client.get("/desk/waiting", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    waiting_caller(house)
    changed = desk.client.get("/desk/waiting", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_a_poll_does_not_keep_a_session_alive(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    with house.engine.begin() as db:
        db.execute(text("UPDATE staff_session SET seen_at = seen_at - interval '30 minutes'"))
    before = one(house, "SELECT seen_at FROM staff_session").seen_at
    desk.client.get("/desk/waiting")
    assert one(house, "SELECT seen_at FROM staff_session").seen_at == before
    desk.open("/desk/")
    assert one(house, "SELECT seen_at FROM staff_session").seen_at > before


def test_a_withheld_number_and_a_hint_of_bookings_are_shown_without_a_name(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = at_work(house)
    waiting_caller(house, number="anonymous")
    assert "非通知" in desk.open("/desk/").text()


def test_every_address_of_the_desk_asks_a_stranger_to_sign_in(house: House) -> None:
    stranger = house.visitor()
    for address in ("/desk/", "/desk/calls/1/", "/desk/calls/1/book/", "/desk/calls/1/book/delivery/", "/board/"):
        assert stranger.open(address).status == 302
        assert "/sign-in" in stranger.response.headers["Location"]


def test_a_clerk_of_the_city_takes_no_calls(house: House) -> None:
    add_staff(house.engine, "clerk1", Role.CITY_CLERK)
    visitor = signed_in_at(house, "desk", "clerk1")
    assert visitor.status == 403


def test_the_status_form_says_what_is_missing(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1")
    token = desk.form("/desk/status")[1]["csrf_token"]
    desk.post("/desk/status", {"csrf_token": token, "status": "away", "reason": ""})
    assert desk.status == 422
    desk.post("/desk/status", {"csrf_token": token, "status": "away", "reason": "break"})
    assert "離席中（休憩）" in desk.follow().text()
    desk.post("/desk/status", {"csrf_token": token, "status": "dancing"})
    assert desk.status == 422


def test_signing_out_closes_her_seat(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1")
    desk.submit({"status": "available"}, action="/desk/status")
    with house.engine.connect() as db:
        assert db.execute(text("SELECT change FROM seat_event ORDER BY id")).scalars().all() == ["opened"]
    token = desk.form("/desk/status")[1]["csrf_token"]
    desk.post("/desk/sign-out", {"csrf_token": token})
    with house.engine.connect() as db:
        assert db.execute(text("SELECT change FROM seat_event ORDER BY id")).scalars().all() == ["opened", "closed"]
    assert desk.open("/desk/").status == 302


def test_a_booking_cancelled_in_the_same_call_needs_no_read_back(house: House) -> None:
    house.add_citizen()
    add_staff(house.engine, "operator1")
    desk, caller = at_work(house), waiting_caller(house)
    page = take(desk)
    connect(caller)
    desk.open(page).submit({"number": "ABC123456", "password": "sakura-2025"}, action="/identify")
    free_time(desk, page).submit({"phone": "075-123-4567"})
    booking = one(house, "SELECT id FROM booking").id
    desk.open(f"{page}cancel/{booking}").submit()
    desk.open(page).submit({"main_reason": "cancellation"}, action="/close")
    assert one(house, "SELECT main_reason FROM call").main_reason == "cancellation"


def test_a_form_sent_after_the_call_was_closed_books_nothing_and_says_why(house: House) -> None:
    house.add_citizen()
    add_staff(house.engine, "operator1")
    desk, caller = at_work(house), waiting_caller(house)
    page = take(desk)
    connect(caller)
    desk.open(page).submit({"number": "ABC123456", "password": "sakura-2025"}, action="/identify")
    target, values = free_time(desk, page).form("/slot/")
    desk.open(page).submit({"main_reason": "question"}, action="/close")
    desk.post(target, values | {"phone": "075-123-4567"})
    assert (desk.status, desk.response.headers["X-Refusal"]) == (409, "not_your_call")
    assert one(house, "SELECT count(*) AS n FROM booking").n == 0
