"""An operator's whole call without a mouse, from the sign-in to what she does after it."""

import pytest
from playwright.sync_api import Browser, expect

from simulator.network.scripts import Script, Step
from tests.desk import PASSWORD
from tests.exchange import Exchange
from tests.keyboard import Keyboard
from tests.pages import PATIENCE_MS, telephone_is

pytest_plugins = ["tests.browser", "tests.telephone"]


@pytest.mark.req("3-2-F", "3-2-G")
def test_every_step_of_a_call_can_be_done_with_keys(telephone: Exchange, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}, locale="ja-JP").new_page()
    hers = Keyboard(page)
    page.goto(f"{telephone.site}/desk/")
    signs_in(hers)
    checks_her_place_and_begins(hers)
    caller = telephone.network.call("+819012345678", script=Script((Step(heard="1を", press="1"),)))
    answers(hers)
    telephone.until("SELECT state FROM call", "connected")
    identifies(hers)
    chooses_a_time(hers)
    assert telephone.scalar("SELECT owner FROM slot_hold") == "call:1"
    books_and_reads_back(hers)
    hangs_up(hers)
    telephone.until("SELECT state FROM call", "ended")
    telephone.until_heard(caller, "お電話ありがとうございました。")
    wants_a_break_afterwards(hers)
    closes(hers)
    telephone_is(page, "離席中")
    assert telephone.scalar("SELECT main_reason FROM call") == "new_booking"
    assert telephone.scalar("SELECT count(*) FROM call_booking WHERE read_back_at IS NOT NULL") == 1
    assert telephone.scalar("SELECT count(*) FROM booking WHERE state = 'booked'") == 1
    assert not hers.used_a_pointer
    page.context.close()


def signs_in(hers: Keyboard) -> None:
    hers.types("operator1", into="ログインID")
    hers.types(PASSWORD, into="パスワード")
    with hers.page.expect_navigation():
        hers.presses("Enter")


def checks_her_place_and_begins(hers: Keyboard) -> None:
    hers.turns("マイク・スピーカー・通信を確かめる")
    hers.tab_to("音を鳴らす")
    hers.presses("Enter")
    hers.tab_to("聞こえました")
    hers.presses("Space")
    expect(hers.page.locator("#ready-loudspeaker")).to_contain_text("使えます")
    expect(hers.page.locator("#ready-line")).to_contain_text("使えます")
    hers.turns("受付可にする")
    telephone_is(hers.page, "準備完了")


def answers(hers: Keyboard) -> None:
    telephone_is(hers.page, "着信中")
    expect(hers.page.get_by_role("heading", level=1)).to_have_text("電話の対応", timeout=PATIENCE_MS)
    hers.presses("F2")
    telephone_is(hers.page, "通話中")


def identifies(hers: Keyboard) -> None:
    hers.types("ABC123456", into="予約番号")
    hers.types("sakura-2025", into="パスワード")
    hers.turns()
    assert hers.focused.startswith("2　予約")


def chooses_a_time(hers: Keyboard) -> None:
    hers.turns("新しく予約する")
    hers.turns("カードの受け取り")
    hers.turns("北区役所カード交付コーナー")
    hers.turns("空きあり")
    hers.turns("空き", key="Space")


def books_and_reads_back(hers: Keyboard) -> None:
    hers.turns("この内容で予約する")
    assert hers.focused.startswith("3　復唱")
    hers.turns("読み上げました", key="Space")
    assert hers.focused.startswith("4　対応の終了")


def hangs_up(hers: Keyboard) -> None:
    hers.presses("Alt+k")
    telephone_is(hers.page, "後処理中")


def wants_a_break_afterwards(hers: Keyboard) -> None:
    hers.turns("待ち呼の画面へ")
    hers.tab_to("離席の理由")
    hers.presses("ArrowDown")
    hers.turns("離席中にする")
    hers.turns("対応の画面を開く")


def closes(hers: Keyboard) -> None:
    hers.tab_to("新しい予約")
    hers.presses("Space")
    hers.presses("ArrowDown")
    hers.presses("ArrowUp")
    hers.turns("対応を終える")
    expect(hers.page.get_by_role("heading", level=1)).to_have_text("待ち呼")
