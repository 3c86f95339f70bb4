"""What a person has to look at, until somebody has seen to it."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from admin_ui.door import ADMIN, admin_frame
from booking_core.alarms import close_alarm, list_open
from booking_core.db import in_transaction
from booking_core.staff.roles import Permission
from web.staff_access import acting, guard, requires
from web.staff_frame import may_open
from web.wiring import wired

alarms = Blueprint("admin_alarms", __name__, template_folder="templates")
guard(alarms, ADMIN)
alarms.context_processor(admin_frame)


@alarms.get("/alarms")
@requires(Permission.ALARMS_SEE)
def show() -> str:
    with wired().reading() as db:
        found = list_open(db)
    return render_template("admin/alarms.html", heading="警告", alarms=found, may_close=may_open("admin_alarms.close"))


@alarms.post("/alarms/<int(max=9223372036854775807):alarm_id>/close")
@requires(Permission.ALARMS_CLOSE)
def close(alarm_id: int) -> Response:
    """Close an alarm. One that somebody else has closed meanwhile is none the worse."""
    in_transaction(wired().engine, lambda db: close_alarm(db, alarm_id, by=acting(), now=wired().clock.now()))
    return redirect(url_for("admin_alarms.show"), 303)
