"""The whole thing at once: a telephone network, the line, an operator's real browser, and the citizen's own."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from simulator.network.scripts import Script, Step
from tests.desk import PASSWORD
from tests.exchange import Exchange
from tests.pages import PATIENCE_MS, follow, run_axe, telephone_is, turn_to

pytest_plugins = ["tests.browser", "tests.telephone"]


def sign_in(page: Page, address: str, fields: dict[str, str]) -> None:
    page.goto(address)
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    follow(page.get_by_role("main").get_by_role("button"))


@pytest.mark.req("3-2-F", "3-2-G")
def test_her_telephone_rings_she_books_and_reads_back_and_the_citizen_sees_it(
    telephone: Exchange, browser: Browser
) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP").new_page()
    sign_in(page, f"{telephone.site}/desk/", {"ログインID": "operator1", "パスワード": PASSWORD})
    turn_to(page.get_by_role("button", name="受付可にする"))
    telephone_is(page, "準備完了")
    caller = telephone.network.call("+819012345678", script=Script((Step(heard="1を", press="1"),)))
    telephone_is(page, "着信中")
    expect(page.get_by_role("heading", level=1)).to_have_text("電話の対応", timeout=PATIENCE_MS)
    page.keyboard.press("F2")
    telephone_is(page, "通話中")
    telephone.until("SELECT state FROM call", "connected")
    expect(page.locator("#call-state")).to_contain_text("カードの受け取りの予約")
    page.get_by_label("予約番号").fill("ABC123456")
    page.get_by_label("パスワード").fill("sakura-2025")
    turn_to(page.get_by_role("button", name="確認する"))
    turn_to(page.get_by_role("link", name="新しく予約する"))
    turn_to(page.get_by_role("link", name="カードの受け取り"))
    turn_to(page.get_by_role("link", name="北区役所カード交付コーナー", exact=True))
    turn_to(page.get_by_role("link", name="空きあり").first)
    turn_to(page.get_by_role("button", name="空き").first)
    assert telephone.scalar("SELECT owner FROM slot_hold") == "call:1"
    turn_to(page.get_by_role("button", name="この内容で予約する"))
    told = page.locator(".notice strong").first.inner_text()
    turn_to(page.get_by_role("button", name="読み上げました"))
    telephone_is(page, "通話中")
    page.keyboard.press("Alt+k")
    telephone.until("SELECT state FROM call", "ended")
    telephone.until_heard(caller, "お電話ありがとうございました。")
    telephone_is(page, "後処理中")
    assert [str(each) for each in run_axe(page)] == []
    page.get_by_label("新しい予約").check()
    turn_to(page.get_by_role("button", name="対応を終える"))
    telephone_is(page, "準備完了")
    with telephone.house.engine.connect() as db:
        audit = db.execute(text("SELECT * FROM audit WHERE verb = 'book'")).one()
        call_id = db.execute(text("SELECT id FROM call")).scalar_one()
    assert (audit.actor_kind, audit.channel, audit.detail["call"]) == ("operator", "phone", call_id)
    assert re.fullmatch(r"card:\d+", audit.on_behalf_of)
    hers = browser.new_context(locale="ja-JP").new_page()
    sign_in(hers, f"{telephone.site}/login", {"予約番号": "ABC123456", "パスワード": "sakura-2025"})
    when = re.findall(r"\d+月\d+日", told)[0]
    expect(hers.get_by_role("main")).to_contain_text(when)
    expect(hers.get_by_role("main")).to_contain_text("北区役所")
    hers.context.close()
    page.context.close()


@pytest.mark.long
def test_a_tab_that_is_closed_while_it_rings_loses_nobody(telephone: Exchange, browser: Browser) -> None:
    """Her tab goes away while it rings: the caller keeps her place, the desk is parked, and she can come back."""
    context = browser.new_context(locale="ja-JP")
    page = context.new_page()
    sign_in(page, f"{telephone.site}/desk/", {"ログインID": "operator1", "パスワード": PASSWORD})
    turn_to(page.get_by_role("button", name="受付可にする"))
    telephone_is(page, "準備完了")
    telephone.network.call("+819012345678", script=Script((Step(heard="1を", press="0"),)))
    telephone_is(page, "着信中")
    page.close()
    telephone.until("SELECT state FROM call", "queued")
    again = context.new_page()
    again.goto(f"{telephone.site}/desk/")
    turn_to(again.get_by_role("button", name="受付可にする"))
    telephone_is(again, "着信中")
    again.get_by_role("button", name="応答する").click()
    telephone_is(again, "通話中")
    telephone.until("SELECT state FROM call", "connected")
    context.close()
