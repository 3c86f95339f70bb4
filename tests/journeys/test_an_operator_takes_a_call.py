"""An operator's whole call in a real browser, and the supervisor's board, every page seen by axe."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import text

from booking_core.models import Role
from tests.caller import Caller, verbs
from tests.conftest import House
from tests.desk import PASSWORD, add_staff
from tests.pages import follow, run_axe, turn_to

pytest_plugins = ["tests.browser"]


def assert_fit(page: Page) -> None:
    """Nothing for axe to find, and nothing that has to be scrolled sideways."""
    assert [str(each) for each in run_axe(page)] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def sign_in(page: Page, address: str, login: str) -> None:
    page.goto(address)
    assert_fit(page)
    page.get_by_label("ログインID").fill(login)
    page.get_by_label("パスワード").fill(PASSWORD)
    follow(page.get_by_role("main").get_by_role("button"))


@pytest.mark.parametrize("width", [1280, 1920])
def test_she_answers_identifies_books_reads_back_and_closes(
    house: House, serve: Callable[[Any], str], browser: Browser, width: int
) -> None:
    house.add_citizen()
    add_staff(house.engine, "operator1")
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    site, caller = serve(house.app), Caller(house)
    page = browser.new_context(viewport={"width": width, "height": 1000}, locale="ja-JP").new_page()
    sign_in(page, f"{site}/desk/", "operator1")
    turn_to(page.get_by_role("button", name="受付可にする"))
    caller.calls()
    caller.waits()
    page.reload()
    assert_fit(page)
    turn_to(page.get_by_role("button", name="電話を取る"))
    assert verbs(caller.waits()) == ["Leave"]
    client = caller.leaves_queue().find("Dial/Client")
    assert client is not None
    caller.operator_picks_up(int((client.get("url") or "").rpartition("=")[2]))
    page.get_by_label("予約番号").fill("ABC123456")
    page.get_by_label("パスワード").fill("wrong")
    turn_to(page.get_by_role("button", name="確認する"))
    assert_fit(page)
    page.get_by_label("パスワード").fill("sakura-2025")
    turn_to(page.get_by_role("button", name="確認する"))
    turn_to(page.get_by_role("link", name="新しく予約する"))
    assert_fit(page)
    turn_to(page.get_by_role("link", name="カードの受け取り"))
    assert_fit(page)
    turn_to(page.get_by_role("link", name="北区役所カード交付コーナー", exact=True))
    assert_fit(page)
    turn_to(page.get_by_role("link", name="空きあり").first)
    assert_fit(page)
    turn_to(page.get_by_role("button", name="空き").first)
    assert_fit(page)
    turn_to(page.get_by_role("button", name="この内容で予約する"))
    assert page.locator(":focus").inner_text().startswith("3　復唱")
    assert_fit(page)
    turn_to(page.get_by_role("button", name="読み上げました"))
    page.get_by_label("新しい予約").check()
    turn_to(page.get_by_role("button", name="対応を終える"))
    assert page.get_by_role("heading", level=1).inner_text() == "待ち呼"
    with house.engine.connect() as db:
        row = db.execute(
            text("SELECT c.main_reason, l.read_back_at FROM call c JOIN call_booking l ON l.call_id = c.id")
        )
        assert [(each.main_reason, each.read_back_at is not None) for each in row] == [("new_booking", True)]
    sign_in(page, f"{site}/board/", "supervisor1")
    assert page.get_by_role("heading", level=1).inner_text() == "応答の状況"
    assert_fit(page)
    page.context.close()
