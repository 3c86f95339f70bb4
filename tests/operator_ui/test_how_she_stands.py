"""What an operator reads of herself at the desk, and what she may choose."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from booking_core.db import in_transaction
from ivr.queue.models import AwayReason
from ivr.queue.operators import SET_BY_THE_LINE, park
from ivr.queue.timers import end_wrap_up
from tests.caller import Caller
from tests.conftest import MONDAY_MORNING, House
from tests.desk import add_staff, available_operator, signed_in_at
from tests.talk import MINE, choose, in_a_call


def test_she_reads_since_when_she_is_away_and_why(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1")
    desk.submit({"status": "away", "reason": "break"}, action="/desk/status")
    token = desk.form("/desk/status")[1]["csrf_token"]
    desk.post("/desk/status", {"csrf_token": token, "status": "away", "reason": "break"}).follow()
    assert "いまは離席中（休憩）です" in desk.text()
    assert "いつから 4月7日（月）午前9時30分" in desk.text()


@pytest.mark.parametrize("reason", sorted(SET_BY_THE_LINE))
def test_nobody_chooses_a_reason_that_only_the_line_gives_and_reads_how_to_go_on(
    house: House, reason: AwayReason
) -> None:
    account = available_operator(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1")
    assert f'<option value="{reason}"' not in desk.page
    token = desk.form("/desk/status")[1]["csrf_token"]
    desk.post("/desk/status", {"csrf_token": token, "status": "away", "reason": reason})
    assert desk.status == 422
    assert in_transaction(house.engine, lambda db: park(db, account, reason, now=MONDAY_MORNING)) is True
    assert "「受付可にする」を押" in desk.open("/desk/").text()
    state = desk.client.get("/desk/line/state").get_json()
    assert (state["status"], state["reason"]) == ("away", reason)
    assert "受付可にする" in state["advice"]


def test_what_she_becomes_after_the_call_is_shown(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1")
    token = desk.open(page).form("/close")[1]["csrf_token"]
    desk.post("/desk/status", {"csrf_token": token, "status": "away", "reason": "break"}).follow()
    assert "対応のあと 離席中" in desk.text()


def test_a_call_whose_wrap_up_ran_out_is_listed_until_she_closes_it(house: House) -> None:
    desk, page, caller, offer = in_a_call(house, "operator1")
    caller.dial_ended(offer, "completed", seconds=60)
    caller.ends()
    assert "後処理の時間は、あと2分00秒です" in desk.open(page).text()
    later = MONDAY_MORNING + timedelta(minutes=2)
    assert in_transaction(house.engine, lambda db: end_wrap_up(db, offer, now=later)) is True
    assert "記録が終わっていない電話" in desk.open("/desk/").text()
    desk.open(next(href for words, href in desk.links().items() if "に応答" in words))
    assert desk.url == page
    desk.submit({"main_reason": "question"}, action="/close")
    assert "記録が終わっていない電話" not in desk.text()


def test_the_day_of_her_own_is_counted(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    choose(desk, page).submit({"phone": "075-123-4567"}, action="/slot/")
    assert "今日の応答 1件 今日の予約 1件" in desk.open("/desk/").text()


def test_the_topic_a_caller_pressed_and_the_longest_wait_are_shown(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    with house.engine.begin() as db:
        db.execute(text("UPDATE call SET topic = 'change'"))
    house.step_to(MONDAY_MORNING + timedelta(minutes=4))
    shown = desk.open("/desk/").text()
    assert "予約の変更・取消" in shown
    assert "最長4分" in shown


def test_without_scripts_the_ready_check_says_that_it_needs_them(house: House) -> None:
    add_staff(house.engine, "operator1")
    desk = signed_in_at(house, "desk", "operator1").open("/desk/ready/")
    assert "JavaScriptが止まっている" in desk.page
