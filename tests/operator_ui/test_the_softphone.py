"""An operator's telephone in her browser: it rings, she answers, and it goes on while she turns pages."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, expect
from sqlalchemy import text

from tests.caller import Caller, verbs
from tests.conftest import House
from tests.desk import PASSWORD, add_staff, take_first
from tests.pages import follow, run_axe, turn_to
from tests.softphone_network import SoftphoneNetwork

pytest_plugins = ["tests.browser"]

ACCOUNT = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_API_KEY_SID": "SK" + "0" * 32,
    "TWILIO_API_KEY_SECRET": "a secret of the API key, for tests",
}
PATIENCE_SECONDS = 20


@dataclass
class Desk:
    """An operator at work, her browser, the product and the telephone network around her."""

    house: House
    site: str
    network: SoftphoneNetwork
    account_id: int
    context: BrowserContext
    page: Page

    def is_offered_a_call(self) -> tuple[Caller, int]:
        """Let somebody call and be given to her; return the caller and the offer. Her telephone is not rung yet."""
        caller = Caller(self.house)
        caller.calls()
        caller.waits()
        _, offer = take_first(self.house.engine, self.account_id)
        assert verbs(caller.waits()) == ["Leave"]
        caller.leaves_queue()
        return caller, offer

    def rings(self) -> tuple[Caller, int, str]:
        caller, offer = self.is_offered_a_call()
        return caller, offer, self.network.rings(offer=str(offer))

    def talks(self) -> tuple[Caller, int, str]:
        caller, offer, leg = self.rings()
        self.page.get_by_role("heading", name="電話の対応", exact=True).wait_for()
        self.press("応答する")
        assert self.network.next_order() == ("accept", leg)
        caller.operator_picks_up(offer)
        self.says("通話中")
        return caller, offer, leg

    def press(self, words: str) -> None:
        self.page.get_by_role("region", name="電話機").get_by_role("button", name=words).click()

    def says(self, words: str, page: Page | None = None) -> None:
        expect((page or self.page).locator("#softphone-state")).to_have_text(words)

    def one(self, sql: str) -> Any:
        with self.house.engine.connect() as db:
            return db.execute(text(sql)).scalar_one()


@pytest.fixture
def network(serve: Callable[[Any], str]) -> SoftphoneNetwork:
    network = SoftphoneNetwork()
    network.address = serve(network.app())
    return network


@pytest.fixture
def sit_down(
    open_house: Callable[..., House], serve: Callable[[Any], str], browser: Browser, network: SoftphoneNetwork
) -> Iterator[Callable[..., Desk]]:
    contexts: list[BrowserContext] = []

    def start(**settings: str) -> Desk:
        house = open_house(**settings)
        house.add_citizen()
        account_id = add_staff(house.engine, "operator1")
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP")
        contexts.append(context)
        page = context.new_page()
        site = serve(house.app)
        page.goto(f"{site}/desk/")
        page.get_by_label("ログインID").fill("operator1")
        page.get_by_label("パスワード").fill(PASSWORD)
        follow(page.get_by_role("main").get_by_role("button"))
        turn_to(page.get_by_role("button", name="受付可にする"))
        return Desk(house, site, network, account_id, context, page)

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def desk(sit_down: Callable[..., Desk], network: SoftphoneNetwork) -> Desk:
    """Return an operator whose telephone is the local network's, ready for calls."""
    desk = sit_down(**ACCOUNT, TWILIO_API_BASE=network.address)
    desk.says("準備完了")
    return desk


