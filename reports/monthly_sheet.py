"""The month as an Excel workbook: by day, by hour, by service and channel, with sums, a chart and the definitions.

Counts are numbers and sums are formulas, with the value that they give kept beside them, so that the workbook can be
gone on with and still says the same in a program that computes nothing. No text is ever taken for a formula or a link.
"""

import io
from collections import Counter
from datetime import UTC, date, datetime, time
from typing import Any

import xlsxwriter

from booking_core.date_words import WEEKDAYS, month_ja
from booking_core.names import CHANNEL_NAMES
from metrics.answer_rate import GOAL_PERCENT
from reports import words
from reports.content import rate_of
from reports.monthly import Month, day_counts

DAY_COLUMNS = (
    ("received", "入電数"),
    ("answered", "応答数"),
    ("abandoned", "放棄数"),
    ("failed", "接続できず"),
    ("undecided", "未決"),
    ("received_closed", "時間外"),
    ("made", "新規予約"),
    ("made_web", "うちホームページ"),
    ("moved", "変更"),
    ("cancelled", "取消"),
)
RATE_COLUMN = 3 + len(DAY_COLUMNS)
FIRST_ROW = 4
"""The rows of days begin here, counted from 0; the headings stand just above."""


def monthly_sheet(month: Month) -> bytes:
    """Return the workbook, the same bytes for the same month."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": _title(month), "created": datetime.combine(month.first, time(0), UTC)})
    book.set_calc_mode("auto")
    style = _styles(book)
    _by_day(book, style, month)
    _by_hour(book, style, month)
    _by_service(book, style, month)
    _by_reason(book, style, month)
    _definitions(book, style, month)
    book.close()
    return out.getvalue()


def file_name(first: date) -> str:
    return f"monthly-{first:%Y-%m}.xlsx"


def _title(month: Month) -> str:
    return f"月報　{month_ja(month.first)}"


def _styles(book: Any) -> dict[str, Any]:  # noqa: ANN401 - the library ships no types
    font = {"font_name": "Yu Gothic", "font_size": 10}
    edge = {"border": 1, "border_color": "#999999"}
    return {
        "title": book.add_format(font | {"bold": True, "font_size": 14}),
        "note": book.add_format(font | {"font_color": "#4d4d4d"}),
        "head": book.add_format(
            font
            | edge
            | {"bold": True, "bg_color": "#e8f1fe", "text_wrap": True, "align": "center", "valign": "vcenter"}
        ),
        "text": book.add_format(font | edge),
        "day": book.add_format(font | edge | {"num_format": "m/d", "align": "center"}),
        "centre": book.add_format(font | edge | {"align": "center"}),
        "count": book.add_format(font | edge | {"num_format": "#,##0"}),
        "rate": book.add_format(font | edge | {"num_format": "0.0%"}),
        "sum_head": book.add_format(font | edge | {"bold": True, "top": 2}),
        "sum": book.add_format(font | edge | {"bold": True, "top": 2, "num_format": "#,##0"}),
        "sum_rate": book.add_format(font | edge | {"bold": True, "top": 2, "num_format": "0.0%"}),
    }


def _page(book: Any, name: str, widths: dict[str, float]) -> Any:  # noqa: ANN401 - see above
    page = book.add_worksheet(name)
    for columns, width in widths.items():
        page.set_column(columns, width)
    page.set_paper(9)
    page.fit_to_pages(1, 1)
    page.set_footer("&L&A&R&P / &N")
    return page


def _by_day(book: Any, style: dict[str, Any], month: Month) -> None:  # noqa: ANN401 - see above
    page = _page(book, "日別", {"A:A": 8, "B:B": 6, "C:M": 9.5, "N:P": 10})
    page.set_landscape()
    page.write_string(0, 0, _title(month), style["title"])
    reported = sum(each.row is not None for each in month.days)
    page.write_string(
        1,
        0,
        f"日報{reported}日分の合計です。速報の日は、次の日報で確定します。"
        f"応答率の目標は{GOAL_PERCENT}%（月で判定）、定義は「定義」の表にあります。",
        style["note"],
    )
    headings = ["日", "曜日", "電話の受付", *(name for _, name in DAY_COLUMNS), "応答率の対象", "応答率", "状態"]
    for column, heading in enumerate(headings):
        page.write_string(FIRST_ROW - 1, column, heading, style["head"])
    page.set_row(FIRST_ROW - 1, 30)
    for n, each in enumerate(month.days):
        line = FIRST_ROW + n
        page.write_datetime(line, 0, datetime.combine(each.day, time(0)), style["day"])
        page.write_string(line, 1, WEEKDAYS[each.day.weekday()], style["centre"])
        if each.row is None:
            for column in range(2, RATE_COLUMN + 2):
                page.write_blank(line, column, None, style["text"])
            page.write_string(line, RATE_COLUMN + 2, "日報なし", style["centre"])
            continue
        page.write_string(line, 2, "あり" if each.row["line_open"] else "休み", style["centre"])
        counts = day_counts(each.row)
        for column, (name, _) in enumerate(DAY_COLUMNS, start=3):
            page.write_number(line, column, counts[name], style["count"])
        strict = each.row["rates"][0]
        page.write_number(line, RATE_COLUMN, strict["denominator"], style["count"])
        _write_rate(page, style["rate"], line, strict["numerator"], strict["denominator"])
        page.write_string(line, RATE_COLUMN + 2, "確定" if each.complete else "速報", style["centre"])
    _sums_by_day(page, style, month)
    _chart_by_day(book, page, month)
    page.freeze_panes(FIRST_ROW, 3)
    page.repeat_rows(FIRST_ROW - 1)


def _write_rate(page: Any, form: Any, line: int, numerator: int, denominator: int) -> None:  # noqa: ANN401 - see above
    """Write the answered share of the calls of a line as a formula, with its value; nothing where there were none."""
    if not denominator:
        page.write_blank(line, RATE_COLUMN + 1, None, form)
        return
    answered, counted = f"E{line + 1}", f"N{line + 1}"
    page.write_formula(line, RATE_COLUMN + 1, f"={answered}/{counted}", form, numerator / denominator)


def _sums_by_day(page: Any, style: dict[str, Any], month: Month) -> None:  # noqa: ANN401 - see above
    line, last = FIRST_ROW + len(month.days), FIRST_ROW + len(month.days)
    for column, said in enumerate(("合計", "", "")):
        page.write_string(line, column, said, style["sum_head"])
    for column, (name, _) in enumerate(DAY_COLUMNS, start=3):
        _write_sum(page, style["sum"], line, column, last=last, value=month.total(name))
    strict = next(iter(month.rates()), None)
    numerator, denominator = (strict["numerator"], strict["denominator"]) if strict else (0, 0)
    _write_sum(page, style["sum"], line, RATE_COLUMN, last=last, value=denominator)
    _write_rate(page, style["sum_rate"], line, numerator, denominator)
    page.write_string(line, RATE_COLUMN + 2, words.verdict(strict) if strict else "", style["sum_head"])


def _write_sum(page: Any, form: Any, line: int, column: int, *, last: int, value: int) -> None:  # noqa: ANN401 - see above
    name = xlsxwriter.utility.xl_col_to_name(column)
    page.write_formula(line, column, f"=SUM({name}{FIRST_ROW + 1}:{name}{last})", form, value)


def _chart_by_day(book: Any, page: Any, month: Month) -> None:  # noqa: ANN401 - see above
    last = FIRST_ROW + len(month.days) - 1
    days = ["日別", FIRST_ROW, 0, last, 0]
    chart = book.add_chart({"type": "column"})
    for column, colour in ((3, "#b3b3b3"), (4, "#0017c1")):
        chart.add_series(
            {
                "name": ["日別", FIRST_ROW - 1, column],
                "categories": days,
                "values": ["日別", FIRST_ROW, column, last, column],
                "fill": {"color": colour},
                "gap": 60,
            }
        )
    line = book.add_chart({"type": "line"})
    line.add_series(
        {
            "name": ["日別", FIRST_ROW - 1, RATE_COLUMN + 1],
            "categories": days,
            "values": ["日別", FIRST_ROW, RATE_COLUMN + 1, last, RATE_COLUMN + 1],
            "y2_axis": True,
            "marker": {"type": "diamond", "size": 6},
            "line": {"color": "#b8500f", "width": 1.75},
        }
    )
    chart.combine(line)
    chart.set_title({"name": "日別の入電数・応答数と応答率", "name_font": {"size": 11}})
    chart.set_y_axis({"name": "件", "min": 0})
    line.set_y2_axis({"name": "応答率", "min": 0, "max": 1, "num_format": "0%"})
    chart.set_x_axis({"num_format": "m/d", "text_axis": True})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 1060, "height": 330})
    chart.show_na_as_empty_cell()
    page.insert_chart(
        FIRST_ROW + len(month.days) + 2,
        0,
        chart,
        {"description": "日別の入電数と応答数を棒で、応答率を線で示した図。数は上の表と同じです。"},
    )


def _by_hour(book: Any, style: dict[str, Any], month: Month) -> None:  # noqa: ANN401 - see above
    page = _page(book, "時間帯別", {"A:A": 12, "B:H": 11})
    page.write_string(0, 0, f"{_title(month)}　時間帯別（電話）", style["title"])
    for column, heading in enumerate(
        ("時間帯", "入電数", "応答数", "放棄数", "接続できず", "未決", "応答率の対象", "応答率")
    ):
        page.write_string(2, column, heading, style["head"])
    added: dict[int, Counter[str]] = {}
    names = ("received", "answered", "abandoned", "failed", "undecided", "counted")
    for each in (each for row in month.rows for each in row["hours"]):
        added.setdefault(each["hour"], Counter()).update({name: each[name] for name in names})  # type: ignore[literal-required] # the names above are its keys
    for line, hour in enumerate(sorted(added), start=3):
        sums = added[hour]
        page.write_string(line, 0, f"{hour}時台", style["text"])
        for column, name in enumerate(names, start=1):
            page.write_number(line, column, sums[name], style["count"])
        if sums["counted"]:
            value = sums["answered"] / sums["counted"]
            page.write_formula(line, 7, f"=C{line + 1}/G{line + 1}", style["rate"], value)
        else:
            page.write_blank(line, 7, None, style["rate"])


def _by_service(book: Any, style: dict[str, Any], month: Month) -> None:  # noqa: ANN401 - see above
    page = _page(book, "予約", {"A:A": 34, "B:B": 16, "C:E": 10})
    page.write_string(0, 0, f"{_title(month)}　予約（受けた日で数えます）", style["title"])
    for column, heading in enumerate(("手続き", "受付", "新規", "変更", "取消")):
        page.write_string(2, column, heading, style["head"])
    added: dict[tuple[str, str], Counter[str]] = {}
    for each in (each for row in month.rows for each in row["bookings"]):
        sums = added.setdefault((each["service_name"], each["channel"]), Counter())
        sums.update(made=each["made"], moved=each["moved"], cancelled=each["cancelled"])
    line = 3
    for (service, channel), sums in added.items():
        page.write_string(line, 0, service, style["text"])
        page.write_string(line, 1, CHANNEL_NAMES.get(channel, channel), style["text"])
        for column, name in enumerate(("made", "moved", "cancelled"), start=2):
            page.write_number(line, column, sums[name], style["count"])
        line += 1
    page.write_string(line, 0, "合計", style["sum_head"])
    page.write_string(line, 1, "", style["sum_head"])
    for column, name in enumerate(("made", "moved", "cancelled"), start=2):
        letter = xlsxwriter.utility.xl_col_to_name(column)
        formula = f"=SUM({letter}4:{letter}{max(line, 4)})" if line > 3 else "=0"  # noqa: PLR2004 - the first line
        page.write_formula(line, column, formula, style["sum"], month.total(name))


def _by_reason(book: Any, style: dict[str, Any], month: Month) -> None:  # noqa: ANN401 - see above
    added = Counter[str]()
    for row in month.rows:
        added.update(dict(words.reasons(row)))
    if not added:
        return
    page = _page(book, "用件", {"A:A": 34, "B:B": 14})
    page.write_string(0, 0, f"{_title(month)}　用件（応答した電話、着信した日で数えます）", style["title"])
    for column, heading in enumerate(("用件", "件数")):
        page.write_string(2, column, heading, style["head"])
    named = [each for each in words.REASON_NAMES.values() if each in added]
    for line, name in enumerate(named, start=3):
        page.write_string(line, 0, name, style["text"])
        page.write_number(line, 1, added[name], style["count"])
    page.write_string(3 + len(named), 0, "合計", style["sum_head"])
    page.write_formula(3 + len(named), 1, f"=SUM(B4:B{3 + len(named)})", style["sum"], added.total())


def _definitions(book: Any, style: dict[str, Any], month: Month) -> None:  # noqa: ANN401 - see above
    page = _page(book, "定義", {"A:A": 46, "B:C": 12, "D:D": 44})
    page.write_string(0, 0, f"{_title(month)}　率と定義", style["title"])
    for column, heading in enumerate(("率", "月の値", "分子／分母", "定義の番号")):
        page.write_string(2, column, heading, style["head"])
    line = 3
    for rate in month.rates():
        page.write_string(line, 0, words.rate_name(rate), style["text"])
        share = rate_of(rate).share
        if share is None:
            page.write_string(line, 1, words.NOT_KNOWN, style["text"])
        else:
            page.write_number(line, 1, share, style["rate"])
        page.write_string(line, 2, f"{rate['numerator']}／{rate['denominator']}", style["text"])
        page.write_string(line, 3, f"{rate['id']}/{rate['version']}", style["text"])
        line += 1
    for said in (words.EXPLAINED, f"使った定義：{'、'.join(month.definitions())}", words.NOTHING_PERSONAL):
        line += 1
        page.write_string(line, 0, said, style["note"])
