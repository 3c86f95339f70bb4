"""Who of the staff may see which page: sign-in at each door, and the permission that every route names (3-1-C-xvi)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from flask import Blueprint, Flask, abort, current_app, g, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from booking_core.actors import Actor
from booking_core.clock import real_now
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from booking_core.staff.accounts import SignedIn, sign_in
from booking_core.staff.roles import Permission, may, staff_actor
from booking_core.staff.sessions import StaffSessionView, close_session, find_session
from web.answers import status_of
from web.cookies import DoorCookie
from web.safe_return import safe_return
from web.source import source_of
from web.throttle import FAILED_LOG_INS
from web.typed import typed
from web.wiring import wired

View = TypeVar("View", bound=Callable[..., object])
Page = str | tuple[str, int] | Response


@dataclass(frozen=True, slots=True)
class StaffDoor:
    """One of the staff's doors.

    Attributes:
        name: of the door, its prefix and its cookie: `desk`, `board`, `admin`.
        title: what the sign-in page calls it.
        entered_with: permissions of which one is needed to sign in here.
        on_sign_out: what else ends when somebody signs out here, in the same transaction; it gets her as the actor.
        places: (label, endpoint) of its menu. Who may not see the door's start page is sent to the first she may open.
    """

    name: str
    title: str
    entered_with: frozenset[Permission]
    on_sign_out: Callable[[Connection, Actor, datetime], object] | None = None
    places: tuple[tuple[str, str], ...] = ()

    @property
    def cookie(self) -> DoorCookie:
        return DoorCookie(self.name)

    @property
    def layout(self) -> str:
        return f"layout/{self.name}.html"

    @property
    def prefix(self) -> str:
        return f"/{self.name}/"

    def lets_in(self, role: str) -> bool:
        """Tell whether somebody of this role may sign in here."""
        return any(may(role, permission) for permission in self.entered_with)


def requires(permission: Permission, *, poll: bool = False) -> Callable[[View], View]:
    """Name the permission a view asks for.

    Args:
        permission: of the role that may see it.
        poll: the page asks for this by itself; it never counts as somebody's doing.
    """

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined] # read by `guard` and by the test of all routes
        view.poll = poll  # type: ignore[attr-defined] # likewise
        return view

    return mark


def guard(blueprint: Blueprint, door: StaffDoor, *, unless_named: Permission | None = None) -> None:
    """Let nobody into a blueprint's views without a session at `door` and the permission the view names.

    `unless_named` is for the shared booking screens, which know no permission of their own.
    """

    @blueprint.before_request
    def check() -> Response | None:
        return admit(door, unless_named=unless_named)

    @blueprint.after_request
    def set_cookie(response: Response) -> Response:
        return door.cookie.write(response)  # type: ignore[arg-type] # Flask hands its own Response here


def admit(door: StaffDoor, *, unless_named: Permission | None = None) -> Response | None:
    """Let the view that is asked for be seen (None), or answer with the sign-in; abort with 403. Reads no form.

    `unless_named` is the permission of views that name none.
    """
    view = current_app.view_functions[request.endpoint or ""]
    permission = getattr(view, "permission", unless_named)
    session = _find_session(door, touch=not getattr(view, "poll", False))
    if session is None:
        return _ask_to_sign_in(door)
    g.staff = session  # also for the page that says no: its reader needs the way on and the way out
    if permission is not None and may(session.role, permission):
        return None
    start = _first_place(door, session.role) if request.path == door.prefix else None
    return redirect(start) if start else abort(403)


def _first_place(door: StaffDoor, role: str) -> str | None:
    views = current_app.view_functions
    named = ((endpoint, getattr(views[endpoint], "permission", None)) for _, endpoint in door.places)
    return next((url_for(endpoint) for endpoint, permission in named if permission and may(role, permission)), None)


def signed_in() -> StaffSessionView:
    """Return who looks at this page. Only for views behind `guard`."""
    staff: StaffSessionView = g.staff
    return staff


def acting(on_behalf_of: str | None = None) -> Actor:
    """Return the signed-in member of staff as the author of a change."""
    staff = signed_in()
    source = source_of(request, wired().trusted_proxies)
    return staff_actor(staff.role, staff.account_id, on_behalf_of=on_behalf_of, source=source)


def sign_in_screens(door: StaffDoor) -> Blueprint:
    """Return the sign-in and sign-out of one door."""
    screens = Blueprint(f"{door.name}_access", __name__)

    @screens.get("/sign-in")
    def show() -> Page:
        return _sign_in_page(door, go_on=safe_return(request))

    @screens.post("/sign-in")
    def check() -> Page:
        return _check_sign_in(door)

    @screens.post("/sign-out")
    def leave() -> Page:
        _sign_out(door)
        return redirect(url_for(f"{door.name}_access.show"), 303)

    screens.after_request(door.cookie.write)
    return screens


def open_door(app: Flask, door: StaffDoor, *blueprints: Blueprint) -> DoorCookie:
    """Mount a door: its sign-in and its guarded pages, all below its prefix. Returns its cookie."""
    app.register_blueprint(sign_in_screens(door), url_prefix=door.prefix)
    for blueprint in blueprints:
        app.register_blueprint(blueprint, url_prefix=door.prefix + (blueprint.url_prefix or "").lstrip("/"))
    return door.cookie


def _sign_out(door: StaffDoor) -> None:
    earlier = _find_session(door, touch=False)
    in_transaction(wired().engine, lambda db: _end_session(db, door, earlier))
    door.cookie.give()


def _end_session(db: Connection, door: StaffDoor, session: StaffSessionView | None, *, work_too: bool = True) -> None:
    """End what this browser's cookie stands for, and with it her work at this door."""
    close_session(db, request.cookies.get(door.cookie.name(), ""))
    if session and work_too and door.on_sign_out:
        door.on_sign_out(db, staff_actor(session.role, session.account_id), wired().clock.now())


