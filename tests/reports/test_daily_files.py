"""Mail, CSV and PDF say the same, are the same bytes again, and hold nothing a spreadsheet or a reader chokes on."""

import csv
import io
import re
import shutil
import subprocess
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from booking_core.actors import Actor
from booking_core.alarms import raise_alarm
from booking_core.calendar import at
from ivr.hours import read_hours
from ivr.queue.models import AwayReason, MainReason, Status
from ivr.queue.operators import set_status
from metrics.day_figures import figures_of_day
from operator_ui.words import MAIN_REASON
from reports import archive
from reports.content import DailyContent, abandoned, canonical, read
from reports.daily import compose
from reports.daily_csv import daily_csv, safe
from reports.daily_pdf import CannotPrint, daily_pdf
from reports.daily_text import body
from reports.files import list_possible
from reports.words import REASON_NAMES
from tests.desk import available_operator
from tests.reports.day import MONDAY, fill_a_day

CUT_OFF = at(MONDAY, time(17, 5))
HARD_SIGNS = "髙﨑㈱①〜－ｶﾞ"


@pytest.fixture
def report(kyoto: Engine) -> DailyContent:
    fill_a_day(kyoto)
    return composed(kyoto, MONDAY)


def composed(engine: Engine, day: date) -> DailyContent:
    with engine.connect() as db:
        return compose(db, day, read_hours(db, now=CUT_OFF), now=at(day, time(17, 5)))


def facts_of(report: DailyContent) -> dict[tuple[str, str, str, str], str]:
    lines = list(csv.reader(io.StringIO(daily_csv(report).decode("utf-8-sig"))))
    assert lines[0] == ["対象日", "表", "行", "項目", "値"]
    return {(day, table, row, item): value for day, table, row, item, value in lines[1:]}


def words_of(pdf: bytes, folder: Path) -> str:
    (folder / "report.pdf").write_bytes(pdf)
    reader = shutil.which("pdftotext")
    assert reader, "no pdftotext on PATH: run.py test brings it, or says how"
    told = subprocess.run([reader, "-layout", folder / "report.pdf", "-"], capture_output=True, text=True, check=True)
    return told.stdout


@pytest.mark.req("3-2-L")
def test_mail_csv_and_pdf_say_what_the_metrics_say(kyoto: Engine, report: DailyContent, tmp_path: Path) -> None:
    with kyoto.connect() as db:
        figures = figures_of_day(db, MONDAY)
    assert (figures.received, figures.answered, figures.abandoned, figures.received_closed) == (12, 9, 3, 1)
    facts, printed, mail = facts_of(report), words_of(daily_pdf(report), tmp_path), body(report)
    day = f"{MONDAY}"
    for item, value in (("入電数", 12), ("応答数", 9), ("放棄数", 3), ("時間外", 1)):
        assert facts[day, "電話", "計", item] == f"{value}"
    assert facts[day, "応答率", "率", "応答率（answer_rate.strict/1）"] == "75.0%" == f"{figures.strict_rate.percent}%"
    assert [facts[day, "予約", "計", item] for item in ("新規", "変更", "取消")] == ["2", "0", "1"]
    for said in ("12件", "9件", "75.0%"):
        assert said in printed
    for said in ("入電数（受付時間内）：12件", "応答数（人が出た電話）：9件", "応答率：75.0%（9／12）"):
        assert said in mail
    assert re.search(r"9時台\s+8\s+7\s+1\s+0\s+87\.5%", printed)
    assert re.search(r"16時台\s+4\s+2\s+2\s+0\s+50\.0%", printed)


