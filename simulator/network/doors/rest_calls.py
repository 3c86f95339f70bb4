"""Calls over REST: placed, looked up, listed, sent elsewhere, ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request

from simulator.network.calls import Ask, Call, Direction, Status, StatusCallback
from simulator.network.doors.inline_markup import check_inline
from simulator.network.doors.rest_errors import invalid, not_found
from simulator.network.doors.rest_pages import page
from simulator.network.doors.rest_times import fits, written
from simulator.network.exchange import Exchange
from simulator.network.grammar import is_callback_url, is_url
from simulator.network.orders import Placement, place, send_elsewhere
from simulator.network.request_fields import API_VERSION
from simulator.network.withheld import is_withheld

EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
USUAL_TIMEOUT_SECONDS, LONGEST_TIMEOUT_SECONDS = 60, 600
CALLS_PER_SECOND = 1.0


@dataclass
class Pacing:
    """Calls placed over REST begin one a second; what is too many waits here."""

    free_from: datetime | None = None

    def delay(self, now: datetime) -> float:
        begin = max(self.free_from or now, now)
        self.free_from = begin + timedelta(seconds=1 / CALLS_PER_SECOND)
        return (begin - now).total_seconds()


def add_calls(rest: Blueprint, exchange: Exchange) -> None:
    """Add the Calls resource."""
    pacing = Pacing()

    @rest.post("/Calls.json")
    def create_call() -> tuple[Response, int]:
        to, from_ = _parties(exchange)
        first, callback = _first_document(exchange), _callback()
        with exchange.entered():
            delay, fallback = pacing.delay(exchange.now()), request.form.get("FallbackUrl", "")
            call = place(exchange, Placement(to, from_, first, callback, _timeout(to), delay, fallback))
            return jsonify(as_json(call)), 201

    @rest.get("/Calls.json")
    def list_calls() -> Response:
        with exchange.entered():
            found = [call for call in reversed(exchange.calls.values()) if _asked_for(call)]
            return page(found, "calls", as_json, lambda call: call.sid)

    @rest.get("/Calls/<sid>.json")
    def fetch_call(sid: str) -> Response:
        with exchange.entered():
            return jsonify(as_json(_get(exchange, sid)))

    @rest.post("/Calls/<sid>.json")
    def update_call(sid: str) -> Response:
        with exchange.entered():
            call = _get(exchange, sid)
            _update(exchange, call)
            return jsonify(as_json(call))


def as_json(call: Call) -> dict[str, Any]:
    """Return a call as the interface shows it. `duration` is a text of whole seconds, or nothing while it goes on."""
    uri = f"/{API_VERSION}/Accounts/{call.account_sid}/Calls/{call.sid}"
    parts = ("notifications", "recordings", "payments", "events", "siprec", "streams", "transcriptions")
    return {
        "account_sid": call.account_sid,
        "annotation": None,
        "answered_by": None,
        "api_version": API_VERSION,
        "caller_name": "" if call.direction is Direction.INBOUND else None,
        "date_created": written(call.created_at),
        "date_updated": written(call.changed_at or call.created_at),
        "direction": call.direction.value,
        "duration": str(call.talk_seconds) if call.over else None,
        "end_time": written(call.ended_at),
        "forwarded_from": None,
        "from": call.from_,
        "from_formatted": call.from_,
        "group_sid": None,
        "parent_call_sid": call.parent_sid,
        "phone_number_sid": "PN" + "0" * 32 if call.direction is Direction.INBOUND else "",
        "price": None,
        "price_unit": "JPY",
        "queue_time": str(call.queue_time_ms),
        "sid": call.sid,
        "start_time": written(call.started_at),
        "status": _shown_status(call),
        "subresource_uris": {part: f"{uri}/{part.capitalize()}.json" for part in parts},
        "to": call.to,
        "to_formatted": call.to,
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }


def _shown_status(call: Call) -> str:
    return (Status.QUEUED if call.status is Status.INITIATED else call.status).value


def _get(exchange: Exchange, sid: str) -> Call:
    call = exchange.calls.get(sid)
    if call is None:
        raise not_found(request.path)
    return call


def _asked_for(call: Call) -> bool:
    told = {"To": call.to, "From": call.from_, "Status": _shown_status(call), "ParentCallSid": call.parent_sid}
    if any(request.args.get(name) not in {None, "", value} for name, value in told.items()):
        return False
    return fits(call.started_at, "StartTime") and fits(call.ended_at, "EndTime")


def _update(exchange: Exchange, call: Call) -> None:
    form = request.form
    if "Status" in form:
        _end(exchange, call, form["Status"])
    elif "Url" in form or "Twiml" in form:
        to = _first_document(exchange)
        if not send_elsewhere(call, to):
            raise invalid(21220, "Call is not in-progress. Cannot redirect.")
        # The order takes the place of what the number was set up with, its fallback included.
        call.fallback_url = form.get("FallbackUrl", "")
        exchange.note(call, "redirected", url=to.url)
        if callback := _callback():
            call.callback = callback


def _end(exchange: Exchange, call: Call, wanted: str) -> None:
    if wanted not in {"canceled", "completed"}:
        raise invalid(20001, f"Invalid value for parameter Status: {wanted}")
    if call.over or (wanted == "canceled" and call.answered_at is not None):
        raise invalid(21220, "Call is not in-progress. Cannot redirect.")
    exchange.end(call, Status.CANCELED if call.answered_at is None else Status.COMPLETED)


def _parties(exchange: Exchange) -> tuple[str, str]:
    to, from_ = request.form.get("To", ""), request.form.get("From", "")
    if not to:
        raise invalid(21201, "No 'To' number is specified")
    if not from_:
        raise invalid(21213, "No 'From' number is specified")
    if not _callable(to):
        raise invalid(21211, f"The phone number you are attempting to call, {to}, is not valid.")
    if from_ != exchange.account.number and not (to.startswith("client:") and from_.startswith("client:")):
        raise invalid(21210, f"The source phone number provided, {from_}, is not yet verified for your account.")
    return to, from_


def _callable(to: str) -> bool:
    if to.startswith("client:"):
        return len(to) > len("client:")
    return to.startswith("+") and to[1:].isdecimal() and 8 <= len(to) <= 16 and not is_withheld(to)  # noqa: PLR2004


def _first_document(exchange: Exchange) -> Ask:
    form = request.form
    if "Twiml" in form:
        return Ask(markup=check_inline(exchange, form["Twiml"]))
    url = form.get("Url", "")
    if not url:
        raise invalid(21205, "Url parameter is required.")
    if not is_url(url) or not urlsplit(url).scheme:
        raise invalid(21205, f"Url is not a valid URL: {url}")
    return Ask(url, form.get("Method", "POST"))


def _callback() -> StatusCallback | None:
    url = request.form.get("StatusCallback")
    if not url:
        return None
    if not is_callback_url(url) or not urlsplit(url).scheme:
        raise invalid(21609, f"The 'StatusCallback' URL {url} is not a valid URL.")
    events = frozenset(request.form.getlist("StatusCallbackEvent")) & EVENTS
    return StatusCallback(url, request.form.get("StatusCallbackMethod", "POST"), events or frozenset({"completed"}))


def _timeout(to: str) -> float:
    seconds = request.form.get("Timeout", USUAL_TIMEOUT_SECONDS, type=int)
    if not 1 <= seconds <= LONGEST_TIMEOUT_SECONDS:
        raise invalid(21208, "Invalid Timeout")
    return min(seconds, USUAL_TIMEOUT_SECONDS) if to.startswith("client:") else seconds
