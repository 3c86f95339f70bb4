"""The desk: who waits, whether I take calls, and taking one."""

from datetime import datetime, time

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from booking_core.clock import TOKYO, tokyo_day
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from booking_core.staff.roles import Permission
from ivr.queue.calls import list_unclosed, list_waiting, take
from ivr.queue.models import AwayReason, Status
from ivr.queue.operators import SET_BY_THE_LINE, OperatorView, get_operator, lock_operator, set_status
from ivr.queue.own_day import own_day
from operator_ui import words
from operator_ui.door import DESK, desk_frame, in_turn, operator
from web.answers import status_of
from web.staff_access import guard, requires, signed_in
from web.wiring import wired

desk = Blueprint("desk", __name__, template_folder="templates")
guard(desk, DESK)
desk.context_processor(desk_frame)
Page = str | tuple[str, int] | Response
CHOSEN_BY_HERSELF = frozenset(AwayReason) - SET_BY_THE_LINE


@desk.get("/")
@requires(Permission.CALLS_TAKE)
def waiting() -> Page:
    return _desk()


@desk.get("/waiting")
@requires(Permission.CALLS_TAKE, poll=True)
def waiting_list() -> Page:
    """The part of the desk that is asked for again every few seconds; unchanged it costs no bytes."""
    return unless_known(render_template("desk/_waiting.html", **_shown()))


@desk.post("/status")
@requires(Permission.CALLS_TAKE)
def change_status() -> Page:
    """Take calls, step away with a reason, or end the day's work."""
    status, reason = _chosen_status()
    if status is None:
        return _desk(Refusal(Reason.CHOICE_NEEDED))
    me = signed_in().account_id

    def work(db: Connection) -> OperatorView | Refusal:
        lock_operator(db, me)
        return set_status(db, me, status, reason, by=operator(), now=wired().clock.now())

    answer = in_transaction(wired().engine, work)
    return _desk(answer) if isinstance(answer, Refusal) else redirect(url_for("desk.waiting"), 303)


@desk.post("/calls/<int:call_id>/take")
@requires(Permission.CALLS_TAKE)
def take_call(call_id: int) -> Page:
    me = signed_in().account_id
    answer = in_turn(call_id, lambda db, now: take(db, call_id, account_id=me, by=operator(), now=now))
    return _desk(answer) if isinstance(answer, Refusal) else redirect(url_for("calls.show", call_id=call_id), 303)


def unless_known(fragment: str) -> Response:
    """Answer a poll, or say that the browser has this already."""
    response = make_response(fragment)
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _chosen_status() -> tuple[Status | None, AwayReason | None]:
    form = request.form
    status = form.get("status", "")
    reason = form.get("reason", "")
    known = Status(status) if status in set(Status) else None
    why = AwayReason(reason) if reason in CHOSEN_BY_HERSELF and known is Status.AWAY else None
    return known, why


def _desk(refusal: Refusal | None = None) -> Page:
    errors = {}
    if refusal:
        errors = {"reason": words.AWAY_NEEDED} if refusal.reason is Reason.CHOICE_NEEDED else {"": refusal.message}
    now, me = wired().clock.now(), signed_in().account_id
    with wired().reading() as db:
        own = {"today": own_day(db, me, since=_midnight(now)), "unclosed": list_unclosed(db, me)}
    page = render_template("desk/desk.html", heading="待ち呼", errors=errors, **_shown(), **own)
    return page, status_of(refusal) if refusal else 200


def _midnight(now: datetime) -> datetime:
    return datetime.combine(tokyo_day(now), time(), TOKYO)


def _shown() -> dict[str, object]:
    now = wired().clock.now()
    with wired().reading() as db:
        me = get_operator(db, signed_in().account_id)
        calls = list_waiting(db)
    return {
        "me": me,
        "calls": [(call, call.waiting_since.astimezone(TOKYO), call.wait_seconds(now) // 60) for call in calls],
        "words": words,
        "statuses": Status,
        "longest_minutes": max((call.wait_seconds(now) // 60 for call in calls), default=None),
        "away_reasons": [(reason.value, word) for reason, word in words.AWAY.items() if reason in CHOSEN_BY_HERSELF],
    }