@pytest.mark.req("3-2-L")
def test_main_reasons_waits_and_service_level_stand_in_mail_csv_and_pdf(report: DailyContent, tmp_path: Path) -> None:
    facts, printed, mail = facts_of(report), words_of(daily_pdf(report), tmp_path), body(report)
    day, level = f"{MONDAY}", "参考　待ち列に入った電話のうち20秒以内の応答"
    for name, calls in (("新しい予約", 4), ("問い合わせ", 3), ("まだ記録なし", 2)):
        assert facts[day, "用件", name, "応答した電話"] == f"{calls}"
        assert f"{name}：{calls}件" in mail
        assert re.search(rf"{name}\s+{calls}\n", printed)
    assert sum(each["calls"] for each in report["today"].get("reasons", [])) == report["today"]["answered"]
    for name, told in (("平均の待ち時間（応答した電話）", "10.0秒"), ("最も長い待ち時間", "55.0秒")):
        assert facts[day, "待ち時間", "計", name] == told
        assert f"{name}：{told}" in mail
        assert f"{name}{told}" in re.sub(r"\s+", "", printed)
    assert facts[day, "応答率", "率", f"{level}（service_level.of_offered.20s/1）"] == "81.8%"
    assert f"{level}：81.8%（9／11）" in mail
    assert "81.8%" in printed
    assert {"main_reasons/1", "waiting.longest/1"} <= set(report["today"]["definitions"])


@pytest.mark.req("3-2-L")
def test_the_mail_tells_the_places_left_of_each_service(kyoto: Engine, report: DailyContent) -> None:
    mail = body(report)
    for service in {each["service"] for each in report["remaining"]}:
        own = [each for each in report["remaining"] if each["service"] == service]
        soon, later = sum(each["places_7_days"] for each in own), sum(each["places_30_days"] for each in own)
        assert f"{service}：7日以内 {soon}件、30日以内 {later}件\n" in mail
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET open = false WHERE venue_id = (SELECT id FROM venue WHERE code = 'kita')"))
    assert "（30日以内に空きのない場所 1か所）" in body(composed(kyoto, MONDAY))


def test_a_report_of_the_first_form_is_still_read(report: DailyContent, tmp_path: Path) -> None:
    for day in (report["today"], *report["before"]):
        del day["waits"]
        del day["reasons"]
    old = read(canonical(report))
    assert "入電数（受付時間内）：12件" in body(old)
    assert "用件" not in body(old)
    assert "12件" in words_of(daily_pdf(old), tmp_path)
    assert not [place for place in facts_of(old) if place[1] in {"用件", "待ち時間"}]


def test_reports_call_a_main_reason_as_the_desk_does() -> None:
    assert {reason: REASON_NAMES[reason] for reason in MainReason} == dict(MAIN_REASON)


def test_the_hours_add_up_to_the_day_and_every_hour_of_the_line_is_there(report: DailyContent) -> None:
    today = report["today"]
    assert [hour["hour"] for hour in today["hours"]] == list(range(9, 17))
    assert sum(hour["received"] for hour in today["hours"]) == today["received"]
    assert sum(hour["answered"] for hour in today["hours"]) == today["answered"]
    assert sum(hour["abandoned"] for hour in today["hours"]) == abandoned(today)


def test_the_same_report_is_the_same_bytes_after_it_was_kept(report: DailyContent) -> None:
    again = read(canonical(report))
    assert again == report
    assert canonical(again) == canonical(report)
    assert daily_csv(again) == daily_csv(report)
    assert daily_pdf(again) == daily_pdf(report)


def test_the_pdf_is_tagged_and_in_japanese_with_its_title(report: DailyContent) -> None:
    pdf = daily_pdf(report)
    assert pdf.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in pdf or b"/MarkInfo" in pdf or b"ObjStm" in pdf
    assert b"/Lang" in pdf or b"ObjStm" in pdf


def test_names_with_rare_signs_are_printed_and_no_text_is_taken_for_code(report: DailyContent, tmp_path: Path) -> None:
    report["service_name"] = f"予約 {HARD_SIGNS}"
    report["incidents"] = [{"what": "#evil() $x$ *a* _b_ @c", "since": "2025-04-07T10:00:00+09:00", "until": None}]
    printed = words_of(daily_pdf(report), tmp_path)
    for said in ("髙﨑㈱①", "#evil() $x$ *a* _b_ @c"):
        assert said in printed


