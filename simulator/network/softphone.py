"""A softphone for simulated operators: what a browser's does, over the same HTTP, without a browser."""

import contextlib
import http.client
import json
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PATIENCE_SECONDS = 20.0
STREAM_PATIENCE_SECONDS = 10.0
"""A stream says every two seconds that it is alive; after this it is taken for dead and opened again."""

RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """One event: incoming, cancel, connected, disconnected, error."""

    identity: str
    kind: str
    data: dict[str, Any]


class TokenRejected(Exception):  # noqa: N818 - it tells what the network answered
    """The network takes this token no longer: only a fresh one helps."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(str(told.get("message")))
        self.told = told


class Softphone:
    """Registered from `register` to `close`. `tell` is called in a thread of its own with each event."""

    def __init__(self, network: str, token: str, tell: Callable[[Told], None] | None = None) -> None:
        """Take the network's address and an access token as the product mints it for an operator."""
        self.network, self.token, self._tell = network.rstrip("/"), token, tell
        self.registration = ""
        self.events: list[Told] = []
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._listen, name="softphone", daemon=True)

    def register(self) -> None:
        """Register and begin to listen; raises urllib.error.HTTPError if the token is refused."""
        self.registration = str(self._post("/client/register")[1]["registration"])
        self._thread.start()

    def refresh(self, token: str) -> None:
        """Go on with a fresh token."""
        self.token = token
        self._post("/client/register")

    def accept(self, leg: str) -> bool:
        """Take a call; False if another softphone was first or the caller has gone."""
        return self._act(leg, "accept")

    def reject(self, leg: str) -> bool:
        return self._act(leg, "reject")

    def hang_up(self, leg: str) -> bool:
        return self._act(leg, "hangup")

    def mute(self, leg: str, *, muted: bool = True) -> bool:
        return self._act(leg, "mute", muted="true" if muted else "false")

    def press(self, leg: str, digits: str) -> bool:
        return self._act(leg, "digits", digits=digits)

    def wait_for(self, kind: str, *, count: int = 1, seconds: float = PATIENCE_SECONDS) -> Told:
        """Return the count-th event of a kind, waiting so many real seconds for it.

        Raises:
            TimeoutError: it did not come.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.of(kind)) >= count, seconds):
                raise TimeoutError(f"no {kind} within {seconds} s, only {[each.kind for each in self.events]}")
            return self.of(kind)[count - 1]

    def of(self, kind: str) -> list[Told]:
        return [each for each in self.events if each.kind == kind]

    def close(self) -> None:
        """Stop listening: a few seconds later the network takes the softphone for gone, and a talk ends."""
        self._closed.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(STREAM_PATIENCE_SECONDS)

    def _listen(self) -> None:
        """Read the stream until closed; one that was cut goes on after the last event, unless the token is refused."""
        last = ""
        while not self._closed.is_set():
            try:
                # What was missed meanwhile is told once the stream goes on.
                with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                    for told in self._read(last):
                        last = told.identity
                        self.registration = last.partition(":")[0] or self.registration  # a new one, of a new network
                        self._take(told)
            except TokenRejected as rejected:
                self._take(Told("", "error", rejected.told))
                return
            self._closed.wait(RETRY_SECONDS)

    def _take(self, told: Told) -> None:
        with self._changed:
            self.events.append(told)
            self._changed.notify_all()
        if self._tell:
            self._tell(told)

    def _read(self, last: str) -> Iterator[Told]:
        parts = urllib.parse.urlsplit(self.network)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=STREAM_PATIENCE_SECONDS)
        query = urllib.parse.urlencode({"token": self.token, "registration": self.registration})
        with contextlib.closing(connection):
            connection.connect()
            self._socket = connection.sock
            connection.request("GET", f"/client/events?{query}", headers={"Last-Event-ID": last} if last else {})
            with connection.getresponse() as stream:
                if stream.status == http.client.UNAUTHORIZED:
                    raise TokenRejected(json.loads(stream.read()))
                if stream.status != http.client.OK:
                    raise http.client.HTTPException(stream.status)
                yield from _events(stream)

    def _act(self, leg: str, deed: str, **told: str) -> bool:
        return self._post(f"/client/legs/{leg}/{deed}", **told)[0] == http.client.OK

    def _post(self, path: str, **told: str) -> tuple[int, dict[str, Any]]:
        form = urllib.parse.urlencode({"registration": self.registration, **told}).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.network + path, form, headers, method="POST")  # noqa: S310 - http
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - likewise
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code not in {http.client.CONFLICT, http.client.NOT_FOUND}:
                    raise
                return error.code, json.loads(error.read())


def _events(stream: http.client.HTTPResponse) -> Iterator[Told]:
    fields: dict[str, str] = {}
    for line in stream:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "event" in fields:
            yield Told(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}
