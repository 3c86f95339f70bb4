"""Who may sign in: accounts are made, unlocked, ended and given a new password (3-1-C-xvi-a, 3-1-C-xvi-d(b))."""

from collections.abc import Callable

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from admin_ui.door import ADMIN, admin_frame
from booking_core.clock import real_now
from booking_core.db import in_transaction
from booking_core.models import Role
from booking_core.names import ROLE_NAMES
from booking_core.refusal import Reason, Refusal
from booking_core.settings import read_all
from booking_core.staff.accounts import (
    NewAccount,
    create_account,
    deactivate,
    find_account,
    list_accounts,
    reactivate,
    set_password,
    unlock,
)
from booking_core.staff.passwords import LONGEST
from booking_core.staff.roles import Permission
from web.answers import status_of
from web.staff_access import acting, guard, requires, signed_in
from web.typed import typed
from web.wiring import wired

accounts = Blueprint("admin_accounts", __name__, template_folder="templates")
guard(accounts, ADMIN)
accounts.context_processor(admin_frame)
Page = str | tuple[str, int] | Response

ONE = "/accounts/<int(max=2147483647):account_id>"
FIELDS = {
    Reason.LOGIN_INVALID: "login",
    Reason.LOGIN_TAKEN: "login",
    Reason.CONTACT_NEEDED: "display_name",
    Reason.TEXT_TOO_LONG: "display_name",
    Reason.CHOICE_NEEDED: "role",
    Reason.PASSWORD_TOO_WEAK: "password",
}
NAME_NEEDED = "お名前を入力してください。"
NAME_TOO_LONG = "お名前は、60文字までにしてください。"


@accounts.get("/accounts/")
@requires(Permission.ACCOUNTS_MANAGE)
def show_list() -> Page:
    return _list_page()


@accounts.post("/accounts/")
@requires(Permission.ACCOUNTS_MANAGE)
def create() -> Page:
    """Make an account with the first password, which its owner then changes herself."""
    role = request.form.get("role", "")
    if role not in ROLE_NAMES:
        return _list_page(Refusal(Reason.CHOICE_NEEDED))
    new = NewAccount(typed(request, "login"), typed(request, "display_name"), Role(role), _password())

    def work(db: Connection) -> int | Refusal:
        return create_account(
            db, new, by=acting(), now=wired().clock.now(), shortest_password=read_all(db).shortest_staff_password
        )

    answer = in_transaction(wired().engine, work)
    if isinstance(answer, Refusal):
        return _list_page(answer)
    return redirect(url_for("admin_accounts.show_one", account_id=answer, done="created"), 303)


@accounts.get(ONE)
@requires(Permission.ACCOUNTS_MANAGE)
def show_one(account_id: int) -> Page:
    return _account_page(account_id)


@accounts.post(f"{ONE}/unlock")
@requires(Permission.ACCOUNTS_MANAGE)
def lift_lock(account_id: int) -> Page:
    return _done_to(account_id, "unlocked", lambda db: unlock(db, account_id, by=acting(), now=wired().clock.now()))


@accounts.post(f"{ONE}/deactivate")
@requires(Permission.ACCOUNTS_MANAGE)
def end(account_id: int) -> Page:
    return _done_to(
        account_id, "deactivated", lambda db: deactivate(db, account_id, by=acting(), now=wired().clock.now())
    )


@accounts.post(f"{ONE}/reactivate")
@requires(Permission.ACCOUNTS_MANAGE)
def begin_again(account_id: int) -> Page:
    return _done_to(
        account_id, "reactivated", lambda db: reactivate(db, account_id, by=acting(), now=wired().clock.now())
    )


@accounts.post(f"{ONE}/password")
@requires(Permission.ACCOUNTS_MANAGE)
def give_password(account_id: int) -> Page:
    def work(db: Connection) -> Refusal | None:
        shortest = read_all(db).shortest_staff_password
        return set_password(
            db, account_id, _password(), by=acting(), now=wired().clock.now(), shortest_password=shortest
        )

    return _done_to(account_id, "password", work)


def _done_to(account_id: int, done: str, work: Callable[[Connection], Refusal | None]) -> Page:
    answer = in_transaction(wired().engine, work)
    if isinstance(answer, Refusal):
        return _account_page(account_id, answer)
    return redirect(url_for("admin_accounts.show_one", account_id=account_id, done=done), 303)


def _list_page(refusal: Refusal | None = None) -> Page:
    with wired().reading() as db:
        found, shortest = list_accounts(db, now=real_now()), read_all(db).shortest_staff_password
    page = render_template(
        "admin/accounts.html",
        heading="利用者",
        accounts=found,
        roles=ROLE_NAMES,
        shortest=shortest,
        typed={"login": typed(request, "login"), "display_name": typed(request, "display_name")},
        chosen_role=request.form.get("role"),
        errors=_errors(refusal),
    )
    return page, status_of(refusal) if refusal else 200


def _account_page(account_id: int, refusal: Refusal | None = None) -> Page:
    with wired().reading() as db:
        account = find_account(db, account_id, now=real_now()) or abort(404)
        shortest = read_all(db).shortest_staff_password
    page = render_template(
        "admin/account.html",
        heading=f"利用者　{account.login}",
        account=account,
        own=account.id == signed_in().account_id,
        roles=ROLE_NAMES,
        shortest=shortest,
        done=request.args.get("done", "") if refusal is None else "",
        errors=_errors(refusal),
    )
    return page, status_of(refusal) if refusal else 200


def _errors(refusal: Refusal | None) -> dict[str, str]:
    if refusal is None:
        return {}
    said = {Reason.CONTACT_NEEDED: NAME_NEEDED, Reason.TEXT_TOO_LONG: NAME_TOO_LONG}
    return {FIELDS.get(refusal.reason, ""): said.get(refusal.reason, refusal.message)}


def _password() -> str:
    return request.form.get("password", "")[: LONGEST + 1]