def test_a_sign_the_font_lacks_stops_the_pdf_and_not_the_figures(report: DailyContent) -> None:
    report["service_name"] = "𠮷野の予約"
    with pytest.raises(CannotPrint, match="𠮷"):
        daily_pdf(report)
    possible, why_not = list_possible(report)
    assert possible == ["csv"]
    assert "𠮷" in why_not


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_starts_a_formula(report: DailyContent, start: str) -> None:
    report["incidents"] = [{"what": f"{start}cmd|' /C calc'!A0", "since": "2025-04-07T10:00:00+09:00", "until": None}]
    cells = [
        cell for line in csv.reader(io.StringIO(daily_csv(report).decode("utf-8-sig"), newline="")) for cell in line
    ]
    assert any("cmd|" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert safe(-1) == -1


def test_csv_begins_with_the_mark_that_excel_needs(report: DailyContent) -> None:
    assert daily_csv(report).startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in daily_csv(report)


def test_alarms_and_closures_of_the_day_are_told_and_those_of_other_days_are_not(kyoto: Engine) -> None:
    with kyoto.begin() as db:
        raise_alarm(db, "a", "枠の数が合いません。", now=at(MONDAY, time(10)))
        raise_alarm(db, "b", "明日のこと。", now=at(MONDAY + timedelta(days=1), time(0)))
        db.execute(
            text("""INSERT INTO line_notice (kind, words, starts_at, ends_at, created_at)
                    VALUES ('closure', '停電のため。', :since, :until, :since)"""),
            {"since": at(MONDAY, time(12)), "until": at(MONDAY, time(13))},
        )
    told = composed(kyoto, MONDAY)["incidents"]
    assert [each["what"] for each in told] == ["枠の数が合いません。", "電話の休止：停電のため。"]
    assert told[0]["until"] is None


def test_remaining_places_are_those_of_the_book(kyoto: Engine, report: DailyContent) -> None:
    with kyoto.connect() as db:
        left = db.execute(
            text("""SELECT sum(s.capacity - s.booked - s.held) FROM slot s JOIN venue w ON w.id = s.venue_id
                    JOIN pool p ON p.id = s.pool_id
                    WHERE w.code = 'minami' AND p.code = 'delivery' AND s.open AND s.day > :day AND s.day <= :last"""),
            {"day": MONDAY, "last": MONDAY + timedelta(days=30)},
        ).scalar_one()
    (row,) = [r for r in report["remaining"] if "南区" in r["venue"] and "受け取り" in r["service"]]
    assert row["places_30_days"] == left
    assert row["next_free_day"] == "2025-04-08"


def test_a_kept_report_cannot_be_rewritten_nor_removed(kyoto: Engine, report: DailyContent) -> None:
    with kyoto.begin() as db:
        archive.keep(db, report, now=CUT_OFF)
    for forbidden in ("UPDATE report SET content = ''", "DELETE FROM report"):
        with pytest.raises(DBAPIError, match="permission denied"), kyoto.begin() as db:
            db.execute(text(forbidden))


def test_the_29th_of_february_has_its_report(kyoto: Engine) -> None:
    leap = date(2028, 2, 29)
    report = composed(kyoto, leap)
    assert "2028年2月29日（火）" in body(report)
    assert daily_pdf(report).startswith(b"%PDF-")


@pytest.mark.req("3-2-C", "3-2-L")
def test_seats_by_hour_stand_against_the_plan(kyoto: Engine) -> None:
    operator = available_operator(kyoto, "operator1")  # from 9:30 on
    with kyoto.begin() as db:
        away = at(MONDAY, time(10, 30))
        set_status(db, operator, Status.AWAY, AwayReason.BREAK, by=Actor.operator(operator), now=away)
    hours = {hour["hour"]: hour["seats"] for hour in composed(kyoto, MONDAY)["today"]["hours"]}
    assert hours[9] == {"present": 5, "able": 5, "planned": 230}
    assert hours[10] == {"present": 10, "able": 5, "planned": 230}
    assert hours[16] == {"present": 10, "able": 0, "planned": 230}
