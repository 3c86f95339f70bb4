"""Closing an alarm from the board: a supervisor has seen to it."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from booking_core.alarms import close_alarm
from booking_core.db import in_transaction
from booking_core.staff.roles import Permission
from operator_ui.door import BOARD, board_frame
from web.staff_access import acting, guard, requires
from web.wiring import wired

board_alarms = Blueprint("board_alarms", __name__, template_folder="templates", url_prefix="/alarms")
guard(board_alarms, BOARD)
board_alarms.context_processor(board_frame)


@board_alarms.post("/")
@requires(Permission.ALARMS_CLOSE)
def close() -> Response:
    """Close the alarm whose button was pressed. One that somebody else has closed meanwhile is none the worse."""
    alarm_id = request.form.get("alarm", default=0, type=int)
    in_transaction(wired().engine, lambda db: close_alarm(db, alarm_id, by=acting(), now=wired().clock.now()))
    return redirect(url_for("board.show"), 303)
