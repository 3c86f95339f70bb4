"""Callers and operators' telephones at a network that is a process of its own."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from simulator.browser import PATIENCE_SECONDS, Unexpected
from simulator.day.caller import script_of
from simulator.day.plan import CallerPlan
from simulator.day.town import Tell
from simulator.network.scripts import Step
from simulator.network.softphone import Softphone, Told

WITH_A_PERSON = frozenset({"connected", "in_conference"})


@dataclass(frozen=True, slots=True)
class NetworkOverHttp:
    """The network at an address. `later` brings what a telephone tells to where everybody acts."""

    address: str
    later: Callable[[Callable[[], None]], None]

    def telephone(self, token: str, tell: Tell) -> "TelephoneOverHttp":
        def passed_on(told: Told) -> None:
            self.later(lambda: tell(told.kind, told.data))

        softphone = Softphone(self.address, token, passed_on)
        try:
            softphone.register()
        except OSError as error:
            raise Unexpected(f"the telephone network does not register {token[:8]}…: {error}") from None
        return TelephoneOverHttp(softphone)

    def dial(self, plan: CallerPlan) -> str:
        """Let somebody call; return the network's name of her leg."""
        script = script_of(plan)
        told = {
            "from": plan.number,
            "script": [_written(step) for step in script.steps],
            "patience_seconds": script.patience_seconds,
        }
        return str(self._ask("/simulator/calls", told)["sid"])

    def put_down(self, sid: str) -> bool:
        return bool(self._ask(f"/simulator/calls/{sid}/hang-up", {}))

    def give_up_waiting(self, sid: str) -> None:
        """Let a caller hang up whom nobody talks to."""
        if self._ask(f"/simulator/calls/{sid}")["place"] not in WITH_A_PERSON:
            self.put_down(sid)

    def _ask(self, path: str, told: object = None) -> dict[str, Any]:
        body = None if told is None else json.dumps(told).encode()
        request = urllib.request.Request(self.address + path, body, {"Content-Type": "application/json"})  # noqa: S310 - the configured scheme
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - likewise
                known: dict[str, Any] = json.loads(answer.read())
                return known
        except (OSError, ValueError) as error:
            raise Unexpected(f"the telephone network did not answer {path}: {error}") from None


@dataclass(frozen=True, slots=True)
class TelephoneOverHttp:
    """One softphone."""

    softphone: Softphone

    def accept(self, leg: str) -> bool:
        return _done(self.softphone.accept, leg)

    def reject(self, leg: str) -> bool:
        return _done(self.softphone.reject, leg)

    def hang_up(self, leg: str) -> bool:
        return _done(self.softphone.hang_up, leg)

    def leave(self) -> None:
        self.softphone.close()


def _done(deed: Callable[[str], bool], leg: str) -> bool:
    try:
        return deed(leg)
    except OSError as error:
        raise Unexpected(f"the telephone network did not take it: {error}") from None


def _written(step: Step) -> dict[str, Any]:
    usual = asdict(Step())
    return {name: value for name, value in asdict(step).items() if value != usual[name]}
