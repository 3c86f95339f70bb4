"""Opening and closing seats from the board, with one click each and a reason on record (3-2-C)."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from booking_core.clock import real_now
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from booking_core.staff.roles import Permission
from ivr.queue.models import SeatWhy
from ivr.queue.seat_orders import close_seat, open_seat
from operator_ui.board import board_page
from operator_ui.door import BOARD, board_frame
from web.staff_access import acting, guard, requires
from web.wiring import wired

seats = Blueprint("seats", __name__, template_folder="templates", url_prefix="/seats")
guard(seats, BOARD)
seats.context_processor(board_frame)
Page = str | tuple[str, int] | Response


@seats.post("/")
@requires(Permission.SEATS_CHANGE)
def change() -> Page:
    """Open or close the seat of the operator whose button was pressed."""
    why = _why()
    opened, closed = request.form.get("open", type=int), request.form.get("close", type=int)
    if why is None or (opened is None) == (closed is None):
        return board_page(Refusal(Reason.CHOICE_NEEDED))
    now, by = wired().clock.now(), acting()
    answer = in_transaction(
        wired().engine,
        lambda db: (
            close_seat(db, closed, why, by=by, now=now)
            if closed is not None
            else open_seat(db, opened or 0, why, by=by, now=now, real_now=real_now())
        ),
    )
    return board_page(answer) if isinstance(answer, Refusal) else redirect(url_for("board.show", why=why), 303)


def _why() -> SeatWhy | None:
    given = request.form.get("why", "")
    return SeatWhy(given) if given in set(SeatWhy) else None
