"""The texts that citizens read and operators read out: written as a draft, looked at, approved (3-1-B-v-4, 3-2-G)."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from admin_ui.door import ADMIN, admin_frame
from booking_core.content import (
    FIRST_WORDING,
    LONGEST_BODY,
    NAMES,
    TextVersion,
    approve,
    list_shown,
    list_versions,
    list_waiting,
    read_text,
    write_draft,
)
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from booking_core.staff.roles import Permission
from web.answers import status_of
from web.staff_access import acting, guard, requires
from web.staff_frame import may_open
from web.typed import typed
from web.wiring import wired

texts = Blueprint("admin_texts", __name__, template_folder="templates")
guard(texts, ADMIN)
texts.context_processor(admin_frame)
Page = str | tuple[str, int] | Response

ONE = "/texts/<key>"
VERSION = f"{ONE}/<int(max=2147483647):version>"
BODY_NEEDED = "文を入力してください。この文は、空にできません。"
BODY_TOO_LONG = f"文が長すぎます。{LONGEST_BODY}文字までにしてください。"
NOT_OPEN = "この版は、すでに承認されているか、もっと新しい版が表示されています。"


@texts.get("/texts/")
@requires(Permission.CONTENT_WRITE)
def show_list() -> Page:
    with wired().reading() as db:
        shown, waiting = list_shown(db), list_waiting(db)
    return render_template("admin/texts.html", heading="文面", names=NAMES, shown=shown, waiting=waiting)


@texts.get(ONE)
@requires(Permission.CONTENT_WRITE)
def show_one(key: str) -> Page:
    return _text_page(key)


@texts.post(ONE)
@requires(Permission.CONTENT_WRITE)
def write(key: str) -> Page:
    """Keep a draft, which nobody sees before it is approved, and show how it will look."""
    _known(key)
    body = typed(request, "body", longest=LONGEST_BODY + 1)
    if not body.strip() and FIRST_WORDING[key]:
        return _text_page(key, body, {"body": BODY_NEEDED}, 422)
    answer = in_transaction(wired().engine, lambda db: write_draft(db, key, body, by=acting(), now=wired().clock.now()))
    if isinstance(answer, Refusal):
        words = BODY_TOO_LONG if answer.reason is Reason.TEXT_TOO_LONG else answer.message
        return _text_page(key, body, {"body": words}, status_of(answer))
    return redirect(url_for("admin_texts.preview", key=key, version=answer), 303)


@texts.get(VERSION)
@requires(Permission.CONTENT_WRITE)
def preview(key: str, version: int) -> Page:
    return _preview_page(key, version)


@texts.post(f"{VERSION}/approve")
@requires(Permission.CONTENT_APPROVE)
def let_through(key: str, version: int) -> Page:
    """Let a draft be shown from now on; never one that is older than what is shown, which would change nothing."""
    _known(key)

    def work(db: Connection) -> bool:
        newer = version > list_shown(db).get(key, 0)
        return newer and approve(db, key, version, by=acting(), now=wired().clock.now())

    answer = in_transaction(wired().engine, work)
    if isinstance(answer, Refusal):
        return _preview_page(key, version, {"": answer.message}, status_of(answer))
    if not answer:
        return _preview_page(key, version, {"": NOT_OPEN}, 409)
    return redirect(url_for("admin_texts.preview", key=key, version=version, done="1"), 303)


def _text_page(key: str, body: str | None = None, errors: dict[str, str] | None = None, status: int = 200) -> Page:
    _known(key)
    with wired().reading() as db:
        now_shown, versions, shown = read_text(db, key), list_versions(db, key), list_shown(db).get(key, 0)
    page = render_template(
        "admin/text.html",
        heading=NAMES[key][0],
        key=key,
        where=NAMES[key][1],
        now_shown=now_shown,
        as_list=key == "delivery.bring",
        versions=[(each, _state(each, shown)) for each in versions],
        body=now_shown if body is None else body,
        longest=LONGEST_BODY,
        errors=errors or {},
    )
    return page, status


def _preview_page(key: str, version: int, errors: dict[str, str] | None = None, status: int = 200) -> Page:
    _known(key)
    with wired().reading() as db:
        found = next((each for each in list_versions(db, key) if each.version == version), None) or abort(404)
        shown = list_shown(db).get(key, 0)
    page = render_template(
        "admin/text_version.html",
        heading=f"{NAMES[key][0]}　第{version}版",
        key=key,
        text=found,
        state=_state(found, shown),
        as_list=key == "delivery.bring",
        may_approve=found.approved_at is None and version > shown and may_open("admin_texts.let_through"),
        waits=found.approved_at is None and version > shown,
        done=request.method == "GET" and bool(request.args.get("done")),
        errors=errors or {},
    )
    return page, status


def _state(version: TextVersion, shown: int) -> str:
    if version.version == shown:
        return "表示中"
    if version.approved_at:
        return "以前に表示"
    return "承認待ち" if version.version > shown else "使わなかった下書き"


def _known(key: str) -> None:
    if key not in NAMES:
        abort(404)
