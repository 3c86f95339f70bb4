"""The day's figures as a table of facts, one a row, for whoever adds up or draws charts of their own.

UTF-8 with a byte order mark, which Excel needs to read Japanese. No cell can start a formula there.
"""

import csv
import io
from collections.abc import Iterator

from reports import words
from reports.content import BookingRow, DailyContent, DayRow, HourRow, RateRow, abandoned, bookings_in_all

HEADINGS = ("対象日", "表", "行", "項目", "値")
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Fact = tuple[str, str, str, int | str]


def daily_csv(report: DailyContent) -> bytes:
    """Return the file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for day, table, row, item, value in _lines(report):
        writer.writerow([day, *(safe(cell) for cell in (table, row, item)), safe(value)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def safe(cell: int | str) -> int | str:
    """Return a cell that a spreadsheet takes for what it is, never for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(STARTS_A_FORMULA) else cell


def _lines(report: DailyContent) -> Iterator[tuple[str, str, str, str, int | str]]:
    today = report["today"]["day"]
    for table, row, item, value in (*_of_the_report(report), *_of_a_day(report["today"])):
        yield today, table, row, item, value
    for day in report["before"]:
        for table, row, item, value in _of_a_day(day):
            yield day["day"], f"確定{table}", row, item, value
    for each in report["remaining"]:
        row = f"{each['service']}／{each['venue']}"
        yield today, "残枠", row, "次に空いている日", each["next_free_day"] or words.NOT_KNOWN
        yield today, "残枠", row, "7日以内の残り", each["places_7_days"]
        yield today, "残枠", row, "30日以内の残り", each["places_30_days"]
    for incident in report["incidents"]:
        yield today, "障害・お知らせ", incident["since"], "内容", incident["what"]
        yield today, "障害・お知らせ", incident["since"], "終わり", incident["until"] or words.NOT_KNOWN


def _of_the_report(report: DailyContent) -> Iterator[Fact]:
    yield "日報", "", "サービス名", report["service_name"]
    yield "日報", "", "集計の時刻", report["cut_off"]
    yield "日報", "", "終わっていない電話", report["unfinished_calls"]
    yield "日報", "", "終わっていない後処理", report["unfinished_wrap_ups"]
    yield "日報", "", "定義", "、".join(report["today"]["definitions"])
    for rate in report["month"]:
        yield from _rate("月の初めから", rate)


def _of_a_day(day: DayRow) -> Iterator[Fact]:
    yield "電話", "計", "入電数", day["received"]
    yield "電話", "計", "応答数", day["answered"]
    yield "電話", "計", "放棄数", abandoned(day)
    yield "電話", "計", "放棄（案内中）", day["abandoned_in_ivr"]
    yield "電話", "計", "放棄（待ち中）", day["abandoned_in_queue"]
    yield "電話", "計", "放棄（呼び出し中）", day["abandoned_while_ringing"]
    yield "電話", "計", "接続できず", day["failed"]
    yield "電話", "計", "未決", day["undecided"]
    yield "電話", "計", "時間外", day["received_closed"]
    yield "電話", "計", "最多着座数", day["most_open_seats"]
    for rate in day["rates"]:
        yield from _rate("率", rate)
    for name, told in words.waits(day):
        yield "待ち時間", "計", name, told
    for name, calls in words.reasons(day):
        yield "用件", name, "応答した電話", calls
    for hour in day["hours"]:
        yield from _of_an_hour(hour)
    for row in day["bookings"]:
        yield from _of_a_channel(row)
    made, moved, cancelled = bookings_in_all(day)
    yield from (("予約", "計", "新規", made), ("予約", "計", "変更", moved), ("予約", "計", "取消", cancelled))


def _rate(row: str, rate: RateRow) -> Iterator[Fact]:
    name = f"{words.rate_name(rate)}（{rate['id']}/{rate['version']}）"
    yield "応答率", row, name, words.percent(rate)
    yield "応答率", row, f"{name}　分子", rate["numerator"]
    yield "応答率", row, f"{name}　分母", rate["denominator"]


def _of_an_hour(hour: HourRow) -> Iterator[Fact]:
    name = words.hour_name(hour)
    yield "時間帯", name, "入電数", hour["received"]
    yield "時間帯", name, "応答数", hour["answered"]
    yield "時間帯", name, "放棄数", hour["abandoned"]
    yield "時間帯", name, "接続できず", hour["failed"]
    yield "時間帯", name, "未決", hour["undecided"]
    yield "時間帯", name, "応答率", words.percent(words.hour_rate(hour))
    yield "時間帯", name, "着座数（平均）", words.seats(hour["seats"]["present"])
    yield "時間帯", name, "受付可の席（平均）", words.seats(hour["seats"]["able"])
    yield "時間帯", name, "計画の席（平均）", words.seats(hour["seats"]["planned"])


def _of_a_channel(row: BookingRow) -> Iterator[Fact]:
    name = f"{row['service_name']}／{words.channel(row)}"
    yield "予約", name, "新規", row["made"]
    yield "予約", name, "変更", row["moved"]
    yield "予約", name, "取消", row["cancelled"]
