"""How figures are written in reports: the same words and the same rounding in mail, CSV, PDF, Excel and on screens."""

from collections.abc import Mapping

from booking_core.names import CHANNEL_NAMES
from metrics.answer_rate import GOAL_PERCENT, STRICT, meets_goal
from reports.content import BookingRow, HourRow, RateRow, rate_of

NOT_KNOWN = "－"
RATE_NAMES: Mapping[str, str] = {
    "answer_rate.strict": "応答率",
    "answer_rate.queue_based": "参考　待ち列に入った電話のうち応答",
    "answer_rate.without_waits_to_5s": "参考　同上、5秒以内の放棄を除く",
    "answer_rate.without_waits_to_10s": "参考　同上、10秒以内の放棄を除く",
    "answer_rate.without_waits_to_20s": "参考　同上、20秒以内の放棄を除く",
    "answer_rate.without_waits_to_30s": "参考　同上、30秒以内の放棄を除く",
    "answer_rate.with_call_backs": "参考　その日の折り返しを応答に数える",
}
EXPLAINED = "応答率は、受付時間内にかかってきたすべての電話のうち、人が出たものの割合です。"
NOTHING_PERSONAL = "この日報に、個人の情報は入っていません。"


def rate_name(row: RateRow) -> str:
    return RATE_NAMES.get(row["id"], row["id"])


def percent(row: RateRow) -> str:
    """「85.7%」, cut and never rounded up; 「－」 where nothing was counted."""
    share = rate_of(row).percent
    return f"{share}%" if share is not None else NOT_KNOWN


def verdict(row: RateRow) -> str:
    """「達成」 or 「未達成」 for the contract's rate; nothing where nothing was counted."""
    return {True: "達成", False: "未達成", None: ""}[meets_goal(rate_of(row))]


def goal() -> str:
    return f"目標 {GOAL_PERCENT}%"


def hour_rate(hour: HourRow) -> RateRow:
    """Return an hour's strict rate."""
    return {"id": STRICT.id, "version": STRICT.version, "numerator": hour["answered"], "denominator": hour["counted"]}


def hour_name(hour: HourRow) -> str:
    return f"{hour['hour']}時台"


def seats(tenths: int | None) -> str:
    """「18.5」 seats."""
    return f"{tenths // 10}.{tenths % 10}" if tenths is not None else NOT_KNOWN


def channel(row: BookingRow) -> str:
    return CHANNEL_NAMES.get(row["channel"], row["channel"])
