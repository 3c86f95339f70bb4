"""The REST interface of the network: who may ask, how many at once, and what goes wrong on demand."""

import hmac
import threading
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, g, request

from simulator.network.account import Account
from simulator.network.doors.rest_calls import add_calls
from simulator.network.doors.rest_conferences import add_conferences
from simulator.network.doors.rest_errors import RestError, not_found
from simulator.network.doors.rest_messages import add_messages
from simulator.network.doors.rest_queues import add_queues
from simulator.network.exchange import Exchange
from simulator.network.rest_faults import DONE_FIRST, SILENT, Fault, PlannedFault, RestFaults
from simulator.network.sids import new_sid

MOST_AT_ONCE = 100
LOG_SIZE = 10_000


@dataclass
class Concurrency:
    """How many requests are being answered now; above `most` they are refused with 429."""

    most: int = MOST_AT_ONCE
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class RestLog:
    """Every REST request that came in, for tests and the day: method, path, form, status."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(self, status: int) -> None:
        if len(self.entries) < LOG_SIZE:
            told = {"method": request.method, "path": request.path, "form": request.form.to_dict(), "status": status}
            self.entries.append(told)


def rest_interface(exchange: Exchange, faults: RestFaults, concurrency: Concurrency, log: RestLog) -> Blueprint:
    """Return the interface below /2010-04-01."""
    rest = Blueprint("rest", __name__, url_prefix="/2010-04-01/Accounts/<account_sid>")

    @rest.url_value_preprocessor
    def take_account(endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG001 - Flask gives both
        g.account_sid = (values or {}).pop("account_sid", "")

    @rest.before_request
    def let_in() -> Response | None:
        _count_in(concurrency)
        check_credentials(exchange.account)
        planned = faults.next_for(request.method, request.path)
        g.fault = planned
        return _go_wrong(planned, faults) if planned and planned.fault not in DONE_FIRST else None

    @rest.after_request
    def tell(response: Response) -> Response:
        planned: PlannedFault | None = g.get("fault")
        if planned and planned.fault in DONE_FIRST:
            response = _go_wrong(planned, faults) or response
        response.headers["Twilio-Concurrent-Requests"] = str(concurrency.now)
        response.headers["Twilio-Request-Id"] = new_sid("RQ")
        log.add(response.status_code)
        return response

    @rest.teardown_request
    def count_out(error: BaseException | None) -> None:  # noqa: ARG001 - Flask gives it
        if g.pop("counted", False):
            with concurrency.lock:
                concurrency.now -= 1

    @rest.errorhandler(RestError)
    def refuse(error: RestError) -> Response:
        response = error.as_response()
        if error.status == 401:  # noqa: PLR2004 - not known
            response.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
        return response

    for add in (add_calls, add_queues, add_conferences, add_messages):
        add(rest, exchange)
    rest.add_url_rule("/<path:anything>", "nothing", _nothing, methods=["GET", "POST", "DELETE"])
    return rest


def check_credentials(account: Account) -> None:
    """Let in the account with its token, or an API key with its secret.

    Raises:
        RestError: 401 / 20003 for anybody else, 404 for another account's resources.
    """
    told = request.authorization
    secrets = {account.sid: account.auth_token, account.api_key_sid: account.api_key_secret}
    wanted = secrets.get(told.username or "") if told and told.type == "basic" else None
    if wanted is None or not hmac.compare_digest(wanted.encode(), ((told and told.password) or "").encode()):
        raise RestError(401, 20003, "Authenticate")
    if g.account_sid != account.sid:
        raise not_found(request.path)


def _count_in(concurrency: Concurrency) -> None:
    with concurrency.lock:
        concurrency.now += 1
        g.counted = True
        if concurrency.now > concurrency.most:
            raise too_many()


def too_many() -> RestError:
    return RestError(429, 20429, "Too Many Requests")


def _go_wrong(planned: PlannedFault, faults: RestFaults) -> Response | None:
    if planned.fault is Fault.DELAY or planned.fault in SILENT:
        faults.hold(planned.seconds)
    if planned.fault is Fault.DELAY:
        return None
    if planned.fault is Fault.TOO_MANY:
        return too_many().as_response()
    if planned.fault is Fault.GARBLED_AFTER:
        return Response('{"sid": "CA', mimetype="application/json")
    return RestError(500, 20500, "Internal Server Error").as_response()


def _nothing(anything: str) -> Response:
    raise not_found(f"{request.path.removesuffix(anything)}{anything}")
