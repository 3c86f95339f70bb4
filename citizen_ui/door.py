"""The citizens' door: who stands in it, and in which frame she books."""

from typing import Any

from flask import Request, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.booking import BookingAnswer
from booking_core.cards.sessions import CitizenSessionView, find_session
from booking_core.clock import real_now
from booking_core.contact import Contact
from booking_core.visit import CardView
from web.cookies import DoorCookie
from web.door import Door, Subject
from web.source import source_of
from web.wiring import wired

COOKIE = DoorCookie("citizen")
LAYOUT = "layout/citizen.html"


def find_citizen_session() -> CitizenSessionView | None:
    """Return the session of the browser that asks, None when nobody is logged in there. Read once a request."""
    if "citizen_session" not in g:
        token = request.cookies.get(COOKIE.name())
        g.citizen_session = None
        if token:
            with wired().reading() as db:
                g.citizen_session = find_session(db, token, now=real_now())
    found: CitizenSessionView | None = g.citizen_session
    return found


def find_citizen() -> CardView | None:
    """Return the card of the citizen who is logged in."""
    session = find_citizen_session()
    return session.card if session else None


def frame() -> dict[str, Any]:
    """Return what the frame of every citizen's page shows: where she can go, and the way out once she is logged in."""
    if g.get("failing"):  # an error page must not fail over what it can do without
        return {}
    places = url_for("citizen_booking.places", service="delivery")
    if find_citizen_session() is None:
        items = [("空いている日時", places), ("予約の確認", url_for("citizen.log_in"))]
        return {"nav_items": _marked(items)}
    items = [("あなたの予約", url_for("citizen.my_booking")), ("空いている日時", places)]
    return {
        "nav_items": _marked(items),
        "sign_out_url": url_for("citizen.log_out"),
        "csrf_token": COOKIE.form_token(request),
    }


def _marked(items: list[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    return [(label, href, href == request.path) for label, href in items]


def actor_of(card_id: int) -> Actor:
    return Actor.citizen(card_id, source=source_of(request, wired().trusted_proxies))


def ask_to_log_in(*, expired: bool = False) -> Response:
    """Return the way to the log-in screen, from which she comes back to where she was.

    A posted form is answered on the spot, so that what it was for is not lost behind a redirect.
    """
    if request.method == "GET":
        return redirect(url_for("citizen.log_in", next=request.full_path.rstrip("?")))
    page = render_template(
        "citizen/log_in.html",
        heading="もう一度ログインしてください" if expired else "ログイン",
        csrf_token=COOKIE.form_token(request),
        next=request.path,
        typed_number="",
        notice="しばらく操作がなかったため、ログインの期限が切れました。選んだ日時は、ログインのあとに続きから確かめられます。",
        errors={},
    )
    return Response(page, 401, mimetype="text/html")


def _subject(_request: Request) -> Subject:
    card = find_citizen()
    if card is None:
        return Subject(Actor(ActorKind.CITIZEN, None, Channel.WEB))
    return Subject(
        actor_of(card.id),
        card.id,
        card.lies_at,
        moving=card.live_booking_id,
        contact=Contact(None),
        standing=card.standing,
    )


def _admit(_request: Request) -> Response | None:
    return None if find_citizen_session() else ask_to_log_in(expired=True)


def _ends_at(_answer: BookingAnswer) -> str:
    return url_for("citizen.my_booking", done="moved" if "moves" in request.form else "1")


DOOR = Door(
    name="citizen",
    layout=LAYOUT,
    cookie=COOKIE,
    subject=_subject,
    admit=_admit,
    services=("delivery",),
    ends_at=_ends_at,
    start_url=lambda: url_for("citizen.top"),
)
