"""What the board's figures are called and how they are judged, in words that stand beside every colour."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from booking_core.clock import TOKYO
from booking_core.date_words import datetime_ja
from ivr.queue.models import SeatWhy
from metrics.answer_rate import GOAL_PERCENT, meets_goal
from metrics.definition import Rate
from metrics.goal import GoalStanding
from operator_ui.board_snapshot import Snapshot

Item = tuple[str, str, str | None, str | None]
WHY: Mapping[SeatWhy, str] = {
    SeatWhy.ANSWER_RATE: "応答率に合わせた増減",
    SeatWhy.PLAN: "計画どおり",
    SeatWhy.SHIFT: "交代・勤務の終わり",
    SeatWhy.TROUBLE: "機器・回線の不具合",
    SeatWhy.OTHER: "そのほかの事情",
}
NONE = "－"


def large_figures(board: Snapshot) -> Sequence[Item]:
    """Return the figures that are read from across the room."""
    return (
        ("待ち呼", f"{board.waiting}件", _oldest(board), "bad" if board.oldest and _minutes(board) >= 1 else None),
        _rate_item("応答率（直近15分）", board.recent, _of(board.recent)),
        _rate_item("応答率（今日）", board.day.rate, _of(board.day.rate), _room(board.day)),
        _rate_item("応答率（今月）", board.month.rate, _of(board.month.rate), _room(board.month)),
        ("着座数", f"{board.seats.present}席", _seats(board), _kind(_seats_enough(board))),
        ("席の負荷（1時間）", percent(board.slow.load), "受付可の時間のうち、通話と後処理", None),
    )


def percent(rate: Rate) -> str:
    return f"{rate.percent}％" if rate.percent is not None else NONE


def share(value: float | None) -> str:
    """Return a forecast share, cut to whole per cents."""
    return f"{int(value * 100)}％" if value is not None else NONE


def lasted(since: datetime | None, now: datetime) -> str:
    """「3分20秒」 up to now, 「1時間5分」 from an hour on, 「－」 of what never began."""
    if since is None:
        return NONE
    seconds = max(0, int((now - since).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    if minutes >= 60:  # noqa: PLR2004 - an hour
        return f"{minutes // 60}時間{minutes % 60}分"
    return f"{minutes}分{rest:02}秒"


def clock(instant: datetime) -> str:
    return f"{instant.astimezone(TOKYO):%H:%M}"


def line_sign(board: Snapshot) -> tuple[str, str]:
    """Return the icon and the words for whether calls are taken: a closure is not the evening."""
    closure = board.slow.hours.closure_at(board.at)
    if board.is_open:
        return "success", "受付中"
    return ("warning", f"休止中（{datetime_ja(closure.ends_at)}まで）") if closure else ("info", "受付時間外")


def _of(rate: Rate) -> str:
    return f"{rate.numerator}／{rate.denominator}件"


def _rate_item(name: str, rate: Rate, *more: str) -> Item:
    met = meets_goal(rate)
    judged = {
        None: f"目標{GOAL_PERCENT}％",
        True: f"目標{GOAL_PERCENT}％を満たす",
        False: f"目標{GOAL_PERCENT}％を下回る",
    }
    return name, percent(rate), "　".join((judged[met], *filter(None, more))), _kind(met)


def _room(standing: GoalStanding) -> str:
    """Return how many calls may still be lost, or how many have to be answered to be back at the goal."""
    if standing.met is None:
        return "まだ電話がありません"
    if not standing.met:
        return f"戻すには続けて{standing.must_answer}件の応答"
    return f"あと{standing.may_lose}件までは目標内" if standing.may_lose else "次の1件を逃すと目標を下回る"


def _oldest(board: Snapshot) -> str:
    if board.oldest is None:
        return "お待ちの方はいません"
    return f"最長{lasted(board.oldest, board.at)}（{clock(board.oldest)}から）"


def _minutes(board: Snapshot) -> int:
    return int((board.at - board.oldest).total_seconds()) // 60 if board.oldest else 0


def _seats_enough(board: Snapshot) -> bool | None:
    return board.seats.able >= board.planned_now if board.is_open else None


def _seats(board: Snapshot) -> str:
    able = f"うち受付可{board.seats.able}席"
    if not board.is_open:
        return able
    missing = board.planned_now - board.seats.able
    return f"{able}　計画{board.planned_now}席" + (f"（{missing}席不足）" if missing > 0 else "")


def _kind(good: bool | None) -> str | None:  # noqa: FBT001 - a judgement, None where there is none
    return {None: None, True: "good", False: "bad"}[good]
