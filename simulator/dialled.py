"""A caller at a telephone network that runs as a process of its own: dialled, listened to and hung up over HTTP."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from simulator.browser import PATIENCE_SECONDS, Unexpected

LOOK_EVERY_SECONDS = 0.2


@dataclass
class Dialled:
    """One call from `number`. `say` is told every sentence the caller hears, in order."""

    network: str
    number: str
    say: Callable[[str], None]
    sid: str = ""
    _seen: int = field(default=0, init=False)

    def dial(self, *, press: str = "0", patience_seconds: float = 300.0) -> Self:
        """Call the line, and press a key when the menu offers it."""
        script = [{"heard": f"{press}を", "after": 0.5, "press": press}]
        told = {"from": self.number, "script": script, "patience_seconds": patience_seconds}
        self.sid = str(self._post("/simulator/calls", told)["sid"])
        return self

    def wait_until(self, arrived: Callable[[dict[str, Any]], bool], what: str, *, seconds: float = 60.0) -> None:
        """Listen until the call stands as wanted.

        Raises:
            Unexpected: it does not within so many seconds.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if arrived(self.listen()):
                return
            time.sleep(LOOK_EVERY_SECONDS)
        raise Unexpected(f"the call was not {what} within {seconds:.0f} s")

    def listen(self) -> dict[str, Any]:
        """Tell what was heard since the last look, and return how the call stands: its `place` and `status`."""
        told = self._get(f"/simulator/calls/{self.sid}")
        entries = told["entries"]
        for entry in entries[self._seen :]:
            if entry["kind"] == "heard":
                self.say(str(entry["text"]))
        self._seen = len(entries)
        return told

    def hang_up(self) -> None:
        """Put the telephone down; a call that is over is none the worse."""
        if self.sid:
            self._post(f"/simulator/calls/{self.sid}/hang-up", {})

    def _get(self, path: str) -> dict[str, Any]:
        return _answer(urllib.request.Request(self.network + path))  # noqa: S310 - the configured scheme

    def _post(self, path: str, told: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        body = json.dumps(told).encode()
        return _answer(urllib.request.Request(self.network + path, body, headers, method="POST"))  # noqa: S310 - likewise


def _answer(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - likewise
            told: dict[str, Any] = json.loads(answer.read())
            return told
    except urllib.error.HTTPError as error:
        raise Unexpected(f"{request.get_method()} {request.full_url} was answered with {error.code}") from None
    except urllib.error.URLError as error:
        raise Unexpected(f"the telephone network at {request.full_url} does not answer: {error.reason}") from None
