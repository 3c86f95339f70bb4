"""Reports are found again: supervisors at the board, the city's staff and auditors in the console."""

import io
from collections.abc import Callable
from datetime import time
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Browser
from sqlalchemy import text

from booking_core.calendar import at
from booking_core.clock import Clock
from booking_core.models import Role
from tasks.daily_report import send_daily_report
from tasks.senders.choice import NoSender
from tasks.wiring import JobWiring
from tests.conftest import House
from tests.desk import PASSWORD, add_staff, signed_in_at
from tests.pages import follow, run_axe
from tests.reports.day import MONDAY, fill_a_day

pytest_plugins = ["tests.browser"]
CITY = "city@example.jp"
HERE = f"/board/reports/{MONDAY}/"


@pytest.fixture
def reported(open_house: Callable[..., House]) -> House:
    """A house at 17:05 with the day's report made and its mail waiting."""
    house = open_house(REPORT_TO=CITY)
    fill_a_day(house.engine)
    house.step_to(at(MONDAY, time(17, 5)))
    wiring = JobWiring(house.engine, Clock(house.clock_file), NoSender(), (CITY,))
    assert send_daily_report(wiring) == {"mails": 1}
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    return house


@pytest.mark.req("3-2-L")
@pytest.mark.parametrize(
    ("door", "role"), [("board", Role.SUPERVISOR), ("admin", Role.CITY_CLERK), ("admin", Role.AUDITOR)]
)
def test_a_report_is_listed_shown_and_downloaded(reported: House, door: str, role: Role) -> None:
    add_staff(reported.engine, "reader", role)
    reader = signed_in_at(reported, door, "reader").open(f"/{door}/reports/")
    assert "2025年4月7日（月）" in reader.text()
    assert "送信待ち1通" in reader.text()
    reader.open(f"/{door}/reports/{MONDAY}/")
    for said in ("12件", "9件", "75.0%", "9時台", "カードの受け取り（交付）", "answer_rate.strict/1"):
        assert said in reader.text()
    csv, pdf = (reader.client.get(f"/{door}/reports/{MONDAY}/file/{kind}") for kind in ("csv", "pdf"))
    assert (csv.status_code, csv.mimetype, pdf.mimetype) == (200, "text/csv", "application/pdf")
    assert csv.headers["Content-Disposition"] == 'attachment; filename="daily-2025-04-07.csv"'
    assert csv.headers["Cache-Control"] == "private, no-store"
    assert pdf.data.startswith(b"%PDF-")
    sheet = reader.client.get(f"/{door}/reports/months/2025-04/sheet")
    book = openpyxl.load_workbook(io.BytesIO(sheet.data), data_only=True)
    assert next(row[3] for row in book["日別"].iter_rows(values_only=True) if row[0] == "合計") == 12


def test_what_does_not_exist_is_not_found(reported: House) -> None:
    supervisor = signed_in_at(reported, "board", "supervisor1")
    for missing in ("2025-04-08/", "nothing/", f"{MONDAY}/file/doc", "months/2025-13/sheet", "2025-04-08/file/csv"):
        assert supervisor.open(f"/board/reports/{missing}").status == 404


@pytest.mark.req("3-2-L")
def test_a_report_is_sent_again_once_a_command_and_it_is_on_record(reported: House) -> None:
    supervisor = signed_in_at(reported, "board", "supervisor1").open(HERE)
    assert f"メールの送り先：{CITY}" in supervisor.text()
    target, fields = supervisor.form("/send")
    for _ in range(2):
        supervisor.post(target, fields).follow()
    assert f"もう一度送ります まもなく届きます。送り先：{CITY}" in supervisor.text()
    with reported.engine.connect() as db:
        mails = db.execute(text("SELECT content->>'to', content->'files' FROM outbox ORDER BY id")).all()
        audited = db.execute(text("SELECT detail FROM audit WHERE verb = 'report.resend'")).scalars().all()
    assert [tuple(each) for each in mails] == [(CITY, ["csv", "pdf"])] * 2
    assert audited == [{"day": "2025-04-07", "mails": 1}]


def test_without_an_address_nothing_is_sent_and_the_page_says_so(open_house: Callable[..., House]) -> None:
    house = open_house()
    house.step_to(at(MONDAY, time(17, 5)))
    send_daily_report(JobWiring(house.engine, Clock(house.clock_file), NoSender(), ()))
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    page = signed_in_at(house, "board", "supervisor1").open(HERE).submit(action="/send")
    assert page.status == 422
    assert "送り先がありません" in page.text()


def test_an_operator_sees_no_reports_and_an_auditor_sends_none(reported: House) -> None:
    add_staff(reported.engine, "operator1")
    add_staff(reported.engine, "auditor1", Role.AUDITOR)
    assert signed_in_at(reported, "board", "operator1").open("/board/reports/").status == 403
    auditor = signed_in_at(reported, "admin", "auditor1").open(f"/admin/reports/{MONDAY}/")
    assert "もう一度送る" not in auditor.text()
    assert CITY not in auditor.text()


def test_without_any_report_the_page_says_when_there_will_be_one(house: House) -> None:
    add_staff(house.engine, "supervisor1", Role.SUPERVISOR)
    assert "日報は、まだありません" in signed_in_at(house, "board", "supervisor1").open("/board/reports/").text()


def test_the_pages_are_fit(reported: House, serve: Callable[[Any], str], browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP").new_page()
    page.goto(f"{serve(reported.app)}/board/reports/")
    page.get_by_label("ログインID").fill("supervisor1")
    page.get_by_label("パスワード").fill(PASSWORD)
    follow(page.get_by_role("main").get_by_role("button"))
    assert [str(each) for each in run_axe(page)] == []
    follow(page.get_by_role("link", name="2025年4月7日（月）", exact=True))
    assert [str(each) for each in run_axe(page)] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.context.close()
