"""The day's figures on paper: a tagged PDF (PDF/UA-1) in Japanese, the same bytes for the same report.

A sign that the font lacks stops the build: a report with boxes in a name is worse than none.
"""

import json
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import typst

from booking_core.date_words import date_ja, datetime_ja, day_ja
from reports import words
from reports.content import DailyContent, DayRow, HourRow, abandoned, bookings_in_all
from reports.daily_text import day_of, when
from reports.hours_chart import described, hours_chart

FOLDER = Path(__file__).parent
FONT = "BIZ UDPGothic"


class CannotPrint(Exception):  # noqa: N818 - what happened is its name
    """The report holds something that cannot be printed, such as a sign that the font lacks."""


def daily_pdf(report: DailyContent) -> bytes:
    """Return the file.

    Raises:
        CannotPrint
    """
    cut_off = datetime.fromisoformat(report["cut_off"])
    try:
        printed = typst.compile(
            (FOLDER / "daily.typ").read_bytes(),
            font_paths=_fonts(),
            sys_inputs={"report": json.dumps(_laid_out(report), ensure_ascii=False)},
            pdf_standards=["ua-1"],
            timestamp=cut_off,
            format="pdf",
        )
    except typst.TypstError as error:
        raise CannotPrint(error.message) from error
    if not isinstance(printed, bytes):
        raise TypeError("one document is one file")
    return printed


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FOLDER / "fonts"])


def _laid_out(report: DailyContent) -> dict[str, Any]:
    """Return what the template prints: every figure as the words that stand on the paper."""
    today, cut_off = report["today"], datetime.fromisoformat(report["cut_off"])
    late = (
        f"電話 {report['unfinished_calls']}件、電話の後の処理 {report['unfinished_wrap_ups']}件（次の日報で確定します）"
    )
    return {
        "title": f"日報　{date_ja(day_of(report))}",
        "service_name": report["service_name"],
        "day": f"{date_ja(day_of(report))}　{report['service_name']}",
        "cut_off": {name: getattr(cut_off, name) for name in ("year", "month", "day", "hour", "minute", "second")},
        "cut_off_words": datetime_ja(cut_off),
        "late": [late] if report["unfinished_calls"] or report["unfinished_wrap_ups"] else [],
        "large": _large(report),
        "chart": hours_chart(today["hours"], font=FONT),
        "chart_words": described(today["hours"]),
        "hours": {
            "headings": ["時間帯", "入電", "応答", "放棄", "その他", "応答率", "着座", "受付可", "計画"],
            "rows": [_hour(each) for each in today["hours"]],
        },
        "breakdown": _breakdown(today),
        "calls": {"headings": ["応答率", "率", "分子／分母", "定義"], "rows": _rates(report)},
        "reasons": {
            "headings": ["用件", "応答した電話"],
            "rows": [[name, f"{calls}"] for name, calls in words.reasons(today)],
        },
        "bookings": {"headings": ["手続き", "受付", "新規", "変更", "取消"], "rows": _bookings(today)},
        "incidents": {
            "headings": ["始まり", "終わり", "内容"],
            "rows": [
                [when(each["since"]), when(each["until"]) if each["until"] else words.NOT_KNOWN, each["what"]]
                for each in report["incidents"]
            ],
        },
        "before": {
            "headings": ["日", "入電", "応答", "放棄", "応答率", "時間外", "新規", "変更", "取消"],
            "rows": [_before(each) for each in report["before"]],
        },
        "remaining": {
            "headings": ["手続き", "場所", "次に空いている日", "7日以内", "30日以内"],
            "rows": [
                [
                    each["service"],
                    each["venue"],
                    day_ja(date.fromisoformat(each["next_free_day"])) if each["next_free_day"] else words.NOT_KNOWN,
                    f"{each['places_7_days']}",
                    f"{each['places_30_days']}",
                ]
                for each in report["remaining"]
            ],
        },
        "definitions": "、".join(today["definitions"]),
        "explained": words.EXPLAINED,
        "nothing_personal": words.NOTHING_PERSONAL,
    }


def _large(report: DailyContent) -> list[list[str]]:
    today, month = report["today"], report["month"][0]
    strict = today["rates"][0]
    made, moved, cancelled = bookings_in_all(today)
    return [
        ["入電数", f"{today['received']}件", f"ほかに時間外 {today['received_closed']}件"],
        ["応答数", f"{today['answered']}件", f"放棄 {abandoned(today)}件"],
        ["応答率", words.percent(strict), f"{words.goal()}　{words.verdict(strict)}"],
        ["今月の応答率", words.percent(month), f"{words.goal()}　{words.verdict(month)}"],
        ["新しい予約", f"{made}件", f"変更 {moved}件、取消 {cancelled}件"],
    ]


def _breakdown(day: DayRow) -> str:
    waited = "".join(f"{name} {told}。" for name, told in words.waits(day))
    return (
        f"放棄の内訳：案内中 {day['abandoned_in_ivr']}件、待ち中 {day['abandoned_in_queue']}件、"
        f"呼び出し中 {day['abandoned_while_ringing']}件。ほかに、接続できず {day['failed']}件、"
        f"未決 {day['undecided']}件。最多着座数 {day['most_open_seats']}席。{waited}"
    )


def _hour(hour: HourRow) -> list[str]:
    seats = hour["seats"]
    return [
        words.hour_name(hour),
        f"{hour['received']}",
        f"{hour['answered']}",
        f"{hour['abandoned']}",
        f"{hour['failed'] + hour['undecided']}",
        words.percent(words.hour_rate(hour)),
        words.seats(seats["present"]),
        words.seats(seats["able"]),
        words.seats(seats["planned"]),
    ]


def _rates(report: DailyContent) -> list[list[str]]:
    return [
        [
            words.rate_name(each),
            words.percent(each),
            f"{each['numerator']}／{each['denominator']}",
            f"{each['id']}/{each['version']}",
        ]
        for each in report["today"]["rates"]
    ]


def _bookings(day: DayRow) -> list[list[str]]:
    rows = [
        [row["service_name"], words.channel(row), f"{row['made']}", f"{row['moved']}", f"{row['cancelled']}"]
        for row in day["bookings"]
    ]
    return [*rows, ["合計", "", *(f"{each}" for each in bookings_in_all(day))]]


def _before(day: DayRow) -> list[str]:
    return [
        day_ja(date.fromisoformat(day["day"])),
        f"{day['received']}",
        f"{day['answered']}",
        f"{abandoned(day)}",
        words.percent(day["rates"][0]),
        f"{day['received_closed']}",
        *(f"{each}" for each in bookings_in_all(day)),
    ]
