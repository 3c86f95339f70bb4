"""The citizens' own screens: the top page, log-in, her booking, cancelling, the slip to print."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.availability import list_first_free_days, list_next_free_times, list_receptions
from booking_core.booking import cancel
from booking_core.cards.credentials import Identified, identify
from booking_core.cards.sessions import close_session, open_session
from booking_core.catalogue import get_service, list_venues
from booking_core.clock import real_now
from booking_core.content import read_text
from booking_core.db import in_transaction
from booking_core.models import ServiceCode
from booking_core.refusal import Reason, Refusal
from booking_core.visit import CardView, Visit, find_visit
from citizen_ui.door import COOKIE, actor_of, ask_to_log_in, find_citizen, frame
from web.answers import status_of
from web.formats import card_number_display
from web.safe_return import safe_return
from web.source import source_of
from web.throttle import CONFIRMATIONS, FAILED_LOG_INS
from web.typed import typed
from web.wiring import wired

DONE = {"1": "予約ができました", "moved": "予約を変更しました"}
"""The heading after a booking was made, or moved."""

screens = Blueprint("citizen", __name__, template_folder="templates")

P = ParamSpec("P")
Page = str | tuple[str, int] | AnyResponse


def for_citizens(view: Callable[..., Page]) -> Callable[..., Page]:
    """Let only a citizen who is logged in see a view, and hand it her card."""

    @wraps(view)
    def checked(*args: object, **values: object) -> Page:
        card = find_citizen()
        return view(card, *args, **values) if card else ask_to_log_in(expired=True)

    return checked


screens.context_processor(frame)


@screens.after_request
def set_cookie(response: Response) -> Response:
    return COOKIE.write(response)


@screens.get("/")
def top() -> Page:
    """What anybody may see before log-in: the first free day of every venue and the next ten free times."""
    anybody, now = Actor(ActorKind.CITIZEN, None, Channel.WEB), wired().clock.now()
    with wired().reading() as db:
        delivery = get_service(db, ServiceCode.DELIVERY)
        receptions = list_receptions(db, delivery.id, by=anybody)
        first_days = list_first_free_days(db, delivery.id, by=anybody, now=now)
        soonest = list_next_free_times(db, receptions, by=anybody, now=now)
        venues = {venue.id: venue for venue in list_venues(db)}
        notice = read_text(db, "top.notice")
    return render_template(
        "citizen/top.html",
        heading="マイナンバーカードの受け取りの予約",
        service=delivery,
        offered=[(venue, first_days[venue.id]) for venue in venues.values() if venue.id in first_days],
        soonest=soonest,
        venues=venues,
        notice=notice,
        citizen=find_citizen(),
    )


@screens.get("/login")
def log_in() -> Page:
    return _log_in_page()


@screens.post("/login")
def check_log_in() -> Page:
    """Log in with the number and password of the letter (3-1-A-iii, 3-1-A-iv)."""
    source = source_of(request, wired().trusted_proxies)
    if wired().throttle.exceeded(FAILED_LOG_INS, source):
        return _refused_log_in(Refusal(Reason.TOO_MANY_TRIES))
    number, password = typed(request, "number"), typed(request, "password")
    if missing := _missing(number, password):
        return _log_in_page(errors=missing), 422
    answer = in_transaction(
        wired().engine,
        lambda db: identify(
            db,
            number,
            password,
            pepper=wired().pepper,
            by_source=source,
            now=real_now(),
            business_now=wired().clock.now(),
        ),
    )
    if isinstance(answer, Refusal):
        wired().throttle.count(FAILED_LOG_INS, source)
        return _refused_log_in(answer)
    return _logged_in(answer)


def _logged_in(identified: Identified) -> Page:
    earlier = request.cookies.get(COOKIE.name(), "")

    def work(db: Connection) -> str:
        close_session(db, earlier)
        return open_session(db, identified.card_id, now=real_now())

    token = in_transaction(wired().engine, work)
    if isinstance(token, Refusal):
        return _refused_log_in(token)
    COOKIE.give(token)
    return redirect(safe_return(request) or url_for("citizen.my_booking"), 303)


def _missing(number: str, password: str) -> dict[str, str]:
    """Return what she has left empty, by field."""
    empty = {"number": "予約番号を入力してください。"} if not number.strip() else {}
    return empty | ({"password": "パスワードを入力してください。"} if not password.strip() else {})


def _refused_log_in(refusal: Refusal) -> Page:
    return _log_in_page(errors={"number": refusal.message}), status_of(refusal)


def _log_in_page(*, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "citizen/log_in.html",
        heading="ログイン",
        csrf_token=COOKIE.form_token(request),
        next=safe_return(request),
        typed_number=typed(request, "number", longest=64),
        notice=None,
        errors=errors or {},
    )


@screens.post("/logout")
def log_out() -> Page:
    token = request.cookies.get(COOKIE.name(), "")
    in_transaction(wired().engine, lambda db: close_session(db, token))
    COOKIE.give()
    return redirect(url_for("citizen.top"), 303)


@screens.get("/my/")
@for_citizens
def my_booking(card: CardView) -> Page:
    """Her booking, until when she may change it and what to do after that; without one, the way to make one."""
    visit, bring, after_deadline = _visit_and_texts(card)
    return render_template(
        "citizen/my_booking.html",
        heading=DONE.get(request.args.get("done", ""), "あなたの予約") if visit else "あなたの予約",
        visit=visit,
        changeable=visit is not None and wired().clock.now() <= visit.change_until,
        bring=bring,
        after_deadline=after_deadline,
        number=card_number_display(card.number),
        csrf_token=COOKIE.form_token(request),
    )


@screens.get("/my/slip")
@for_citizens
def slip(card: CardView) -> Page:
    """The slip to print and bring along."""
    visit, bring, _ = _visit_and_texts(card)
    if visit is None:
        return redirect(url_for("citizen.my_booking"))
    return render_template(
        "citizen/slip.html", heading="予約の控え", visit=visit, bring=bring, number=card_number_display(card.number)
    )


@screens.get("/my/cancel")
@for_citizens
def cancelling(card: CardView) -> Page:
    return _cancel_page(card)


@screens.post("/my/cancel")
@for_citizens
def cancel_booking(card: CardView) -> Page:
    if not wired().throttle.count(CONFIRMATIONS, f"card:{card.id}"):
        return _cancel_page(card, Refusal(Reason.TOO_MANY_TRIES))
    booking_id = request.form.get("booking_id", type=int)
    if booking_id is None:
        return _cancel_page(card, Refusal(Reason.NO_SUCH_BOOKING))
    key = typed(request, "command_key") or secrets.token_urlsafe(16)
    answer = in_transaction(
        wired().engine, lambda db: cancel(db, booking_id, by=actor_of(card.id), key=key, now=wired().clock.now())
    )
    if isinstance(answer, Refusal):
        return _cancel_page(card, answer)
    return redirect(url_for("citizen.cancelled"), 303)


@screens.get("/my/cancelled")
@for_citizens
def cancelled(_card: CardView) -> Page:
    return render_template(
        "citizen/cancelled.html", heading="予約を取り消しました", csrf_token=COOKIE.form_token(request)
    )


def _cancel_page(card: CardView, refusal: Refusal | None = None) -> Page:
    visit, _, after_deadline = _visit_and_texts(card)
    if visit is None and refusal is None:
        return redirect(url_for("citizen.my_booking"))
    page = render_template(
        "citizen/cancel.html",
        heading="予約を取り消す",
        visit=visit,
        changeable=visit is not None and wired().clock.now() <= visit.change_until,
        after_deadline=after_deadline,
        command_key=secrets.token_urlsafe(16),
        csrf_token=COOKIE.form_token(request),
        errors={"": refusal.message} if refusal else {},
    )
    return page, status_of(refusal) if refusal else 200


def _visit_and_texts(card: CardView) -> tuple[Visit | None, str, str]:
    """Return her live booking, what she brings along, and what she reads when she can no longer change it herself."""
    with wired().reading() as db:
        bring, after_deadline = read_text(db, "delivery.bring"), read_text(db, "after_deadline")
        visit = find_visit(db, card.live_booking_id, now=wired().clock.now()) if card.live_booking_id else None
    return visit, bring, after_deadline