def _check_sign_in(door: StaffDoor) -> Page:
    source = source_of(request, wired().trusted_proxies)
    if wired().throttle.exceeded(FAILED_LOG_INS, source):  # before the book is asked: each try costs it a slow hash
        return _sign_in_again(door, Refusal(Reason.SIGN_IN_LOCKED).message, 429)
    earlier = _find_session(door, touch=False)
    answer = in_transaction(wired().engine, lambda db: _sign_in(db, door, earlier, source))
    if isinstance(answer, Refusal):
        if answer.reason is not Reason.BUSY:
            wired().throttle.count(FAILED_LOG_INS, source)
        message = answer.message
        if answer.reason is Reason.NOT_ALLOWED:
            message = f"この利用者は「{door.title}」を使えません。"
        return _sign_in_again(door, message, status_of(answer))
    door.cookie.give(answer.token)
    return redirect(safe_return(request) or door.prefix, 303)


def _sign_in(db: Connection, door: StaffDoor, earlier: StaffSessionView | None, source: str) -> SignedIn | Refusal:
    """Sign in, and let the session that this browser had before end: nobody could sign out of it any more."""
    answer = sign_in(
        db,
        typed(request, "login"),
        request.form.get("password", ""),
        door=door.name,
        source=source,
        now=real_now(),
        business_now=wired().clock.now(),
        lets_in=door.lets_in,
    )
    if isinstance(answer, SignedIn):
        _end_session(db, door, earlier, work_too=earlier is not None and earlier.account_id != answer.account_id)
    return answer


def _sign_in_again(door: StaffDoor, message: str, status: int) -> tuple[str, int]:
    """Return the form as it was sent, but for the password, and what was wrong."""
    sent = {"go_on": safe_return(request), "typed_login": typed(request, "login", longest=60)}
    return _sign_in_page(door, **sent, errors={"login": message}), status


def _sign_in_page(
    door: StaffDoor, *, go_on: str = "", typed_login: str = "", errors: dict[str, str] | None = None
) -> str:
    return render_template(
        "staff/sign_in.html",
        layout=door.layout,
        heading=f"{door.title}　ログイン",
        action=url_for(f"{door.name}_access.check"),
        csrf_token=door.cookie.form_token(request),
        next=go_on,
        typed_login=typed_login,
        errors=errors or {},
    )


def _ask_to_sign_in(door: StaffDoor) -> Response:
    if request.method == "GET" and not request.headers.get("HX-Request"):
        return redirect(url_for(f"{door.name}_access.show", next=request.full_path.rstrip("?")))
    page = _sign_in_page(  # the form that was sent is left unread: it may be a stranger's, and a large file
        door, errors={"": "ログインの期限が切れました。もう一度ログインしてください。何も変わっていません。"}
    )
    return Response(page, 401, mimetype="text/html")


def _find_session(door: StaffDoor, *, touch: bool) -> StaffSessionView | None:
    token = request.cookies.get(door.cookie.name())
    if not token:
        return None
    with wired().reading() as db:
        return find_session(db, token, door=door.name, now=real_now(), touch=touch)
