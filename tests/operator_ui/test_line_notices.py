"""A supervisor closes the line for a while, and lets callers hear something."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import text

from booking_core.models import Role
from tests.caller import Caller, verbs
from tests.conftest import House
from tests.desk import PASSWORD, add_staff, available_operator, signed_in_at
from tests.pages import follow, run_axe
from tests.visitor import Visitor

pytest_plugins = ["tests.browser"]
CLOSED = {"kind": "closure", "words": "停電のため、受付を止めています。", "starts_at": "2025-04-07T09:30"}
UNTIL_NOON = {"ends_at": "2025-04-07T12:00"}


@pytest.fixture
def supervisor(house: House) -> Visitor:
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    return signed_in_at(house, "board", "supervisor1").open("/board/notices/")


def words_heard(caller: Caller) -> list[str]:
    return [each.text or "" for each in caller.heard.iter("Say")]


@pytest.mark.req("3-2-B")
def test_a_closure_turns_callers_away_with_its_words_and_when_to_call(house: House, supervisor: Visitor) -> None:
    waits_already = Caller(house)
    waits_already.calls()
    waits_already.waits()
    supervisor.submit(CLOSED | UNTIL_NOON, action="/notices/")
    assert "登録しました" in supervisor.text()
    caller = Caller(house)
    assert verbs(caller.calls())[-1] == "Hangup"
    said = "".join(words_heard(caller))
    assert "停電のため、受付を止めています。" in said
    assert "4月なのか、月曜日、午後れいじ" in said
    available_operator(house.engine, "operator1")
    assert "Pause" in verbs(waits_already.waits())  # whoever waits already is served
    house.step_to(datetime.fromisoformat("2025-04-07T12:00:00+09:00"))
    assert "Gather" in verbs(Caller(house).calls())


def test_a_notice_is_heard_once_by_whoever_waits(house: House, supervisor: Visitor) -> None:
    told = {
        "kind": "notice",
        "words": "システムの点検のため、予約に時間がかかっています。",
        "starts_at": "2025-04-07T09:00",
    }
    supervisor.submit(told | UNTIL_NOON, action="/notices/")
    available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    assert told["words"] in words_heard(caller)
    house.step_to(datetime.fromisoformat("2025-04-07T09:31:00+09:00"))
    caller.waits()
    assert told["words"] not in words_heard(caller)


def test_a_closure_that_is_ended_lets_callers_in_again_and_both_are_on_record(
    house: House, supervisor: Visitor
) -> None:
    supervisor.submit(CLOSED | UNTIL_NOON, action="/notices/")
    house.step_to(datetime.fromisoformat("2025-04-07T10:00:00+09:00"))
    supervisor.submit(action="/end")
    assert "終わらせました" in supervisor.text()
    assert "休止もお知らせもありません" in supervisor.text()
    assert "Gather" in verbs(Caller(house).calls())
    with house.engine.connect() as db:
        audited = db.execute(text("SELECT verb FROM audit WHERE target LIKE 'line_notice:%' ORDER BY id")).scalars()
        kept = db.execute(text("SELECT ends_at FROM line_notice")).scalar_one()
        assert list(audited) == ["line_notice.add", "line_notice.end"]
    assert kept == datetime.fromisoformat("2025-04-07T10:00:00+09:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ""},
        {"kind": "holiday"},
        {"words": " "},
        {"words": "あ" * 201},
        {"starts_at": "soon"},
        {"starts_at": "2025-04-07T12:00"},
        {"ends_at": "2025-04-07T09:00"},
    ],
)
def test_what_cannot_be_said_is_refused_and_what_was_typed_stays(
    house: House, supervisor: Visitor, wrong: dict[str, str]
) -> None:
    supervisor.submit(CLOSED | UNTIL_NOON | wrong, action="/notices/")
    assert supervisor.status == 422
    assert "words" in wrong or CLOSED["words"] in supervisor.page
    with house.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM line_notice")).scalar_one() == 0


def test_an_operator_closes_nothing(house: House) -> None:
    add_staff(house.engine, "operator1")
    assert signed_in_at(house, "board", "operator1").open("/board/notices/").status == 403


def test_the_page_is_fit(house: House, serve: Callable[[Any], str], browser: Browser) -> None:
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP").new_page()
    page.goto(f"{serve(house.app)}/board/notices/")
    page.get_by_label("ログインID").fill("supervisor1")
    page.get_by_label("パスワード").fill(PASSWORD)
    follow(page.get_by_role("main").get_by_role("button"))
    follow(page.get_by_role("button", name="登録する"))
    assert [str(each) for each in run_axe(page)] == []
    page.get_by_label("休止", exact=True).check()
    page.get_by_label("電話で流す文").fill("停電のため、受付を止めています。")
    follow(page.get_by_role("button", name="登録する"))
    assert [str(each) for each in run_axe(page)] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.context.close()
