"""The simulator's own controls: callers, what goes wrong, what was found wrong. For this machine's programs only."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.network.callback_delivery import Delivery
from simulator.network.callers import Caller, call_in
from simulator.network.calls import Call
from simulator.network.doors import sse
from simulator.network.doors.rest import RestLog
from simulator.network.exchange import Exchange
from simulator.network.rest_faults import Fault, RestFaults
from simulator.network.scenarios import SCENARIOS, WITHHELD_CALLERS
from simulator.network.scripts import WrongScript, read_script

WRONG, MISSING = 422, 404
KEYS = "0123456789*#"
QUIET_ROUNDS = 2

DEEDS: Mapping[str, Callable[[Caller, dict[str, Any]], object]] = {
    "press": lambda caller, told: caller.press("".join(key for key in str(told.get("keys", "")) if key in KEYS)),
    "speak": lambda caller, told: caller.speak(float(told.get("seconds", 1))),
    "hang-up": lambda caller, told: caller.hang_up(),  # noqa: ARG005 - every deed is called alike
}
"""What the person at a telephone can do, by the last part of the address."""


def control_door(exchange: Exchange, faults: RestFaults, log: RestLog) -> Blueprint:
    """Return the door below /simulator.

    Whatever changes something is sent as JSON: the page of another site cannot do that.
    """
    door = Blueprint("simulator", __name__, url_prefix="/simulator")

    @door.before_request
    def want_json() -> tuple[Response, int] | None:
        if request.method == "POST" and not isinstance(request.get_json(silent=True), dict):
            return jsonify(error="a JSON object is wanted"), WRONG
        return None

    @door.errorhandler(WrongScript)
    def tell_script(wrong: WrongScript) -> tuple[Response, int]:
        return jsonify(error=str(wrong)), WRONG

    @door.errorhandler(ValueError)
    def tell_value(wrong: ValueError) -> tuple[Response, int]:
        return jsonify(error=str(wrong)), WRONG

    _add_callers(door, exchange)
    _add_faults(door, exchange, faults)
    _add_findings(door, exchange, log)
    return door


def _add_callers(door: Blueprint, exchange: Exchange) -> None:
    @door.post("/calls")
    def create_call() -> tuple[Response, int]:
        told: dict[str, Any] = request.get_json()
        patience = told.get("patience_seconds")
        scripted = "script" in told or patience is not None
        script = read_script(told.get("script", []), patience) if scripted else None
        caller = call_in(exchange, str(told.get("from", "")), to=told.get("to"), script=script)
        return jsonify(_summary(caller.call)), 201

    @door.get("/calls")
    def list_calls() -> Response:
        with exchange.entered():
            calls = list(exchange.calls.values())[-max(request.args.get("last", 0, type=int), 0) :]
        wanted = request.args.get("status")
        return jsonify(calls=[_summary(call) for call in calls if wanted in {None, call.status.value}])

    @door.get("/calls/<sid>")
    def show_call(sid: str) -> tuple[Response, int]:
        call = exchange.calls.get(sid)
        if call is None:
            return jsonify(error="no such call"), MISSING
        return jsonify(_summary(call) | {"entries": [each.as_json() for each in exchange.journal.of(sid)]}), 200

    _add_one_caller(door, exchange)


def _add_one_caller(door: Blueprint, exchange: Exchange) -> None:
    @door.get("/calls/<sid>/events")
    def stream_call(sid: str) -> Response:
        after = request.headers.get("Last-Event-ID", "0")
        return sse.stream(_entries(exchange, sid, int(after) if after.isdecimal() else 0))

    @door.post("/calls/<sid>/<deed>")
    def act(sid: str, deed: str) -> tuple[Response, int]:
        call = exchange.calls.get(sid)
        if call is None:
            return jsonify(error="no such call"), MISSING
        if deed not in DEEDS:
            return jsonify(error=f"a caller cannot {deed}"), MISSING
        DEEDS[deed](Caller(exchange, call), request.get_json())
        return jsonify(_summary(call)), 200

    @door.get("/scenarios")
    def list_scenarios() -> Response:
        told = {number: {"ja": each.japanese, "en": each.english} for number, each in SCENARIOS.items()}
        return jsonify(scenarios=told, withheld=list(WITHHELD_CALLERS))


def _add_faults(door: Blueprint, exchange: Exchange, faults: RestFaults) -> None:
    @door.post("/faults/rest")
    def plan_rest() -> Response:
        told = request.get_json()
        faults.plan(
            Fault(told.get("fault", "")),
            times=int(told.get("times", 1)),
            seconds=float(told.get("seconds", 30)),
            only=str(told.get("only", "")),
            method=str(told.get("method", "")),
        )
        return jsonify(planned=told)

    @door.delete("/faults/rest")
    def forget_rest() -> tuple[str, int]:
        faults.clear()
        return "", 204

    @door.post("/faults/callbacks")
    def plan_callbacks() -> Response:
        told, delivery = request.get_json(), exchange.delivery
        planned = [Delivery(each) for each in told.get("planned", [])]
        usual, late = (
            Delivery(told.get("usual", delivery.usual)),
            float(told.get("late_seconds", delivery.late_seconds)),
        )
        with exchange.entered():
            delivery.usual, delivery.late_seconds = usual, late
            delivery.planned.extend(planned)
        return jsonify(planned=[each.value for each in delivery.planned], usual=usual.value, late_seconds=late)


def _add_findings(door: Blueprint, exchange: Exchange, log: RestLog) -> None:
    @door.get("/debugger")
    def show_debugger() -> Response:
        return jsonify(violations=[each.as_json() for each in exchange.debugger.violations], failures=exchange.failures)

    @door.delete("/debugger")
    def clear_debugger() -> tuple[str, int]:
        exchange.debugger.clear()
        return "", 204

    @door.get("/rest-requests")
    def show_rest() -> Response:
        return jsonify(requests=log.entries)

    @door.get("/registrations")
    def show_registrations() -> Response:
        with exchange.entered():
            told = [
                {"identity": each.identity, "registration": each.sid, "talking": each.talking is not None}
                for each in exchange.clients.registrations.values()
            ]
        return jsonify(registrations=told)


def _summary(call: Call) -> dict[str, Any]:
    return {
        "sid": call.sid,
        "from": call.from_,
        "to": call.to,
        "direction": call.direction.value,
        "status": call.status.value,
        "place": call.place.value,
        "parent": call.parent_sid,
        "talk_seconds": call.talk_seconds,
    }


def _entries(exchange: Exchange, sid: str, after: int) -> Iterator[str]:
    """Yield what happens in a call as it happens, and end a while after its end."""
    yield sse.opening()
    quiet = 0
    while quiet < QUIET_ROUNDS or (sid in exchange.calls and not exchange.calls[sid].over):
        told = exchange.journal.wait(sid, after=after, seconds=sse.ALIVE_SECONDS)
        for each in told:
            after = each.number
            yield sse.event(str(each.number), each.kind, each.as_json())
        if not told:
            yield sse.alive()
        quiet = 0 if told else quiet + 1
    yield sse.event(str(after), "closed", {})
