"""Closing the line for a while, and telling callers something while they wait: what a supervisor does at once."""

from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from booking_core.clock import TOKYO
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from booking_core.staff.roles import Permission
from ivr.hours import read_hours
from ivr.notices import LONGEST_WORDS, add_notice, end_notice, list_notices
from ivr.queue.models import NoticeKind
from operator_ui import words
from operator_ui.board import snapshots
from operator_ui.door import BOARD, board_frame
from web.answers import status_of
from web.staff_access import acting, guard, requires
from web.typed import typed
from web.wiring import wired

line_notices = Blueprint("line_notices", __name__, template_folder="templates", url_prefix="/notices")
guard(line_notices, BOARD)
line_notices.context_processor(board_frame)
Page = str | tuple[str, int] | Response


@line_notices.get("/")
@requires(Permission.LINE_CHANGE)
def show() -> Page:
    return _page()


@line_notices.post("/")
@requires(Permission.LINE_CHANGE)
def add() -> Page:
    """Close the line, or let callers hear something, from one moment to another."""
    kind, starts_at, ends_at = _kind(), _moment("starts_at"), _moment("ends_at")
    if kind is None:
        return _page(Refusal(Reason.CHOICE_NEEDED))
    if starts_at is None or ends_at is None:
        return _page(Refusal(Reason.NOTICE_TIME))
    said, now = typed(request, "words", longest=4 * LONGEST_WORDS), wired().clock.now()
    answer = in_transaction(
        wired().engine,
        lambda db: add_notice(db, kind, said, starts_at=starts_at, ends_at=ends_at, by=acting(), now=now),
    )
    return _page(answer) if isinstance(answer, Refusal) else _done("added")


@line_notices.post("/<int(max=9223372036854775807):notice_id>/end")
@requires(Permission.LINE_CHANGE)
def end(notice_id: int) -> Page:
    """Let it end now. What somebody else has ended meanwhile is none the worse."""
    in_transaction(wired().engine, lambda db: end_notice(db, notice_id, by=acting(), now=wired().clock.now()))
    return _done("ended")


def _done(what: str) -> Response:
    snapshots().forget()
    return redirect(url_for("line_notices.show", done=what), 303)


def _kind() -> NoticeKind | None:
    given = request.form.get("kind", "")
    return NoticeKind(given) if given in set(NoticeKind) else None


def _moment(name: str) -> datetime | None:
    """Read a moment as browsers send it, without a zone: it is meant in Tokyo."""
    try:
        return datetime.fromisoformat(typed(request, name)).replace(tzinfo=TOKYO)
    except ValueError:
        return None


FIELDS = {Reason.CHOICE_NEEDED: "kind", Reason.NOTICE_WORDS: "words", Reason.NOTICE_TIME: "starts_at"}


def _page(refusal: Refusal | None = None) -> Page:
    now = wired().clock.now()
    with wired().reading() as db:
        notices, hours = list_notices(db, now=now), read_hours(db, now=now)
    local = now.astimezone(TOKYO)
    today = {
        "starts_at": f"{local:%Y-%m-%dT%H:%M}",
        "ends_at": f"{local:%Y-%m-%d}T{hours.closes:%H:%M}",
        "kind": "",
        "words": "",
    }
    page = render_template(
        "board/notices.html",
        heading="休止とお知らせ",
        notices=[(each, each.is_in_force(now)) for each in notices],
        is_open=hours.open_at(now),
        hours=hours.in_words(),
        kinds=words.NOTICE_KIND,
        longest=LONGEST_WORDS,
        typed={name: request.form.get(name, value)[: 4 * LONGEST_WORDS] for name, value in today.items()},
        done=request.args.get("done", ""),
        errors={FIELDS.get(refusal.reason, ""): refusal.message} if refusal else {},
    )
    return page, status_of(refusal) if refusal else 200
