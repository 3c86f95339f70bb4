"""How figures are written in reports: the same words and the same rounding in mail, CSV, PDF, Excel and on screens."""

from collections.abc import Iterator, Mapping, Sequence

from booking_core.names import CHANNEL_NAMES
from ivr.names import MAIN_REASON_NAMES
from metrics.answer_rate import GOAL_PERCENT, STRICT, meets_goal
from reports.content import BookingRow, DayRow, HourRow, RateRow, RemainingRow, WaitsRow, rate_of

NOT_KNOWN = "－"
RATE_NAMES: Mapping[str, str] = {
    "answer_rate.strict": "応答率",
    "answer_rate.queue_based": "参考　待ち列に入った電話のうち応答",
    "answer_rate.without_waits_to_5s": "参考　同上、5秒以内の放棄を除く",
    "answer_rate.without_waits_to_10s": "参考　同上、10秒以内の放棄を除く",
    "answer_rate.without_waits_to_20s": "参考　同上、20秒以内の放棄を除く",
    "answer_rate.without_waits_to_30s": "参考　同上、30秒以内の放棄を除く",
    "answer_rate.with_call_backs": "参考　その日の折り返しを応答に数える",
    "service_level.of_offered.20s": "参考　待ち列に入った電話のうち20秒以内の応答",
}
REASON_NAMES: Mapping[str, str] = {str(each): name for each, name in MAIN_REASON_NAMES.items()} | {"": "まだ記録なし"}

MICROS_A_TENTH = 100_000
EXPLAINED = (
    "応答率は、受付時間内にかかってきて結果の決まった電話のうち、人が出たものの割合です。"
    "案内の途中やお待ちの間に切れた電話も、分母に入ります。"
)
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


def reasons(day: DayRow) -> list[tuple[str, int]]:
    """Return the main reasons of a day's answered calls by name; nothing where the report did not keep them."""
    return [(REASON_NAMES.get(each["reason"], each["reason"]), each["calls"]) for each in day.get("reasons", [])]


def waits(day: DayRow) -> list[tuple[str, str]]:
    """Return the mean and the longest wait by name; nothing where the report did not keep them."""
    kept: WaitsRow | None = day.get("waits")
    if kept is None:
        return []
    mean = seconds(kept["answered_us"] // kept["answered"]) if kept["answered"] else NOT_KNOWN
    return [("平均の待ち時間（応答した電話）", mean), ("最も長い待ち時間", seconds(kept["longest_us"]))]


def seconds(micros: int) -> str:
    """「12.3秒」, cut to a tenth."""
    tenths = micros // MICROS_A_TENTH
    return f"{tenths // 10}.{tenths % 10}秒"


def remaining_by_service(rows: Sequence[RemainingRow]) -> Iterator[tuple[str, int, int, int]]:
    """Yield each service with its places of 7 and of 30 days, and at how many venues none is left for 30 days."""
    for service in dict.fromkeys(each["service"] for each in rows):
        own = [each for each in rows if each["service"] == service]
        full = sum(each["next_free_day"] is None for each in own)
        yield service, sum(e["places_7_days"] for e in own), sum(e["places_30_days"] for e in own), full
