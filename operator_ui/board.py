"""The board: how the line stands right now, for supervisors and the wall screen."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from booking_core.clock import TOKYO, tokyo_day
from booking_core.names import CHANNEL_NAMES
from booking_core.staff.roles import Permission
from metrics.answer_rate import GOAL_PERCENT, meets_goal
from metrics.day_figures import DayFigures, figures_of_day
from operator_ui.desk import unless_known
from operator_ui.door import BOARD, board_frame
from web.staff_access import guard, requires
from web.wiring import wired

board = Blueprint("board", __name__, template_folder="templates")
guard(board, BOARD)
board.context_processor(board_frame)


@board.get("/")
@requires(Permission.BOARD_SEE)
def show() -> str:
    return render_template("board/board.html", heading="応答の状況", **_shown())


@board.get("/figures")
@requires(Permission.BOARD_SEE, poll=True)
def figures() -> Response:
    """The part of the board that is asked for again every few seconds."""
    return unless_known(render_template("board/_figures.html", **_shown()))


def _shown() -> dict[str, object]:
    now = wired().clock.now()
    with wired().reading() as db:
        today = figures_of_day(db, tokyo_day(now))
    return {
        "figures": today,
        "items": _items(today, oldest_minutes=_minutes_waited(today, now.timestamp())),
        "goal": GOAL_PERCENT,
        "channels": CHANNEL_NAMES,
    }


def _minutes_waited(today: DayFigures, now: float) -> int:
    since = today.oldest_waiting_since
    return int(now - since.timestamp()) // 60 if since else 0


def _items(today: DayFigures, *, oldest_minutes: int) -> list[tuple[str, str, str | None, str | None]]:
    """Return the large figures, each with a word on what it means and whether it is good."""
    met = meets_goal(today.strict_rate)
    goal_note = {None: f"目標{GOAL_PERCENT}％", True: f"目標{GOAL_PERCENT}％を満たしています"}.get(
        met, f"目標{GOAL_PERCENT}％を下回っています"
    )
    since = today.oldest_waiting_since
    oldest = f"最長{oldest_minutes}分（{since.astimezone(TOKYO):%H:%M}から）" if since else "お待ちの方はいません"
    share = today.strict_rate.percent
    return [
        ("入電数", f"{today.received}件", f"ほかに時間外{today.received_closed}件", None),
        ("待ち呼", f"{today.waiting}件", oldest, None),
        ("応答数", f"{today.answered}件", f"放棄{today.abandoned}件", None),
        ("応答率", f"{share}％" if share else "－", goal_note, {None: None, True: "good", False: "bad"}[met]),
        ("着座数", f"{today.open_seats.present}席", f"うち受付可{today.open_seats.able}席", None),
    ]
