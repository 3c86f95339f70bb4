"""Every member of staff changes her own password, whenever she likes (3-1-C-xvi-c(b))."""

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from admin_ui.door import ADMIN, admin_frame
from booking_core.clock import real_now
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from booking_core.settings import read_all
from booking_core.staff.accounts import change_own_password
from booking_core.staff.passwords import LONGEST
from booking_core.staff.roles import Permission
from booking_core.staff.sessions import open_session
from web.answers import status_of
from web.staff_access import acting, guard, requires, signed_in
from web.wiring import wired

own_password = Blueprint("admin_password", __name__, template_folder="templates")
guard(own_password, ADMIN)
own_password.context_processor(admin_frame)
Page = str | tuple[str, int] | Response

NOT_THE_SAME = "新しいパスワードが、2回とも同じになっていません。もう一度入力してください。"


@own_password.get("/password")
@requires(Permission.OWN_PASSWORD)
def show() -> Page:
    return _page({}, 200)


@own_password.post("/password")
@requires(Permission.OWN_PASSWORD)
def change() -> Page:
    """Set the new password; this browser goes on with a session of its own, every other one has ended."""
    old, new, again = (request.form.get(name, "")[: LONGEST + 1] for name in ("old", "password", "again"))
    if new != again:
        return _page({"again": NOT_THE_SAME}, 422)
    answer = in_transaction(wired().engine, lambda db: _change(db, old, new))
    if isinstance(answer, Refusal):
        field = "password" if answer.reason is Reason.PASSWORD_TOO_WEAK else "old"
        return _page({field: answer.message}, status_of(answer))
    ADMIN.cookie.give(answer)
    return redirect(url_for("admin_password.show", done="1"), 303)


def _change(db: Connection, old: str, new: str) -> str | Refusal:
    by, account_id, now = acting(), signed_in().account_id, real_now()
    refusal = change_own_password(
        db,
        account_id,
        old,
        new,
        by=by,
        now=now,
        business_now=wired().clock.now(),
        shortest_password=read_all(db).shortest_staff_password,
    )
    return refusal or open_session(db, account_id, door=ADMIN.name, source=by.source, now=now)


def _page(errors: dict[str, str], status: int) -> Page:
    with wired().reading() as db:
        shortest = read_all(db).shortest_staff_password
    page = render_template(
        "admin/own_password.html",
        heading="パスワードの変更",
        shortest=shortest,
        done=request.method == "GET" and bool(request.args.get("done")),
        errors=errors,
    )
    return page, status
