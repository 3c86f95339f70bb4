"""The operators' doors, and the desk's way into the shared booking screens: for whom, tied to which call."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import Request, abort, g, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from booking_core.actors import Actor, IdentifiedBy
from booking_core.booking import BookingAnswer
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.models import ServiceCode, Verb
from booking_core.refusal import Reason, Refusal
from booking_core.staff.roles import Permission
from ivr.queue.calls import (
    CallView,
    await_turn,
    find_call,
    hold_owner,
    link_booking,
    list_call_bookings,
    lock_in_hand,
)
from ivr.queue.identify import find_identified_card
from ivr.queue.models import Status
from ivr.queue.operators import set_status
from ivr.twilio.twiml import identity
from web.answers import status_of
from web.door import Door, Keeping, Subject
from web.source import source_of
from web.staff_access import StaffDoor, signed_in
from web.staff_frame import may_open, staff_frame
from web.wiring import wired

T = TypeVar("T")


def _end_work(db: Connection, who: Actor, now: datetime) -> None:
    """Close the seat of an operator who signs out; on a call, once she is done with it."""
    if who.id is not None:
        set_status(db, who.id, Status.OFFLINE, None, by=who, now=now)


DESK = StaffDoor("desk", "オペレーターの画面", frozenset({Permission.CALLS_TAKE}), on_sign_out=_end_work)
BOARD = StaffDoor("board", "応答の状況", frozenset({Permission.BOARD_SEE}))
PLACES = (
    ("応答の状況", "board.show"),
    ("席の計画", "seat_plan.show"),
    ("休止とお知らせ", "line_notices.show"),
    ("日報・月報", "board_reports.show_list"),
)
"""The places of the board's menu."""

SERVICES = (ServiceCode.DELIVERY, ServiceCode.APPLICATION, ServiceCode.CERTIFICATE)


def desk_frame() -> dict[str, Any]:
    """Return what the frame of every page of the desk shows, and the telephone that stands in it."""
    shown = staff_frame(DESK, [("待ち呼", "desk.waiting"), ("機器の確認", "ready.show")])
    if "staff" not in g or not may_open("softphone.state"):
        return shown
    return shown | {"phone_bar": "desk/_phone.html", "phone": {"identity": identity(signed_in().account_id)}}


def board_frame() -> dict[str, Any]:
    """Return what the frame of the board shows."""
    return staff_frame(BOARD, PLACES)


def operator() -> Actor:
    """Return the signed-in operator as the author of a change that is for no citizen yet."""
    return Actor.operator(signed_in().account_id, on_behalf_of=None, source=source_of(request, wired().trusted_proxies))


def for_caller(call: CallView) -> Actor:
    """Return the signed-in operator as the author of what she does for the caller, identified or not (F-35)."""
    known = call.identified_card_id is not None
    return Actor.operator(
        signed_in().account_id,
        on_behalf_of=f"card:{call.identified_card_id}" if known else "caller",
        identified_by=IdentifiedBy(call.identified_by) if call.identified_by else IdentifiedBy.NOT_NEEDED,
        source=source_of(request, wired().trusted_proxies),
        call_id=call.id,
    )


def in_turn(call_id: int, change: Callable[[Connection, datetime], T | Refusal]) -> T | Refusal:
    """Change a call, in a transaction of its own, once its turn has come; `change` gets the time as it is then."""

    def work(db: Connection) -> T | Refusal:
        await_turn(db, call_id)
        return change(db, wired().clock.now())

    return in_transaction(wired().engine, work)


def call_in_hand() -> CallView:
    """Return the call that the booking screens are mounted under; 404 for one that does not exist."""
    if "call" not in g:
        with wired().reading() as db:
            g.call = find_call(db, g.mount["call_id"])
    call: CallView | None = g.call
    return call or abort(404)


def may_change(db: Connection, call: CallView, booking_id: int) -> bool:
    """Tell whether this call's operator may touch a booking: the identified citizen's, or one made in this call."""
    card = find_identified_card(db, call.identified_card_id)
    hers = card is not None and card.live_booking_id == booking_id
    return hers or any(each.booking_id == booking_id for each in list_call_bookings(db, call.id))


def _subject(request: Request) -> Subject:
    call = call_in_hand()
    with wired().reading() as db:
        card = find_identified_card(db, call.identified_card_id)
    contact, owner = Contact(call.from_number), hold_owner(call.id)
    if card is None:
        return Subject(for_caller(call), contact=contact, hold_owner=owner)
    moves = _service(request) == ServiceCode.DELIVERY
    moving = card.live_booking_id if moves else None
    return Subject(for_caller(call), card.id, card.lies_at, moving=moving, contact=contact, hold_owner=owner)


def _admit(request: Request) -> Response | None:
    """Let only the operator who has the call book in it, delivery only once the caller is identified."""
    call = call_in_hand()
    here = url_for("calls.show", call_id=call.id)
    if not call.is_in_hand_of(signed_in().account_id):
        return redirect(here) if request.method == "GET" else _refused(Refusal(Reason.NOT_YOUR_CALL), here)
    if _service(request) == ServiceCode.DELIVERY and call.identified_card_id is None:
        ask = f"{here}?ask=identify"
        return redirect(ask) if request.method == "GET" else _refused(Refusal(Reason.CARD_NEEDED), ask)
    if (moves := request.form.get("moves", type=int)) is not None:
        with wired().reading() as db:
            if not may_change(db, call, moves):
                abort(403)
    return None


def _refused(refusal: Refusal, way_on: str) -> Response:
    """Answer a form that cannot be taken with the reason, and the way on."""
    page = render_template(
        "booking/refused.html", heading="予約できません", refusal=refusal, service=None, start_url=way_on
    )
    return Response(page, status_of(refusal), mimetype="text/html")


def _service(request: Request) -> str:
    return str((request.view_args or {}).get("service", ""))


def _ends_at(_answer: BookingAnswer) -> str:
    return url_for("calls.show", call_id=call_in_hand().id) + "#read-back"


def _witness(db: Connection, _subject: Subject, answer: BookingAnswer) -> Refusal | None:
    """Tie the booking to the call; a repeated command was tied the first time."""
    if answer.repeated:
        return None
    verb = Verb.MOVE if "moves" in request.form else Verb.BOOK
    me, now = signed_in().account_id, wired().clock.now()
    return link_booking(db, call_in_hand().id, answer.id, verb, account_id=me, now=now)


def _witness_of_hold(db: Connection, _subject: Subject) -> Refusal | None:
    """Keep nothing aside for a call that was closed meanwhile: nobody would give it back."""
    call = lock_in_hand(db, call_in_hand().id, signed_in().account_id)
    return call if isinstance(call, Refusal) else None


KEEPS = Keeping(
    lasts=lambda: timedelta(minutes=wired().settings().read_back_hold_minutes),
    says="{when}、{where}で、お取りします。よろしいでしょうか。",
    witness=_witness_of_hold,
)
DOOR = Door(
    name="desk",
    layout=DESK.layout,
    cookie=DESK.cookie,
    subject=_subject,
    admit=_admit,
    services=SERVICES,
    ends_at=_ends_at,
    start_url=lambda: url_for("calls.show", call_id=call_in_hand().id),
    witness=_witness,
    keeps=KEEPS,
)
