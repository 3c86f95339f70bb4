"""A press counts although what is pressed stands in a part of the page that follows by itself, and is due meanwhile."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from booking_core.models import Role
from tests.caller import Caller
from tests.conftest import House
from tests.desk import PASSWORD, add_staff, available_operator
from tests.pages import arriving, follow

pytest_plugins = ["tests.browser"]
ANSWERED = """part => new Promise(done => document.addEventListener("htmx:afterRequest", event => {
  if (event.detail.target.id === part) done(true);
}))"""


@pytest.fixture
def signed_in(house: House, serve: Callable[[Any], str], browser: Browser) -> Iterator[Callable[[str, str], Page]]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP")

    def sign_in(address: str, login: str) -> Page:
        page = context.new_page()
        page.goto(serve(house.app) + address)
        page.get_by_label("ログインID").fill(login)
        page.get_by_label("パスワード").fill(PASSWORD)
        follow(page.get_by_role("main").get_by_role("button"))
        return page

    yield sign_in
    context.close()


def hold(page: Page, button: str, *, key: str = "", until: str) -> None:
    """Hold a button down, by the mouse or by a key, until the part of the page it stands in was answered."""
    target = page.locator(button)
    if key:
        target.focus()
        page.keyboard.down(key)
    else:
        target.hover()
        page.mouse.down()
    page.evaluate(ANSWERED, until)
    page.keyboard.up(key) if key else page.mouse.up()


def test_a_call_that_is_taken_by_a_long_press_is_taken(house: House, signed_in: Callable[[str, str], Page]) -> None:
    available_operator(house.engine, "operator1")
    page = signed_in("/desk/", "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    page.locator("#take-1").wait_for()
    with arriving(page):
        hold(page, "#take-1", until="waiting")
    expect(page.get_by_role("heading", level=1)).to_have_text("電話の対応")


def test_a_seat_that_is_closed_by_a_key_held_long_is_closed(
    house: House, signed_in: Callable[[str, str], Page]
) -> None:
    operator = available_operator(house.engine, "operator1")
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    page = signed_in("/board/", "supervisor1")
    with page.expect_navigation():
        hold(page, f"#seat-{operator}", key="Space", until="live")
    with house.engine.connect() as db:
        assert db.execute(text("SELECT status FROM operator_state")).scalar_one() == "offline"


def test_the_focus_stays_in_a_list_that_is_shown_anew(house: House, signed_in: Callable[[str, str], Page]) -> None:
    available_operator(house.engine, "operator1")
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    page = signed_in("/board/", "supervisor1")
    frame = page.get_by_role("group", name="オペレーターの一覧")
    frame.focus()
    page.evaluate(ANSWERED, "live")
    expect(frame).to_be_focused()