def test_she_answers_hangs_up_writes_up_and_is_ready_again(desk: Desk) -> None:
    caller, offer, leg = desk.rings()
    desk.says("着信中")
    expect(desk.page).to_have_title(re.compile("^【着信中】"))
    expect(desk.page.get_by_role("heading", name="電話の対応", exact=True)).to_be_visible()
    assert desk.page.get_by_text("090-1234-5678").first.is_visible()
    assert [str(each) for each in run_axe(desk.page)] == []
    desk.press("応答する")
    assert desk.network.next_order() == ("accept", leg)
    caller.operator_picks_up(offer)
    desk.says("通話中")
    expect(desk.page.locator("#softphone-clock")).to_have_text(re.compile("^通話 "))
    assert [str(each) for each in run_axe(desk.page)] == []
    desk.press("電話を切る")
    assert desk.network.next_order() == ("hangup", leg)
    caller.dial_ended(offer, "completed", seconds=60)
    caller.ends()
    desk.says("後処理中")
    expect(desk.page.locator("#softphone-clock")).to_have_text(re.compile(r"^残り [12]分\d\d秒$"))
    desk.page.get_by_label("問い合わせ").check()
    turn_to(desk.page.get_by_role("button", name="対応を終える"))
    desk.says("準備完了")
    assert desk.one("SELECT outcome FROM call") == "answered"


def test_the_desk_itself_tells_that_the_talk_has_begun(desk: Desk) -> None:
    _, _, leg = desk.rings()
    desk.press("応答する")
    assert desk.network.next_order() == ("accept", leg)
    desk.says("通話中")
    expect(desk.page.locator("#softphone-clock")).to_have_text(re.compile("^通話 "))
    assert desk.one("SELECT state FROM offer") == "accepted"


def test_a_caller_who_hangs_up_first_stops_the_ringing(desk: Desk) -> None:
    caller, _, leg = desk.rings()
    desk.says("着信中")
    desk.network.send("cancel", leg)
    caller.ends()
    desk.says("準備完了")
    assert "【着信中】" not in desk.page.title()


def test_a_call_she_does_not_take_goes_on_and_she_reads_how_to_go_on(desk: Desk) -> None:
    _, _, leg = desk.rings()
    desk.press("取らない")
    assert desk.network.next_order() == ("reject", leg)
    expect(desk.page.locator("#softphone-note")).to_contain_text("離席中（着信に出られず）")
    expect(desk.page.locator("#softphone-note")).to_contain_text("「受付可にする」を押すと")
    assert desk.one("SELECT state FROM call") == "queued"
    assert desk.one("SELECT state FROM offer") == "declined"


def test_what_she_does_before_the_desk_has_told_of_the_call_reaches_the_line(desk: Desk) -> None:
    def keep_from_the_worker(route: Route) -> None:
        if not told.is_set() and "heartbeat-worker" in route.request.headers["referer"]:
            withheld.append(route)
        else:
            route.continue_()

    withheld: list[Route] = []
    told = threading.Event()
    desk.context.route("**/desk/line/state", keep_from_the_worker)
    _, _, leg = desk.rings()
    with desk.page.expect_request("**/desk/calls/*/decline"):
        desk.press("取らない")
    assert desk.network.next_order() == ("reject", leg)
    assert withheld, "the desk had told of the call before she pressed"
    told.set()  # the worker asks again as soon as it has its answer
    for route in withheld:
        route.continue_()
    expect(desk.page.locator("#softphone-note")).to_contain_text("離席中（着信に出られず）")


def test_the_keyboard_alone_is_enough(desk: Desk) -> None:
    caller, offer, leg = desk.rings()
    expect(desk.page.get_by_role("button", name="応答する")).to_be_visible()
    desk.page.keyboard.press("F2")
    assert desk.network.next_order() == ("accept", leg)
    caller.operator_picks_up(offer)
    desk.says("通話中")
    desk.page.keyboard.press("Alt+m")
    assert desk.network.next_order() == ("mute", leg)
    expect(desk.page.get_by_role("button", name="消音")).to_have_attribute("aria-pressed", "true")
    desk.page.keyboard.press("Alt+k")
    assert desk.network.next_order() == ("hangup", leg)


