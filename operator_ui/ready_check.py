"""The ready check: microphone, loudspeaker and network of an operator's place, before the first caller finds out."""

from flask import Blueprint, render_template

from booking_core.staff.roles import Permission
from ivr.queue.models import Status
from ivr.queue.operators import get_operator
from operator_ui.door import DESK, desk_frame
from operator_ui.softphone import Softphone
from web.staff_access import guard, requires, signed_in
from web.wiring import wired


def ready_check(phone: Softphone) -> Blueprint:
    """Return the ready check, to be mounted at the desk."""
    ready = Blueprint("ready", __name__, template_folder="templates", url_prefix="/ready")
    guard(ready, DESK)
    ready.context_processor(desk_frame)

    @ready.get("/")
    @requires(Permission.CALLS_TAKE)
    def show() -> str:
        with wired().reading() as db:
            me = get_operator(db, signed_in().account_id)
        takes_calls = me.status == Status.AVAILABLE
        return render_template("desk/ready.html", heading="機器の確認", driver=phone.driver, takes_calls=takes_calls)

    return ready
