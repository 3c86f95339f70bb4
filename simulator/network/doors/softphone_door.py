"""Where softphones register, hear what rings, and say what their operator does."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.network.clients import ClientLeg, Registration
from simulator.network.doors import sse
from simulator.network.exchange import Exchange
from simulator.network.orders import reject, unregister
from simulator.network.softphone_token import EXPIRED, Grant, TokenRefused, read_token

GRACE_SECONDS = 3.0
"""How long a softphone without a stream stays registered: a reload of the page takes less."""
FIRST_STREAM_SECONDS = 15.0
UNAUTHORISED, GONE, UNKNOWN = 401, 409, 404


def softphone_door(exchange: Exchange) -> Blueprint:
    """Return the door below /client; pages of the desk's origin may use it."""
    door = Blueprint("client", __name__, url_prefix="/client")

    @door.errorhandler(TokenRefused)
    def refuse(refused: TokenRefused) -> tuple[Response, int]:
        return jsonify(code=refused.code, message=refused.message), UNAUTHORISED

    @door.after_request
    def allow_desk(response: Response) -> Response:
        origin = exchange.account.desk_origin
        if origin and request.headers.get("Origin") == origin:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Last-Event-ID"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Max-Age"] = "600"
        response.headers["Vary"] = "Origin"
        return response

    @door.post("/register")
    def register() -> Response:
        """Register, or give a registration a fresh token."""
        grant = _grant(exchange)
        with exchange.entered():
            known = exchange.clients.registrations.get(_told("registration"))
            if known is None or known.identity != grant.identity:
                known = _newly_registered(exchange, grant)
            known.expires_at = grant.expires_at
            return jsonify(registration=known.sid, identity=known.identity, expires_at=grant.expires_at)

    @door.get("/events")
    def events() -> Response:
        """Stream what happens at a softphone; a stream that was cut goes on after its Last-Event-ID."""
        grant = _grant(exchange)
        sid, _, after = request.headers.get("Last-Event-ID", request.args.get("last_event_id", "")).partition(":")
        with exchange.entered():
            registration = _registration_of(exchange, grant, request.args.get("registration") or sid)
            registration.expires_at = max(registration.expires_at or 0.0, grant.expires_at)
            registration.streams += 1
        follows = after.isdecimal() and sid == registration.sid
        return sse.stream(_stream(exchange, registration, int(after) if follows else 0))

    _add_leg_routes(door, exchange)
    return door


def _add_leg_routes(door: Blueprint, exchange: Exchange) -> None:
    @door.post("/legs/<leg_sid>/<deed>")
    def act(leg_sid: str, deed: str) -> tuple[Response, int]:
        """Let an operator act on a leg; 409 if it is over, or another softphone's, or no longer hers to take."""
        grant = _grant(exchange)
        if deed not in DEEDS:
            return jsonify(done=False, reason="no such deed"), UNKNOWN
        with exchange.entered():
            leg = exchange.clients.legs.get(leg_sid)
            if leg is None:
                known = leg_sid in exchange.calls
                return jsonify(done=False, reason="over" if known else "unknown"), GONE if known else UNKNOWN
            registration = _at(leg, grant, _told("registration"))
            if registration is None or not DEEDS[deed](exchange, leg, registration):
                return jsonify(done=False, reason="taken" if leg.taken_by else "not yours"), GONE
            return jsonify(done=True, leg=leg_sid), 200


def _accept(exchange: Exchange, leg: ClientLeg, registration: Registration) -> bool:
    return exchange.clients.accept(leg, registration)


def _refuse(exchange: Exchange, leg: ClientLeg, registration: Registration) -> bool:
    rings = registration in leg.ringing
    if rings:
        reject(exchange, leg, registration)
    return rings


def _hang_up(exchange: Exchange, leg: ClientLeg, registration: Registration) -> bool:
    return leg.taken_by is registration and exchange.end(leg.call)


def _mute(exchange: Exchange, leg: ClientLeg, registration: Registration) -> bool:
    if leg.taken_by is not registration:
        return False
    leg.call.muted = _told("muted", "true").lower() != "false"
    exchange.note(leg.call, "muted", muted=leg.call.muted)
    return True


def _press(exchange: Exchange, leg: ClientLeg, registration: Registration) -> bool:
    if leg.taken_by is not registration:
        return False
    exchange.press(leg.call, "".join(key for key in _told("digits") if key in "0123456789*#"))
    return True


DEEDS: Mapping[str, Callable[[Exchange, ClientLeg, Registration], bool]] = {
    "accept": _accept,
    "reject": _refuse,
    "hangup": _hang_up,
    "mute": _mute,
    "digits": _press,
}


def _grant(exchange: Exchange) -> Grant:
    told = request.authorization
    token = told.token if told and told.type == "bearer" else None
    return read_token(token or request.args.get("token") or _told("token"), exchange.account)


def _told(name: str, usual: str = "") -> str:
    """Return a field of the body, be it a form or JSON, or of the address."""
    body: Any = request.get_json(silent=True) if request.is_json else request.form
    value = body.get(name) if isinstance(body, dict) else None
    return str(request.args.get(name, usual) if value is None else value)


def _registration_of(exchange: Exchange, grant: Grant, sid: str) -> Registration:
    """Return the registration a stream belongs to: the one it names, the newest that waits for one, or a new one."""
    named = exchange.clients.registrations.get(sid)
    if named is not None and named.identity == grant.identity:
        return named
    waiting = [each for each in exchange.clients.of(grant.identity) if not each.streams and each.tell is None]
    return waiting[-1] if waiting and not sid else exchange.clients.register(grant.identity)


def _newly_registered(exchange: Exchange, grant: Grant) -> Registration:
    registration = exchange.clients.register(grant.identity, expires_at=grant.expires_at)
    exchange.later(FIRST_STREAM_SECONDS, lambda: _leave_if_silent(exchange, registration))
    return registration


def _at(leg: ClientLeg, grant: Grant, sid: str) -> Registration | None:
    """Return the softphone of this grant at which the leg rings or which took it."""
    there = [*([leg.taken_by] if leg.taken_by else []), *leg.ringing]
    fitting = [each for each in there if each.identity == grant.identity and sid in {"", each.sid}]
    return fitting[0] if fitting else None


def _stream(exchange: Exchange, registration: Registration, after: int) -> Iterator[str]:
    try:
        yield sse.opening()
        told = registration.wait(after, 0)
        while told or not registration.gone:
            for each in told:
                after = each.number
                yield sse.event(f"{registration.sid}:{each.number}", each.kind, each.data)
            if not told:
                yield sse.alive()
            _check_expiry(exchange, registration)
            told = registration.wait(after, sse.ALIVE_SECONDS)
    finally:
        with exchange.entered():
            registration.streams -= 1
            exchange.later(GRACE_SECONDS, lambda: _leave_if_silent(exchange, registration))


def _check_expiry(exchange: Exchange, registration: Registration) -> None:
    """End a registration whose token has run out; a talk goes on until its own end."""
    if registration.expires_at is None or registration.expires_at > time.time() or registration.talking:
        return
    with exchange.entered():
        registration.send("error", code=EXPIRED, message="AccessTokenExpired")
        unregister(exchange, registration)


def _leave_if_silent(exchange: Exchange, registration: Registration) -> None:
    if not registration.streams and not registration.gone:
        unregister(exchange, registration)