def test_turning_pages_leaves_the_telephone_alone(desk: Desk) -> None:
    desk.talks()
    page = desk.page
    page.evaluate("globalThis.samePage = true")
    page.get_by_label("予約番号").fill("ABC123456")
    page.get_by_label("パスワード").fill("wrong")
    turn_to(page.get_by_role("button", name="確認する"))
    expect(page.get_by_role("alert").filter(has_text="パスワードがちがいます")).to_be_focused()
    page.get_by_label("パスワード").fill("sakura-2025")
    turn_to(page.get_by_role("button", name="確認する"))
    turn_to(page.get_by_role("link", name="新しく予約する"))
    assert page.locator(":focus").inner_text() == page.get_by_role("heading", level=1).inner_text()
    turn_to(page.get_by_role("link", name="カードの受け取り"))
    turn_to(page.get_by_role("link", name="北区役所カード交付コーナー", exact=True))
    turn_to(page.get_by_role("link", name="空きあり").first)
    turn_to(page.get_by_role("button", name="空き").first)
    desk.says("通話中")
    turn_to(page.get_by_role("button", name="この内容で予約する"))
    assert page.url.endswith("/desk/calls/1/")
    assert page.title().startswith("電話の対応")
    assert page.evaluate("globalThis.samePage")
    assert desk.network.registered.qsize() == 1
    desk.press("電話を切る")
    assert desk.network.next_order()[0] == "hangup"


