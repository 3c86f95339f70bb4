"""A clerk's morning in a real browser: she finds a booking, records its visit, takes cards in, sees to an alarm."""

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import text

from booking_core.alarms import raise_alarm
from booking_core.models import Role
from tests.conftest import MONDAY_MORNING, House
from tests.desk import PASSWORD, add_staff
from tests.factories import booked, slot_at
from tests.pages import follow, run_axe

pytest_plugins = ["tests.browser"]

VISIT = date(2025, 4, 21)
CARDS = "予約番号,パスワード,氏名カナ\nNEW000001,secret-1,テスト カナ\n,secret-2,テスト\n".encode()


@pytest.fixture(params=[1280, 1920], ids=["1280px", "1920px"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(
        locale="ja-JP", timezone_id="Asia/Tokyo", viewport={"width": request.param, "height": 900}
    )
    yield context.new_page()
    context.close()


def assert_fit(page: Page, heading: str) -> None:
    """The page meant, with nothing for axe to find and nothing that has to be scrolled sideways."""
    assert page.locator("h1").inner_text() == heading
    assert [str(each) for each in run_axe(page)] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def press(page: Page, name: str) -> None:
    follow(page.get_by_role("main").get_by_role("button", name=name).first)


def test_every_page_of_her_morning_is_fit(page: Page, house: House, serve: Callable[[Any], str]) -> None:
    slot = slot_at(house.engine, VISIT, time(9))
    reference = booked(house.engine, house.add_citizen(), slot, now=MONDAY_MORNING).reference
    add_staff(house.engine, "admin", Role.CITY_ADMIN)
    with house.engine.begin() as db:
        raise_alarm(db, "recount", "予約枠の数と予約が1件合いません。枠の番号：7", now=MONDAY_MORNING)
    house.step_to(MONDAY_MORNING + timedelta(days=14))
    site = serve(house.app)
    page.goto(f"{site}/admin/")
    assert_fit(page, "管理画面　ログイン")
    page.get_by_label("ログインID").fill("admin")
    page.get_by_label("パスワード").fill(PASSWORD)
    press(page, "ログイン")
    assert_fit(page, "予約の一覧")
    page.goto(f"{site}/admin/?day_from=never")
    assert_fit(page, "予約の一覧")
    follow(page.get_by_role("link", name="予約を探す"))
    page.get_by_label("予約番号、受付番号").fill("てすと")
    press(page, "探す")
    assert_fit(page, "予約を探す")
    follow(page.get_by_role("link", name=reference))
    page.get_by_label("カードを交付した").check()
    assert_fit(page, f"予約 {reference}")
    press(page, "記録する")
    assert_fit(page, f"予約 {reference}")
    follow(page.get_by_role("link", name="カード情報の取り込み"))
    for button in ("内容を確かめる", "取り込む"):
        page.get_by_label("カード情報のファイル").set_input_files(
            {"name": "cards.csv", "mimeType": "text/csv", "buffer": CARDS}
        )
        press(page, button)
        assert_fit(page, "カード情報の取り込み")
    follow(page.get_by_role("link", name="警告"))
    assert_fit(page, "警告")
    press(page, "対応済みにする")
    assert_fit(page, "警告")
    with house.engine.connect() as db:
        assert db.execute(text("SELECT state FROM booking")).scalar_one() == "handed_over"
        assert db.execute(text("SELECT count(*) FROM card WHERE number = 'NEW000001'")).scalar_one() == 1
        assert db.execute(text("SELECT count(*) FROM alarm WHERE closed_at IS NULL")).scalar_one() == 0
