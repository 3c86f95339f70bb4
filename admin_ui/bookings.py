"""The book on the console: list, search, one booking, how its visit ended, its cancellation."""

import secrets
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from admin_ui.door import ADMIN, admin_frame
from admin_ui.list_filter import SORTS, ListWish, read_wish
from booking_core.booking import BookingAnswer, cancel, settle
from booking_core.bookings_list import Page as ListPage
from booking_core.bookings_list import find_bookings, list_bookings
from booking_core.catalogue import list_services, list_venues
from booking_core.clock import tokyo_day
from booking_core.db import in_transaction
from booking_core.history import list_history
from booking_core.models import BookingState
from booking_core.names import ACTOR_NAMES, CHANNEL_NAMES, STATE_NAMES, VERB_NAMES
from booking_core.refusal import Reason, Refusal
from booking_core.staff.roles import Permission, may
from booking_core.visit import Visit, find_visit
from web.answers import status_of
from web.staff_access import acting, guard, requires, signed_in
from web.typed import typed
from web.wiring import wired

bookings = Blueprint("admin_bookings", __name__, template_folder="templates")
guard(bookings, ADMIN)
bookings.context_processor(admin_frame)
Page = str | tuple[str, int] | Response

ONE = "/bookings/<int(max=9223372036854775807):booking_id>"
NEIGHBOURS = 3
"""How many pages before and after this one a list links to."""

NAMES = {"states": STATE_NAMES, "channels": CHANNEL_NAMES, "verbs": VERB_NAMES, "actors": ACTOR_NAMES}
OUTCOMES_WITH_CARD = (
    (BookingState.HANDED_OVER, "カードを交付した"),
    (BookingState.VISITED, "来庁したが、交付しなかった"),
    (BookingState.NO_SHOW, "来庁しなかった"),
)
OUTCOMES = ((BookingState.VISITED, "来庁した"), (BookingState.NO_SHOW, "来庁しなかった"))


@bookings.get("/")
@requires(Permission.BOOKINGS_READ)
def show_list() -> Page:
    """The bookings, by filter and order (3-1-B-vi)."""
    with wired().reading() as db:
        venues, services = list_venues(db), list_services(db)
        wish = read_wish(request.args, venues, today=wired().clock.today())
        page = list_bookings(db, wish.which, wish.sort, request.args.get("page", 1, type=int))
    shown = render_template(
        "admin/list.html",
        heading="予約の一覧",
        page=page,
        turns=_turns(page, wish),
        typed=wish.typed,
        errors=wish.errors,
        venues=[(venue.code, venue.name) for venue in venues],
        services=[(service.code, service.name) for service in services],
        sorts=[(key, name) for key, (name, _) in SORTS.items()],
        **NAMES,
    )
    return shown, 422 if wish.errors else 200


@bookings.get("/find")
@requires(Permission.BOOKINGS_FIND)
def search() -> Page:
    return render_template("admin/find.html", heading="予約を探す", typed_query="", found=None, **NAMES)


@bookings.post("/find")
@requires(Permission.BOOKINGS_FIND)
def find() -> Page:
    """Search by number, reference, telephone or kana. Posted, so that no address and no log line holds it."""
    query = typed(request, "query", longest=100).strip()
    if not query:
        errors = {"query": "探す番号またはお名前（カナ）を入力してください。"}
        page = render_template(
            "admin/find.html", heading="予約を探す", typed_query="", found=None, errors=errors, **NAMES
        )
        return page, 422
    with wired().reading() as db:
        found = find_bookings(db, query)
    return render_template("admin/find.html", heading="予約を探す", typed_query=query, found=found, **NAMES)


@bookings.get(ONE)
@requires(Permission.BOOKINGS_READ)
def show_one(booking_id: int) -> Page:
    return _booking_page(booking_id)


@bookings.post(f"{ONE}/outcome")
@requires(Permission.VISITS_SETTLE)
def record_outcome(booking_id: int) -> Page:
    """Record how a visit ended, or correct it."""
    visit = _get_visit(booking_id)
    chosen = request.form.get("outcome", "")
    if chosen not in {outcome for outcome, _ in _outcomes(visit)}:
        return _booking_page(booking_id, Refusal(Reason.CHOICE_NEEDED), field="outcome")
    answer = in_transaction(
        wired().engine,
        lambda db: settle(
            db, booking_id, BookingState(chosen), by=acting(), key=_command_key(), now=wired().clock.now()
        ),
    )
    return _shown_again(booking_id, answer)


@bookings.get(f"{ONE}/cancel")
@requires(Permission.BOOKINGS_WRITE)
def ask_to_cancel(booking_id: int) -> Page:
    visit = _get_visit(booking_id)
    if not visit.is_live:
        return redirect(url_for("admin_bookings.show_one", booking_id=booking_id))
    return render_template(
        "admin/cancel.html",
        heading="予約を取り消す",
        visit=visit,
        command_key=secrets.token_urlsafe(16),
        **NAMES,
    )


@bookings.post(f"{ONE}/cancel")
@requires(Permission.BOOKINGS_WRITE)
def cancel_one(booking_id: int) -> Page:
    answer = in_transaction(
        wired().engine, lambda db: cancel(db, booking_id, by=acting(), key=_command_key(), now=wired().clock.now())
    )
    return _shown_again(booking_id, answer)


def _shown_again(booking_id: int, answer: BookingAnswer | Refusal) -> Page:
    if isinstance(answer, Refusal):
        return _booking_page(booking_id, answer)
    return redirect(url_for("admin_bookings.show_one", booking_id=booking_id), 303)


def _booking_page(booking_id: int, refusal: Refusal | None = None, *, field: str = "") -> Page:
    visit, role = _get_visit(booking_id), signed_in().role
    with wired().reading() as db:
        history = list_history(db, booking_id)
    over = tokyo_day(visit.starts_at) <= wired().clock.today()
    page = render_template(
        "admin/booking.html",
        heading=f"予約 {visit.reference}",
        visit=visit,
        history=history,
        outcomes=_outcomes(visit) if over and may(role, Permission.VISITS_SETTLE) else (),
        may_cancel=visit.is_live and may(role, Permission.BOOKINGS_WRITE),
        command_key=secrets.token_urlsafe(16),
        errors={field: refusal.message} if refusal else {},
        **NAMES,
    )
    return page, status_of(refusal) if refusal else 200


def _outcomes(visit: Visit) -> tuple[tuple[BookingState, str], ...]:
    """Return what a visit can have ended as; nothing for one that was cancelled."""
    if visit.state == BookingState.CANCELLED:
        return ()
    return OUTCOMES_WITH_CARD if visit.card_id else OUTCOMES


def _get_visit(booking_id: int) -> Visit:
    with wired().reading() as db:
        return find_visit(db, booking_id, now=wired().clock.now()) or abort(404)


def _command_key() -> str:
    return request.form.get("command_key") or secrets.token_urlsafe(16)


def _turns(page: ListPage, wish: ListWish) -> dict[str, Any]:
    """Return the links to the pages around this one, and to the first and the last."""

    def address(number: int) -> str:
        asked: dict[str, Any] = {name: value for name, value in wish.typed.items() if value}
        return url_for("admin_bookings.show_list", **asked, page=number)

    near = range(max(1, page.number - NEIGHBOURS), min(page.pages, page.number + NEIGHBOURS) + 1)
    numbers = sorted({1, *near, page.pages})
    return {
        "items": [(str(number), address(number), number == page.number) for number in numbers],
        "previous": address(page.number - 1) if page.number > 1 else None,
        "following": address(page.number + 1) if page.number < page.pages else None,
    }
