"""The citizen's whole path in a real browser: on a telephone, by keyboard alone, without scripts, seen by axe."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import text

from tests.conftest import House
from tests.pages import follow, run_axe

pytest_plugins = ["tests.browser"]

TELEPHONE = {"width": 375, "height": 740}
NARROWEST = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 900}


@pytest.fixture
def site(house: House, serve: Callable[[Any], str]) -> str:
    house.add_citizen("ABC123456", "sakura-2025")
    return serve(house.app)


@pytest.fixture
def context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    opened: list[BrowserContext] = []

    def open_one(**options: Any) -> BrowserContext:
        opened.append(browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def log_in(page: Page, site: str, password: str = "sakura-2025") -> None:
    page.goto(f"{site}/login")
    page.get_by_label("予約番号").fill("ＡＢＣ－１２３－４５６")
    page.get_by_label("パスワード").fill(password)
    follow(page.get_by_role("main").get_by_role("button", name="ログイン"))


def assert_fit(page: Page) -> None:
    """Nothing for axe to find, and nothing that has to be scrolled sideways."""
    assert [str(each) for each in run_axe(page)] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.req("3-1-A-ii", "3-1-B-vii")
@pytest.mark.parametrize("viewport", [NARROWEST, TELEPHONE, DESK], ids=["320px", "375px", "1280px"])
def test_she_books_moves_and_cancels_and_every_page_is_fit(
    site: str, house: House, context: Callable[..., BrowserContext], viewport: dict[str, int]
) -> None:
    page = context(viewport=viewport).new_page()
    page.goto(site)
    assert_fit(page)
    log_in(page, site, "まちがい")
    assert_fit(page)
    log_in(page, site)
    follow(page.get_by_role("link", name="予約する"))
    assert_fit(page)
    follow(page.get_by_role("link", name="北区役所カード交付コーナー", exact=True))
    assert_fit(page)
    follow(page.get_by_role("link", name="空きあり").first)
    assert_fit(page)
    follow(page.get_by_role("link", name="空き").first)
    page.get_by_label("連絡先の電話番号").fill("12")
    follow(page.get_by_role("button", name="この内容で予約する"))
    assert_fit(page)
    page.get_by_label("連絡先の電話番号").fill("０７５－１２３－４５６７")
    follow(page.get_by_role("button", name="この内容で予約する"))
    assert page.get_by_role("heading", level=1).inner_text() == "予約ができました"
    assert_fit(page)
    follow(page.get_by_role("link", name="日時や場所を変更する"))
    follow(page.get_by_role("link", name="南区役所カード交付コーナー", exact=True))
    follow(page.get_by_role("link", name="空きあり").first)
    follow(page.get_by_role("link", name="空き").first)
    assert_fit(page)
    follow(page.get_by_role("button", name="この日時に変更する"))
    follow(page.get_by_role("link", name="予約の控えを印刷する"))
    assert_fit(page)
    page.goto(f"{site}/my/cancel")
    assert_fit(page)
    follow(page.get_by_role("button", name="この予約を取り消す"))
    assert_fit(page)
    with house.engine.connect() as db:
        verbs = db.execute(text("SELECT verb FROM booking_change ORDER BY id")).scalars().all()
    assert verbs == ["book", "move", "cancel"]


def test_the_whole_path_works_without_scripts(site: str, context: Callable[..., BrowserContext]) -> None:
    page = context(viewport=TELEPHONE, java_script_enabled=False).new_page()
    log_in(page, site)
    follow(page.get_by_role("link", name="予約する"))
    follow(page.get_by_role("link", name="センター（下京）１階", exact=True))
    follow(page.get_by_role("link", name="空きあり").first)
    follow(page.get_by_role("link", name="空き").first)
    page.get_by_label("連絡先の電話番号").fill("090-1234-5678")
    follow(page.get_by_role("button", name="この内容で予約する"))
    assert page.get_by_role("heading", level=1).inner_text() == "予約ができました"


@pytest.mark.req("3-1-C-xxviii")
def test_booking_moving_and_cancelling_work_by_keyboard_alone(
    site: str, house: House, context: Callable[..., BrowserContext]
) -> None:
    page = context(viewport=DESK).new_page()
    page.goto(f"{site}/login")
    _tab_to(page, "予約番号")
    page.keyboard.type("abc123456")
    page.keyboard.press("Tab")
    page.keyboard.type("sakura-2025")
    _press_enter(page)
    _enter_each(page, "予約する", "北区役所カード交付コーナー", "空きあり", "空き")
    _tab_to(page, "連絡先の電話番号")
    page.keyboard.type("075-123-4567")
    _enter_each(page, "この内容で予約する")
    assert page.get_by_role("heading", level=1).inner_text() == "予約ができました"
    _enter_each(page, "日時や場所を変更する", "南区役所カード交付コーナー", "空きあり", "空き", "この日時に変更する")
    assert page.get_by_role("main").get_by_text("南区役所カード交付コーナー").count()
    _enter_each(page, "予約を取り消す", "この予約を取り消す")
    assert page.get_by_role("heading", level=1).inner_text() == "予約を取り消しました"
    with house.engine.connect() as db:
        verbs = db.execute(text("SELECT verb FROM booking_change ORDER BY id")).scalars().all()
    assert verbs == ["book", "move", "cancel"]


def _enter_each(page: Page, *words: str) -> None:
    """Reach a link or button by Tab and press Enter on it, page after page."""
    for each in words:
        _tab_to(page, each)
        _press_enter(page)


def _press_enter(page: Page) -> None:
    """Press Enter on what leads to another page, and wait until that page is there."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus inside the main part says `words`."""
    script = """() => {
        const at = document.activeElement;
        const label = at.labels && at.labels.length ? at.labels[0].innerText : "";
        return document.querySelector("main").contains(at) ? `${at.innerText || ""} ${label}` : "";
    }"""
    for _ in range(120):
        page.keyboard.press("Tab")
        if words in page.evaluate(script):
            return
    raise AssertionError(f"no way to {words!r} by keyboard on {page.url}")


@pytest.mark.parametrize("path", ["/book/application/", "/nothing", "/book/delivery/at/kita/2025-04-07/", "/my/"])
def test_every_dead_end_is_fit_and_shows_a_way_on(site: str, context: Callable[..., BrowserContext], path: str) -> None:
    page = context(viewport=NARROWEST).new_page()
    page.goto(site + path)
    assert_fit(page)
    assert (
        page.get_by_role("main").get_by_role("link").count() or page.get_by_role("main").get_by_role("button").count()
    )
