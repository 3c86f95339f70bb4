"""What the telephone in the operator's page asks: how she stands, by which way it is rung, and that it lives.

The page holds the audio; these answers hold the truth. All are JSON, for `web/static/desk/`.
"""

from dataclasses import dataclass

from flask import Blueprint, jsonify, request, url_for
from werkzeug.wrappers import Response

from booking_core.clock import real_now
from booking_core.db import in_transaction
from booking_core.staff.roles import Permission
from booking_core.visit import CardView
from ivr.queue.calls import CallView, find_call, list_waiting
from ivr.queue.identify import find_identified_card
from ivr.queue.operators import get_operator
from ivr.queue.presence import heard_from
from ivr.twilio.access_token import GOOD_FOR, TokenMint
from ivr.twilio.twiml import identity
from operator_ui import words
from operator_ui.door import DESK
from web.formats import phone_ja
from web.staff_access import guard, requires, signed_in
from web.wiring import wired

TWILIO, SIMULATOR, NONE = "twilio", "simulator", "none"


@dataclass(frozen=True, slots=True)
class Softphone:
    """How the telephone in the page is rung.

    Attributes:
        driver: `twilio` (its Voice SDK), `simulator` (a local network), or `none`: calls are then answered elsewhere.
        mint: makes the tokens of the first two.
        base: where the simulator is.
        edges: of Twilio, in order of preference.
    """

    driver: str
    mint: TokenMint
    base: str = ""
    edges: tuple[str, ...] = ()


def softphone_answers(phone: Softphone) -> Blueprint:
    """Return the softphone's answers, to be mounted at the desk."""
    answers = Blueprint("softphone", __name__, url_prefix="/line")
    guard(answers, DESK)

    @answers.get("/state")
    @requires(Permission.CALLS_TAKE, poll=True)
    def state() -> Response:
        """Tell how the operator stands, what rings, and how many wait."""
        return jsonify(_state())

    @answers.post("/heartbeat")
    @requires(Permission.CALLS_TAKE, poll=True)
    def heartbeat() -> Response:
        """Take in a sign of life, every ten seconds, from a worker of the page: hidden tabs sleep."""
        me = signed_in().account_id
        in_transaction(wired().engine, lambda db: heard_from(db, me, real_now=real_now()))
        return Response(status=204)

    @answers.post("/token")
    @requires(Permission.CALLS_TAKE, poll=True)
    def token() -> Response:
        """Hand out the token by which this page's telephone is rung, good for an hour."""
        who = identity(signed_in().account_id)
        made = phone.mint.token_for(who) if phone.driver != NONE else ""
        return jsonify(
            driver=phone.driver,
            identity=who,
            token=made,
            expires_in=int(GOOD_FOR.total_seconds()),
            base=phone.base,
            edges=phone.edges,
        )

    return answers


def _state() -> dict[str, object]:
    me = signed_in().account_id
    with wired().reading() as db:
        operator = get_operator(db, me)
        call = find_call(db, operator.call_id) if operator.call_id else None
        card = find_identified_card(db, call.identified_card_id) if call else None
        waiting = list_waiting(db)
    return {
        "identity": identity(me),
        "status": operator.status,
        "reason": operator.reason,
        "next_status": operator.next_status,
        "stands": words.stands(operator),
        "advice": words.ADVICE.get(operator.reason) if operator.reason else None,
        "activity": operator.activity,
        "wrap_up_ends_at": operator.due_at.isoformat() if operator.due_at else None,
        "call": _call(call, card) if call else None,
        "waiting": len(waiting),
        "now": wired().clock.now().isoformat(),
        "csrf_token": DESK.cookie.form_token(request),
    }


def _call(call: CallView, card: CardView | None) -> dict[str, object]:
    """Return what the bar shows of the call in hand. A shown number is a hint, never a name."""
    return {
        "id": call.id,
        "offer": call.offer_id,
        "state": call.state,
        "url": url_for("calls.show", call_id=call.id),
        "from": call.from_number,
        "from_words": phone_ja(call.from_number) if call.from_number else words.WITHHELD,
        "topic": words.TOPIC[call.topic] if call.topic else None,
        "rings": call.dialled_at is not None,
        "answered_at": call.answered_at.isoformat() if call.answered_at else None,
        "caller": words.identified_as(card),
        "bookings_of_number": call.bookings_of_number,
    }
