"""The administrator's pages in a real browser: nothing for axe to find, nothing that scrolls sideways."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from booking_core.models import Role
from tests.conftest import House
from tests.desk import PASSWORD, add_staff
from tests.pages import follow, run_axe

pytest_plugins = ["tests.browser"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def assert_fit(page: Page, heading: str) -> None:
    assert page.locator("h1").inner_text() == heading
    assert [str(each) for each in run_axe(page)] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def press(page: Page, name: str) -> None:
    follow(page.get_by_role("main").get_by_role("button", name=name).first)


def test_every_page_of_the_administrator_is_fit(page: Page, house: House, serve: Callable[[Any], str]) -> None:
    add_staff(house.engine, "chief", Role.CITY_ADMIN)
    add_staff(house.engine, "oka")
    for _ in range(5):
        house.visitor().open("/admin/sign-in").submit({"login": "oka", "password": "wrong"})
    site = f"{serve(house.app)}/admin"
    page.goto(f"{site}/sign-in")
    page.get_by_label("ログインID").fill("chief")
    page.get_by_label("パスワード").fill(PASSWORD)
    press(page, "ログイン")
    follow(page.get_by_role("link", name="利用者"))
    assert_fit(page, "利用者")
    press(page, "加える")
    assert_fit(page, "利用者")
    page.goto(f"{site}/accounts/2")
    assert_fit(page, "利用者　oka")
    press(page, "ロックを解除する")
    assert_fit(page, "利用者　oka")
    follow(page.get_by_role("link", name="文面"))
    assert_fit(page, "文面")
    follow(page.get_by_role("link", name="当日お持ちいただくもの"))
    press(page, "下書きにして確かめる")
    assert_fit(page, "当日お持ちいただくもの　第1版")
    press(page, "承認して表示する")
    page.goto(f"{site}/texts/delivery.bring")
    assert_fit(page, "当日お持ちいただくもの")
    page.goto(f"{site}/settings/reopening_delay_minutes")
    page.get_by_label("新しい値").fill("soon")
    press(page, "変える")
    assert_fit(page, "取り消された枠を開け直すまでの時間")
    page.get_by_label("新しい値").fill("15")
    press(page, "変える")
    assert_fit(page, "設定")
    follow(page.get_by_role("link", name="操作の記録"))
    assert_fit(page, "操作の記録")
    follow(page.get_by_role("link", name="パスワードの変更"))
    press(page, "パスワードを変える")
    assert_fit(page, "パスワードの変更")
