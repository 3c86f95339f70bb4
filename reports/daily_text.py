"""The day's figures as a mail: plain Japanese, with the definitions they stand under, and nothing personal (3-2-L)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from booking_core.date_words import date_ja, datetime_ja, day_ja
from reports import words
from reports.content import BookingRow, DailyContent, DayRow, RateRow, RemainingRow, abandoned, bookings_in_all


def subject(report: DailyContent) -> str:
    return f"【日報】{date_ja(day_of(report))}　{report['service_name']}"


def day_of(report: DailyContent) -> date:
    return date.fromisoformat(report["today"]["day"])


def body(report: DailyContent) -> str:
    """Return the mail's text, each line ending as a line of text does."""
    today, cut_off = report["today"], datetime.fromisoformat(report["cut_off"])
    lines = [
        f"{report['service_name']}　日報",
        "",
        f"対象の日：{date_ja(day_of(report))}",
        f"集計の時刻：{datetime_ja(cut_off)}（この時刻までの分です。残りは次の日報に載ります）",
        *_named_late(report),
        "",
        "■ 電話",
        *_call_lines(today),
        f"今月の応答率：{_rate(report['month'][0])}　{words.goal()}{_verdict(report['month'][0])}",
        "",
        *_reason_lines(today),
        "■ 予約（この日に受けたもの）",
        *_booking_lines(today["bookings"]),
        *_remaining_lines(report["remaining"]),
        *_incidents(report),
        *_completed(report["before"]),
        "",
        "■ 数え方（定義の番号）",
        "、".join(today["definitions"]),
        words.EXPLAINED,
        "",
        "時間帯ごとの件数と着座数、場所ごとの残枠は、添付のファイルをご覧ください。",
        words.NOTHING_PERSONAL,
    ]
    return "\n".join(lines) + "\n"


def _named_late(report: DailyContent) -> Iterable[str]:
    calls, wrap_ups = report["unfinished_calls"], report["unfinished_wrap_ups"]
    if calls or wrap_ups:
        yield f"まだ終わっていないもの：電話 {calls}件、電話の後の処理 {wrap_ups}件（次の日報で確定します）"


def _call_lines(day: DayRow) -> list[str]:
    strict, *others = day["rates"]
    return [
        f"入電数（受付時間内）：{day['received']}件",
        f"応答数（人が出た電話）：{day['answered']}件",
        f"応答率：{_rate(strict)}　{words.goal()}{_verdict(strict)}",
        f"放棄（案内の途中）：{day['abandoned_in_ivr']}件",
        f"放棄（お待ちの間）：{day['abandoned_in_queue']}件",
        f"放棄（呼び出しの間）：{day['abandoned_while_ringing']}件",
        f"つながらなかった電話（設備の都合）：{day['failed']}件",
        f"まだ決まっていない電話：{day['undecided']}件",
        f"時間外の電話：{day['received_closed']}件",
        f"最も多いときの着座数：{day['most_open_seats']}席",
        *(f"{name}：{told}" for name, told in words.waits(day)),
        *(f"{words.rate_name(each)}：{_rate(each)}" for each in others),
    ]


def _reason_lines(day: DayRow) -> list[str]:
    told = [f"{name}：{calls}件" for name, calls in words.reasons(day)]
    return ["■ 用件（応答した電話）", *told, ""] if told else []


def _remaining_lines(rows: Sequence[RemainingRow]) -> list[str]:
    told = [
        f"{service}：7日以内 {soon}件、30日以内 {later}件"
        + (f"（30日以内に空きのない場所 {full}か所）" if full else "")
        for service, soon, later, full in words.remaining_by_service(rows)
    ]
    return ["", "■ 残枠（次の日から先、集計の時刻に予約できる数）", *told] if told else []


def _booking_lines(rows: Sequence[BookingRow]) -> list[str]:
    each = [
        f"{row['service_name']}／{words.channel(row)}："
        f"新規 {row['made']}件、変更 {row['moved']}件、取消 {row['cancelled']}件"
        for row in rows
    ]
    made, moved, cancelled = (sum(row[name] for row in rows) for name in ("made", "moved", "cancelled"))
    return [*each, f"合計：新規 {made}件、変更 {moved}件、取消 {cancelled}件"]


def _incidents(report: DailyContent) -> list[str]:
    said = [f"{when(each['since'])}　{each['what']}" for each in report["incidents"]] or ["ありません。"]
    return ["", "■ 障害・お知らせ", *said]


def when(iso: str) -> str:
    """「4月7日（月）9:05」: an instant as reports write it where lists are narrow."""
    instant = datetime.fromisoformat(iso)
    return f"{day_ja(instant.date())}{instant.hour}:{instant:%M}"


def _completed(days: Sequence[DayRow]) -> list[str]:
    if not days:
        return []
    lines = ["", "■ 前の日までの確定した数"]
    for day in days:
        made, moved, cancelled = bookings_in_all(day)
        lines.append(
            f"{date_ja(date.fromisoformat(day['day']))}：入電 {day['received']}件、応答 {day['answered']}件、"
            f"放棄 {abandoned(day)}件、応答率 {_rate(day['rates'][0])}、"
            f"時間外 {day['received_closed']}件、新規予約 {made}件、変更 {moved}件、取消 {cancelled}件"
        )
    return lines


def _rate(row: RateRow) -> str:
    return (
        f"{words.percent(row)}（{row['numerator']}／{row['denominator']}）"
        if row["denominator"]
        else "－（対象の電話なし）"
    )


def _verdict(row: RateRow) -> str:
    return f"（{words.verdict(row)}）" if words.verdict(row) else ""
