"""The day's figures as a mail: plain Japanese, with the definitions they stand under, and nothing personal (3-2-L)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from booking_core.date_words import date_ja, datetime_ja
from booking_core.names import CHANNEL_NAMES
from metrics.answer_rate import GOAL_PERCENT, SHORT_WAITS, meets_goal
from metrics.booking_counts import BookingCount
from metrics.day_end import Unfinished
from metrics.day_figures import DayFigures
from metrics.definition import Rate


@dataclass(frozen=True, slots=True)
class DailyReport:
    """What one day's mail says.

    Attributes:
        service_name: as the city has set it.
        today: the figures of the day, as they stood at `cut_off`.
        before: the days that are completed with it: the operating day before and the closed days since (F-38).
        cut_off: up to when `today` was counted; what comes later that day stands in the next report.
        unfinished: what had not ended by then.
    """

    service_name: str
    today: DayFigures
    before: Sequence[DayFigures]
    cut_off: datetime
    unfinished: Unfinished


def subject(report: DailyReport) -> str:
    return f"【日報】{date_ja(report.today.day)}　{report.service_name}"


def body(report: DailyReport) -> str:
    """Return the mail's text, each line ending as a line of text does."""
    today = report.today
    lines = [
        f"{report.service_name}　日報",
        "",
        f"対象の日：{date_ja(today.day)}",
        f"集計の時刻：{datetime_ja(report.cut_off)}（この時刻までの分です。残りは次の日報に載ります）",
        *_named_late(report.unfinished),
        "",
        "■ 電話",
        *_call_lines(today),
        "",
        "■ 予約（この日に受けたもの）",
        *_booking_lines(today.bookings),
        *_completed(report.before),
        "",
        "■ 数え方（定義の番号）",
        "、".join(str(definition) for definition in today.definitions),
        "応答率は、受付時間内にかかってきたすべての電話のうち、人が出たものの割合です。",
        "",
        "この日報に、個人の情報は入っていません。",
    ]
    return "\n".join(lines) + "\n"


def _named_late(unfinished: Unfinished) -> Iterable[str]:
    if unfinished:
        yield (
            f"まだ終わっていないもの：電話 {unfinished.calls}件、電話の後の処理 {unfinished.wrap_ups}件"
            "（次の日報で確定します）"
        )


def _call_lines(day: DayFigures) -> list[str]:
    return [
        f"入電数（受付時間内）：{day.received}件",
        f"応答数（人が出た電話）：{day.answered}件",
        f"応答率：{_rate(day.strict_rate)}　目標 {GOAL_PERCENT}%{_verdict(day.strict_rate)}",
        f"放棄（案内の途中）：{day.abandoned_in_ivr}件",
        f"放棄（お待ちの間）：{day.abandoned_in_queue}件",
        f"つながらなかった電話（設備の都合）：{day.failed}件",
        f"まだ決まっていない電話：{day.undecided}件",
        f"時間外の電話：{day.received_closed}件",
        f"最も多いときの着座数：{day.most_open_seats}席",
        f"参考　待ち列に入った電話のうち応答：{_rate(day.queue_based_rate)}",
        *(
            f"参考　同上、{seconds}秒以内の放棄を除く：{_rate(rate)}"
            for seconds, rate in zip(SHORT_WAITS, day.other_rates, strict=True)
        ),
    ]


def _booking_lines(counts: Sequence[BookingCount]) -> list[str]:
    each = [
        f"{count.service_name}／{CHANNEL_NAMES.get(count.channel, count.channel)}："
        f"新規 {count.made}件、変更 {count.moved}件、取消 {count.cancelled}件"
        for count in counts
    ]
    made, moved, cancelled = (
        sum(count.made for count in counts),
        sum(count.moved for count in counts),
        sum(count.cancelled for count in counts),
    )
    return [*each, f"合計：新規 {made}件、変更 {moved}件、取消 {cancelled}件"]


def _completed(days: Sequence[DayFigures]) -> list[str]:
    if not days:
        return []
    lines = ["", "■ 前の日までの確定した数"]
    for day in days:
        made, cancelled = sum(c.made for c in day.bookings), sum(c.cancelled for c in day.bookings)
        moved = sum(c.moved for c in day.bookings)
        lines.append(
            f"{date_ja(day.day)}：入電 {day.received}件、応答 {day.answered}件、応答率 {_rate(day.strict_rate)}、"
            f"時間外 {day.received_closed}件、新規予約 {made}件、変更 {moved}件、取消 {cancelled}件"
        )
    return lines


def _rate(rate: Rate) -> str:
    return f"{rate.percent}%（{rate.numerator}／{rate.denominator}）" if rate.denominator else "－（対象の電話なし）"


def _verdict(rate: Rate) -> str:
    return {True: "（達成）", False: "（未達成）", None: ""}[meets_goal(rate)]
