"""The plan of seats is changed by weekday or for a day, never before what changes was seen, and on record."""

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import text

from booking_core.models import Role
from ivr.hours import LineHours
from ivr.queue.seat_plan import plan_of_day
from tests.conftest import MONDAY_MORNING, House
from tests.desk import PASSWORD, add_staff, signed_in_at
from tests.pages import follow, run_axe
from tests.visitor import Visitor

pytest_plugins = ["tests.browser"]
TODAY, NEXT_MONDAY = date(2025, 4, 7), date(2025, 4, 14)
TWENTY_FIVE = {
    "starts-1": "09:00",
    "seats-1": "25",
    "least-1": "23",
    "starts-2": "15:00",
    "seats-2": "20",
    "least-2": "",
}


@pytest.fixture
def supervisor(house: House) -> Visitor:
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    return signed_in_at(house, "board", "supervisor1").open("/board/seat-plan/")


def seats_at(house: House, day: date, moment: time = time(10)) -> int:
    with house.engine.connect() as db:
        return plan_of_day(db, day, LineHours()).at(moment).seats


@pytest.mark.req("3-2-C")
def test_the_contract_s_plan_stands_until_somebody_sets_another(supervisor: Visitor) -> None:
    said = supervisor.text()
    assert "今日、2025年4月7日（月）：始まりから 23席、15:00から 23席（最少20席）" in said
    assert "水曜日 始まりから 18席、15:00から 18席（最少15席）" in said


@pytest.mark.req("3-2-C", "5-10")
def test_a_weekday_s_plan_changes_from_a_day_on_after_it_was_previewed(house: House, supervisor: Visitor) -> None:
    supervisor.open("/board/seat-plan/weekday/0").submit(TWENTY_FIVE | {"valid_from": f"{NEXT_MONDAY}"})
    said = supervisor.text()
    assert "まだ何も変わっていません" in said
    assert "09:00から15:00まで 23 23 25 23 2席増える" in said
    assert "15:00から17:00まで 23 20 20 20 3席減る" in said
    assert "2025年4月14日（月）、2025年4月21日（月）" in said
    assert seats_at(house, NEXT_MONDAY) == 23
    supervisor.submit()
    assert [seats_at(house, day) for day in (TODAY, NEXT_MONDAY)] == [23, 25]
    assert seats_at(house, NEXT_MONDAY, time(15)) == 20
    assert "2025年4月14日（月）から：09:00から 25席（最少23席）、15:00から 20席" in supervisor.text()
    with house.engine.connect() as db:
        audited = db.execute(text("SELECT verb, target FROM audit ORDER BY id DESC LIMIT 1")).one()
    assert tuple(audited) == ("seat_plan.weekday", "weekday:0")


def test_what_was_previewed_can_be_corrected_before_it_is_set(house: House, supervisor: Visitor) -> None:
    supervisor.open("/board/seat-plan/weekday/0").submit(TWENTY_FIVE | {"valid_from": f"{NEXT_MONDAY}"})
    supervisor.submit({"correct": "1"})
    assert supervisor.form("/weekday/0")[1].items() >= {**TWENTY_FIVE, "valid_from": f"{NEXT_MONDAY}"}.items()
    assert seats_at(house, NEXT_MONDAY) == 23
    supervisor.submit({"seats-1": "24"}).submit()
    assert "席の計画を変えました" in supervisor.text()
    assert seats_at(house, NEXT_MONDAY) == 24


@pytest.mark.req("3-2-C")
def test_one_day_differs_with_a_reason_and_goes_back(house: House, supervisor: Visitor) -> None:
    supervisor.open("/board/seat-plan/day")
    supervisor.submit(TWENTY_FIVE | {"day": f"{TODAY}", "reason": "通知書の発送の翌日"}).submit()
    assert seats_at(house, TODAY) == 25
    assert "通知書の発送の翌日" in supervisor.text()
    assert "いつもとちがう計画です：通知書の発送の翌日" in supervisor.open("/board/").text()
    supervisor.open("/board/seat-plan/").submit(action="/forget")
    assert seats_at(house, TODAY) == 23
    assert "いつもとちがう日はありません" in supervisor.text()


def test_a_plan_that_changed_while_it_was_looked_at_is_not_overwritten(house: House, supervisor: Visitor) -> None:
    supervisor.open("/board/seat-plan/day").submit(TWENTY_FIVE | {"day": f"{TODAY}", "reason": "発送"})
    add_staff(house.engine, "supervisor2", Role.SUPERVISOR)
    other = signed_in_at(house, "board", "supervisor2").open("/board/seat-plan/day")
    other.submit(TWENTY_FIVE | {"seats-1": "30", "day": f"{TODAY}", "reason": "ほか"}).submit()
    supervisor.submit()
    assert supervisor.status == 409
    assert "ほかの人が計画を変えました" in supervisor.text()
    assert seats_at(house, TODAY) == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"seats-1": "many"},
        {"seats-1": "-1"},
        {"least-1": "26"},
        {"starts-2": "08:00"},
        {"starts-1": "", "seats-1": "", "least-1": "", "starts-2": "", "seats-2": ""},
        {"valid_from": "soon"},
    ],
)
def test_what_is_no_plan_is_refused_and_stays_typed(house: House, supervisor: Visitor, wrong: dict[str, str]) -> None:
    supervisor.open("/board/seat-plan/weekday/0").submit(TWENTY_FIVE | {"valid_from": f"{NEXT_MONDAY}"} | wrong)
    assert supervisor.status == 422
    assert seats_at(house, NEXT_MONDAY) == 23


def test_a_day_that_has_begun_keeps_its_weekday_s_plan(house: House, supervisor: Visitor) -> None:
    supervisor.open("/board/seat-plan/weekday/0").submit(TWENTY_FIVE | {"valid_from": f"{TODAY}"}).submit()
    assert supervisor.status == 409
    assert seats_at(house, TODAY) == 23
    yesterday = {"day": f"{TODAY - timedelta(days=1)}", "reason": "あとから"}
    supervisor.open("/board/seat-plan/day").submit(TWENTY_FIVE | yesterday).submit()
    assert supervisor.status == 409


def test_without_a_reason_no_day_differs(supervisor: Visitor) -> None:
    supervisor.open("/board/seat-plan/day").submit(TWENTY_FIVE | {"day": f"{TODAY}", "reason": ""})
    assert supervisor.status == 422


def test_an_operator_sees_the_plan_and_changes_nothing(house: House) -> None:
    add_staff(house.engine, "operator1")
    operator = signed_in_at(house, "board", "operator1").open("/board/seat-plan/")
    assert "変える" not in operator.text()
    assert operator.open("/board/seat-plan/weekday/0").status == 403


def test_the_pages_are_fit(house: House, serve: Callable[[Any], str], browser: Browser) -> None:
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    house.step_to(MONDAY_MORNING)
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP").new_page()
    page.goto(f"{serve(house.app)}/board/seat-plan/")
    page.get_by_label("ログインID").fill("supervisor1")
    page.get_by_label("パスワード").fill(PASSWORD)
    follow(page.get_by_role("main").get_by_role("button"))
    assert [str(each) for each in run_axe(page)] == []
    follow(page.locator("a[href$='/weekday/0']"))
    assert [str(each) for each in run_axe(page)] == []
    page.get_by_label("1行目の席数").fill("25")
    follow(page.get_by_role("button", name="変わる内容を確かめる"))
    assert [str(each) for each in run_axe(page)] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.context.close()
