"""The page of one call: who calls, what is booked for her, what was read back, and how the call is closed."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from booking_core.booking import BookingAnswer, cancel
from booking_core.clock import real_now
from booking_core.content import read_text
from booking_core.db import in_transaction
from booking_core.models import ServiceCode, Verb
from booking_core.refusal import Reason, Refusal
from booking_core.settings import CallerItem
from booking_core.staff.roles import Permission, may
from booking_core.visit import Visit, find_visit
from ivr.queue.calls import (
    CallView,
    answer,
    close_call,
    decline,
    find_call,
    link_booking,
    list_call_bookings,
    record_read_back,
)
from ivr.queue.identify import (
    find_identified_card,
    forget_caller,
    identify_caller,
    identify_caller_by_items,
    lift_lock_in_call,
)
from ivr.queue.models import MainReason
from ivr.queue.operators import get_operator
from operator_ui import words
from operator_ui.call_steps import next_step
from operator_ui.desk import unless_known
from operator_ui.door import DESK, desk_frame, for_caller, in_turn, may_change, operator
from web.answers import status_of
from web.formats import card_number_display
from web.staff_access import guard, requires, signed_in
from web.wiring import wired

calls = Blueprint("calls", __name__, template_folder="templates", url_prefix="/calls/<int:call_id>")
guard(calls, DESK)
calls.context_processor(desk_frame)
Page = str | tuple[str, int] | Response
LONGEST_SHOWN = 64
T = TypeVar("T")


@calls.get("/")
@requires(Permission.CALLS_TAKE)
def show(call_id: int) -> Page:
    asked = {"number": "カードの受け取りの予約には、本人の確認が必要です。"} if request.args.get("ask") else {}
    return _call_page(call_id, errors=asked)


@calls.get("/state")
@requires(Permission.CALLS_TAKE, poll=True)
def state(call_id: int) -> Page:
    """The part of the page that follows the telephone."""
    call = _call(call_id)
    return unless_known(render_template("desk/_call_state.html", call=call, **_standing(call)))


@calls.post("/answer")
@requires(Permission.CALLS_TAKE)
def answer_call(call_id: int) -> Page:
    """Say that the talk has begun; the telephone's own word for it counts as well, whichever comes first."""
    done = in_turn(call_id, lambda db, now: answer(db, call_id, account_id=_me(), by=operator(), now=now))
    return _shown(call_id, done)


@calls.post("/decline")
@requires(Permission.CALLS_TAKE)
def decline_call(call_id: int) -> Page:
    """Let the call ring elsewhere; she takes no more calls until she says so."""
    done = in_turn(call_id, lambda db, now: decline(db, call_id, account_id=_me(), by=operator(), now=now))
    if isinstance(done, Refusal):
        return _call_page(call_id, errors={"": done.message}, status=status_of(done))
    return redirect(url_for("desk.waiting"), 303)


@calls.post("/identify")
@requires(Permission.CALLS_TAKE)
def identify(call_id: int) -> Page:
    """Recognise the caller by the number and password of her letter (F-35)."""
    number, password = request.form.get("number", ""), request.form.get("password", "")
    if not number.strip() or not password.strip():
        return _call_page(call_id, errors={"number": "予約番号とパスワードの両方を入力してください。"}, status=422)
    found = in_transaction(
        wired().engine,
        lambda db: identify_caller(
            db,
            call_id,
            number,
            password,
            account_id=_me(),
            by=operator(),
            pepper=wired().pepper,
            real_now=real_now(),
            now=_now(),
        ),
    )
    if isinstance(found, Refusal):
        field = "number" if found.reason in {Reason.NOT_REGISTERED, Reason.LOCKED} else ""
        locked = _locked(found, number)
        return _call_page(call_id, errors={field: _cause(found)}, status=status_of(found), locked=locked)
    return _back_to(call_id)


