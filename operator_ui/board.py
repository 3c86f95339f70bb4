"""The board: how the line stands right now, for supervisors and the wall screen."""

from flask import Blueprint, current_app, render_template
from werkzeug.wrappers import Response

from booking_core.names import CHANNEL_NAMES
from booking_core.refusal import Refusal
from booking_core.staff.roles import Permission
from ivr.queue.models import Status
from operator_ui import board_words, words
from operator_ui.board_snapshot import Snapshot, Snapshots
from operator_ui.desk import unless_known
from operator_ui.door import BOARD, board_frame
from operator_ui.seat_chart import seat_chart
from web.answers import status_of
from web.staff_access import guard, requires
from web.staff_frame import may_open
from web.wiring import wired

board = Blueprint("board", __name__, template_folder="templates")
guard(board, BOARD)
board.context_processor(board_frame)
SHARED = "madoguchi.board"
Page = str | tuple[str, int] | Response


@board.get("/")
@requires(Permission.BOARD_SEE)
def show() -> Page:
    return board_page()


@board.get("/figures")
@requires(Permission.BOARD_SEE, poll=True)
def figures() -> Response:
    """The part of the board that is asked for again every few seconds; unchanged it costs no bytes."""
    return unless_known(_drawn(snapshots().recent()))


def snapshots() -> Snapshots:
    """Return what all boards of this process share."""
    found: Snapshots = current_app.extensions.setdefault(SHARED, Snapshots(wired()))
    return found


def board_page(refusal: Refusal | None = None) -> Page:
    """Return the whole board as it stands now, and why what was asked for was not done."""
    page = render_template(
        "board/board.html",
        heading="応答の状況",
        live=_drawn(snapshots().afresh()),
        why=board_words.WHY,
        may_change=may_open("seats.change"),
        errors={"": refusal.message} if refusal else {},
    )
    return page, status_of(refusal) if refusal else 200


def _drawn(now: Snapshot) -> str:
    """Return the live part of the page; whoever may do the same sees the same, so it is made once a snapshot."""
    may = (may_open("seats.change"), may_open("board_alarms.close"))
    if may not in now.drawn:
        now.drawn[may] = render_template(
            "board/_live.html",
            board=now,
            say=board_words,
            words=words,
            channels=CHANNEL_NAMES,
            chart=seat_chart(now.slow.minutes, now.slow.plan, now.slow.hours, now=now.at),
            may_change=may[0],
            may_close=may[1],
            offline=Status.OFFLINE,
        )
    return now.drawn[may]