def test_the_way_back_works_and_leaves_the_telephone_alone(desk: Desk) -> None:
    page = desk.page
    page.evaluate("globalThis.samePage = true")
    turn_to(page.get_by_role("link", name="機器の確認"))
    expect(page.get_by_role("link", name="機器の確認")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("待ち呼")
    expect(page.get_by_role("link", name="待ち呼", exact=True)).to_have_attribute("aria-current", "page")
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("機器の確認")
    assert page.evaluate("globalThis.samePage")


def test_a_second_tab_leaves_the_telephone_to_the_first_and_takes_it_over(desk: Desk) -> None:
    second = desk.context.new_page()
    second.goto(f"{desk.site}/desk/")
    desk.says("電話は別のタブで受けています", second)
    assert desk.network.registered.qsize() == 1
    desk.page.close()
    desk.says("準備完了", second)
    assert desk.network.registered.qsize() == 2


def test_a_reload_keeps_what_she_typed_but_no_password(desk: Desk) -> None:
    desk.talks()
    page = desk.page
    page.get_by_label("予約番号").fill("ABC123")
    page.get_by_label("パスワード").fill("sakura")
    page.get_by_label("苦情・要望").check()
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    assert asked == ["beforeunload"]
    expect(page.get_by_label("予約番号")).to_have_value("ABC123")
    expect(page.get_by_label("苦情・要望")).to_be_checked()
    assert page.get_by_label("パスワード").input_value() == ""
    desk.says("通話中")  # as the server knows it: the call's record is there


def test_a_refused_form_keeps_what_she_typed_over_other_pages(desk: Desk) -> None:
    desk.talks()
    page = desk.page
    for _ in range(2):
        page.get_by_label("予約番号").fill("ABC123456")
        page.get_by_label("パスワード").fill("wrong")
        turn_to(page.get_by_role("button", name="確認する"))
    turn_to(page.get_by_role("link", name="機器の確認"))
    turn_to(page.get_by_role("link", name="電話の対応を開く"))
    expect(page.get_by_label("予約番号")).to_have_value("ABC123456")
    page.get_by_label("パスワード").fill("sakura-2025")
    turn_to(page.get_by_role("button", name="確認する"))
    assert not page.evaluate("Object.keys(sessionStorage).some((key) => key.endsWith('/identify'))")


def test_what_she_typed_ends_with_her_work(desk: Desk) -> None:
    desk.is_offered_a_call()
    page = desk.page
    page.get_by_role("heading", name="電話の対応", exact=True).wait_for()
    page.get_by_label("予約番号").fill("ABC123")
    assert page.evaluate("Object.keys(sessionStorage).some((key) => key.startsWith('draft:'))")
    follow(page.get_by_role("button", name="ログアウト"))
    assert not page.evaluate("Object.keys(sessionStorage).some((key) => key.startsWith('draft:'))")


def test_a_call_that_comes_while_she_types_waits_beside_it(desk: Desk) -> None:
    caller, offer, leg = desk.talks()
    desk.press("電話を切る")
    assert desk.network.next_order() == ("hangup", leg)
    caller.dial_ended(offer, "completed", seconds=60)
    caller.ends()
    desk.says("後処理中")
    with desk.house.engine.begin() as db:  # her time for writing up is over, and she still writes
        db.execute(text("UPDATE offer SET state = 'completed', completed_at = over_at, due_at = NULL"))
    desk.says("準備完了")
    number = desk.page.get_by_label("予約番号")
    number.press_sequentially("ABC")
    desk.rings()
    desk.says("着信中")
    number.press_sequentially("123")
    expect(number).to_have_value("ABC123")
    assert desk.page.url.endswith("/desk/calls/1/")
    turn_to(desk.page.get_by_role("link", name="電話の対応を開く"))
    assert desk.page.url.endswith("/desk/calls/2/")


def test_a_desk_lives_while_its_tab_sleeps(desk: Desk) -> None:
    """A dialog stops everything in the page, as a hidden tab does; the signs of life come from a worker."""
    heard = threading.Event()
    begun = threading.Event()

    def listen(environ: dict[str, Any], start: Any) -> Any:
        counts = environ["PATH_INFO"] == "/desk/line/heartbeat" and begun.is_set()
        answered = answer(environ, start)
        if counts:
            heard.set()  # what it wrote is in the book by now
        return answered

    answer = desk.house.app.wsgi_app
    desk.house.app.wsgi_app = listen  # type: ignore[assignment,method-assign] # as middleware is put around an app
    with desk.page.expect_event("dialog") as opened:
        desk.page.evaluate("setTimeout(() => alert('everything stands still'))")
    begun.set()
    assert heard.wait(PATIENCE_SECONDS)
    opened.value.dismiss()
    assert desk.one("SELECT heard_at IS NOT NULL FROM operator_state")


def test_a_desk_whose_telephone_cannot_be_rung_gives_no_sign_of_life(
    sit_down: Callable[..., Desk], network: SoftphoneNetwork
) -> None:
    network.down = True
    desk = sit_down(**ACCOUNT, TWILIO_API_BASE=network.address)
    expect(desk.page.locator("#softphone-note")).to_contain_text("電話をつなぎ直しています")
    desk.says("未接続")
    assert desk.one("SELECT heard_at IS NULL FROM operator_state")
    network.down = False
    desk.says("準備完了")


def test_an_ended_session_does_not_cut_a_talk(desk: Desk) -> None:
    desk.talks()
    with desk.house.engine.begin() as db:
        db.execute(text("DELETE FROM staff_session"))
    expect(desk.page.locator("#desk-alert")).to_contain_text("電話が終わったら")
    assert desk.page.url.endswith("/desk/calls/1/")
    desk.press("電話を切る")
    assert desk.network.next_order()[0] == "hangup"
    desk.page.wait_for_url("**/desk/sign-in?next=%2Fdesk%2Fcalls%2F1%2F")


def test_where_another_telephone_rings_she_says_that_she_has_answered(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    expect(desk.page.locator("#softphone-note")).to_contain_text("ほかの電話機で受けます")
    desk.is_offered_a_call()
    desk.press("応答しました")
    desk.says("通話中")
    assert desk.one("SELECT state FROM offer") == "accepted"


def test_the_ready_check_says_what_works_and_what_to_do(desk: Desk) -> None:
    page = desk.page
    turn_to(page.get_by_role("button", name="退席する"))
    desk.says("退席中")
    turn_to(page.get_by_role("link", name="機器の確認"))
    expect(page.locator("#ready-network")).to_contain_text("使えます")
    expect(page.locator("#ready-line")).to_contain_text("電話がつながっています")
    desk.context.grant_permissions(["microphone"])
    page.get_by_role("button", name="マイクを確かめる").click()
    expect(page.locator("#ready-microphone")).to_contain_text("使えません")
    page.get_by_role("button", name="音を鳴らす").click()
    page.get_by_role("button", name="聞こえました").click()
    expect(page.locator("#ready-loudspeaker")).to_contain_text("使えます")
    assert [str(each) for each in run_axe(page)] == []