@calls.post("/identify-by-items")
@requires(Permission.CALLS_TAKE)
def identify_by_items(call_id: int) -> Page:
    """Recognise a caller who lacks her password by what the city lets be asked instead (F-35)."""
    number = request.form.get("items_number", "")
    answers = {item: request.form.get(item, "") for item in CallerItem}
    if not number.strip():
        return _call_page(call_id, errors={"items_number": "予約番号を入力してください。"}, status=422)
    found = in_transaction(
        wired().engine,
        lambda db: identify_caller_by_items(
            db,
            call_id,
            number,
            answers,
            account_id=_me(),
            by=operator(),
            pepper=wired().pepper,
            real_now=real_now(),
            now=_now(),
        ),
    )
    if isinstance(found, Refusal):
        field = "items_number" if found.reason in {Reason.NOT_REGISTERED, Reason.LOCKED} else ""
        message = words.ITEMS_DO_NOT_FIT if found.facts.get("number_known") else _cause(found)
        return _call_page(call_id, errors={field: message}, status=status_of(found), locked=_locked(found, number))
    return _back_to(call_id)


@calls.post("/next-person")
@requires(Permission.CALLS_TAKE)
def next_person(call_id: int) -> Page:
    """Let the next of a family be identified in the same call; what was booked stays listed, to be read back."""
    return _carried_out(call_id, lambda db: forget_caller(db, call_id, account_id=_me(), by=operator(), now=_now()))


@calls.post("/lift-lock")
@requires(Permission.LOCKS_LIFT)
def lift_lock(call_id: int) -> Page:
    """Let a number be tried again that was locked after failures, for the caller of this call."""
    number, pepper = request.form.get("locked_number", ""), wired().pepper
    return _carried_out(
        call_id,
        lambda db: lift_lock_in_call(db, call_id, number, account_id=_me(), by=operator(), pepper=pepper, now=_now()),
        shows="lifted",
    )


@calls.get("/cancel/<int:booking_id>")
@requires(Permission.CALLS_TAKE)
def cancelling(call_id: int, booking_id: int) -> Page:
    return _cancel_page(call_id, booking_id)


@calls.post("/cancel/<int:booking_id>")
@requires(Permission.CALLS_TAKE)
def cancel_booking(call_id: int, booking_id: int) -> Page:
    _visit_of_the_call(call_id, booking_id)
    key = request.form.get("command_key") or secrets.token_urlsafe(16)

    def work(db: Connection) -> BookingAnswer | Refusal:
        cancelled = cancel(db, booking_id, by=for_caller(_call(call_id)), key=key, now=_now())
        if isinstance(cancelled, Refusal) or cancelled.repeated:
            return cancelled
        return link_booking(db, call_id, booking_id, Verb.CANCEL, account_id=_me(), now=_now()) or cancelled

    done = in_transaction(wired().engine, work)
    return _cancel_page(call_id, booking_id, done) if isinstance(done, Refusal) else _back_to(call_id)


@calls.post("/read-back")
@requires(Permission.CALLS_TAKE)
def read_back(call_id: int) -> Page:
    """Tick off that time, place and what the city prescribes were told (3-2-G)."""
    return _carried_out(call_id, lambda db: record_read_back(db, call_id, account_id=_me(), by=operator(), now=_now()))


@calls.post("/close")
@requires(Permission.CALLS_TAKE)
def close(call_id: int) -> Page:
    given = request.form.get("main_reason", "")
    reason = MainReason(given) if given in set(MainReason) else None
    done = in_turn(call_id, lambda db, now: close_call(db, call_id, reason, account_id=_me(), by=operator(), now=now))
    if isinstance(done, Refusal):
        errors = {"main_reason": words.REASON_NEEDED} if done.reason is Reason.CHOICE_NEEDED else {"": done.message}
        return _call_page(call_id, errors=errors, status=status_of(done))
    return redirect(url_for("desk.waiting"), 303)


def _carried_out(call_id: int, command: Callable[[Connection], T | Refusal], *, shows: str | None = None) -> Page:
    return _shown(call_id, in_transaction(wired().engine, command), shows=shows)


def _shown(call_id: int, done: object, *, shows: str | None = None) -> Page:
    """Show what came of a command: the page anew, or why not."""
    if isinstance(done, Refusal):
        return _call_page(call_id, errors={"": done.message}, status=status_of(done))
    return _back_to(call_id, shows=shows)


def _locked(refusal: Refusal, number: str) -> str | None:
    """Return the number whose lock this operator may lift."""
    return number if refusal.reason is Reason.LOCKED and may(signed_in().role, Permission.LOCKS_LIFT) else None


def _cause(refusal: Refusal) -> str:
    """Return what an operator is told of a failed identification: more than a stranger on the web (F-06)."""
    if refusal.reason is Reason.LOCKED:
        return words.NUMBER_LOCKED
    if refusal.reason is not Reason.NOT_REGISTERED:
        return refusal.message
    if refusal.facts.get("number_known"):
        return "この予約番号は登録されていますが、パスワードがちがいます。このままでは予約できません。"
    return "この予約番号は登録がありません。このままでは予約できません。番号をもう一度確かめてください。"


def _call_page(
    call_id: int, *, errors: dict[str, str] | None = None, status: int = 200, locked: str | None = None
) -> Page:
    call = _call(call_id)
    with wired().reading() as db:
        card = find_identified_card(db, call.identified_card_id)
        visit = find_visit(db, card.live_booking_id, now=_now()) if card and card.live_booking_id else None
        done = list_call_bookings(db, call_id)
        visits = {each.booking_id: find_visit(db, each.booking_id, now=_now()) for each in done}
        texts = {each.service_code: read_text(db, f"{each.service_code}.read_back") for each in done}
    page = render_template(
        "desk/call.html",
        heading="電話の対応",
        call=call,
        **_standing(call),
        card=card,
        card_number=card_number_display(card.number) if card else None,
        visit=visit,
        made_here=[(each, visits[each.booking_id]) for each in done],
        read_backs=_to_read_back(done, visits, texts),
        typed_number=request.form.get("number", "")[:LONGEST_SHOWN],
        items=[(each, words.CALLER_ITEM[CallerItem(each)]) for each in wired().settings().caller_items],
        typed_items={name: request.form.get(name, "")[:LONGEST_SHOWN] for name in ("items_number", *CallerItem)},
        locked=locked,
        lifted="lifted" in request.args,
        delivery=ServiceCode.DELIVERY,
        next_step=next_step(call, done, her_booking=visit.id if visit else None) if _mine(call) else None,
        errors=errors or {},
    )
    return page, status


def _standing(call: CallView) -> dict[str, Any]:
    """Return what the page and its part that follows the telephone show of where the call stands."""
    with wired().reading() as db:
        me = get_operator(db, _me())
    writes_up = me.call_id == call.id and me.due_at is not None
    left = max(0, int((me.due_at - _now()).total_seconds())) if writes_up and me.due_at else None
    return {
        "mine": _mine(call),
        "me": _me(),
        "wrap_up_seconds": left,
        "after": me.next_status or me.status,
        "words": words,
    }


def _to_read_back(done: list[Any], visits: dict[int, Visit | None], texts: dict[str, str]) -> list[tuple[Any, ...]]:
    """Return each booking that still has to be told, once, with what the city prescribes for its service."""
    waiting = {each.booking_id: each for each in done if each.to_be_read_back}
    return [(visits[each.booking_id], texts[each.service_code].splitlines()) for each in waiting.values()]


def _cancel_page(call_id: int, booking_id: int, refusal: Refusal | None = None) -> Page:
    visit = _visit_of_the_call(call_id, booking_id)
    page = render_template(
        "desk/cancel.html",
        heading="予約を取り消す",
        call=_call(call_id),
        visit=visit,
        command_key=secrets.token_urlsafe(16),
        errors={"": refusal.message} if refusal else {},
    )
    return page, status_of(refusal) if refusal else 200


def _visit_of_the_call(call_id: int, booking_id: int) -> Visit:
    """Return a booking that this call's operator may touch; 404 otherwise."""
    call = _call(call_id)
    with wired().reading() as db:
        if not (_mine(call) and may_change(db, call, booking_id)):
            abort(404)
        return find_visit(db, booking_id, now=_now()) or abort(404)


def _call(call_id: int) -> CallView:
    with wired().reading() as db:
        return find_call(db, call_id) or abort(404)


def _mine(call: CallView) -> bool:
    return call.is_in_hand_of(_me())


def _me() -> int:
    return signed_in().account_id


def _now() -> datetime:
    return wired().clock.now()


def _back_to(call_id: int, *, shows: str | None = None) -> Response:
    return redirect(url_for("calls.show", call_id=call_id) + (f"?{shows}=1" if shows else ""), 303)
