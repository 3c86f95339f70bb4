"""One request of the network to the product: signed, with the provider's time limits, retries and redirects."""

import http.client
import secrets
import socket
import time
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import urljoin, urlsplit, urlunsplit

from simulator.network.connection import ON_4XX, ON_5XX, ON_CONNECT, ON_READ, Patience, patience_of
from simulator.network.signing import HEADER, signature

MOST_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEP_METHOD = frozenset({307, 308})
CLIENT_ERROR, SERVER_ERROR, TOO_MANY = 400, 500, 429
MOST_BYTES = 64 * 1024 + 1
"""One more than a document may have, so that a longer one is seen to be longer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be asked. `fields` are sent as a form with POST, in the address with GET."""

    url: str
    fields: dict[str, str]
    method: str = "POST"
    cookies: dict[str, str] = field(default_factory=dict)
    """Kept for one call; what the product sets is added here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `failure` is the provider's number for why nothing usable did."""

    url: str
    status: int = 0
    body: bytes = b""
    content_type: str = ""
    failure: int | None = None
    message: str = ""
    milliseconds: int = 0
    signature_url: str = ""

    @property
    def fine(self) -> bool:
        return self.failure is None


class Transport(Protocol):
    """How requests reach the product."""

    def send(self, request: Request) -> Answer: ...


@dataclass(frozen=True, slots=True)
class _Failed(Exception):  # noqa: N818 - it tells how far the request came
    """One attempt came to nothing: `stage` as a fragment's `rp` calls it."""

    stage: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """Sends over HTTP, each request on a connection of its own."""

    token: str

    def send(self, request: Request) -> Answer:
        """Send, follow redirects, try again as the address allows. Never raises: a failure is an answer too."""
        began = time.monotonic()
        patience, idempotency = patience_of(request.url), secrets.token_hex(16)
        deadline = began + patience.total_ms / 1000
        tries = 0
        while True:
            answer = self._follow(request, patience, idempotency, deadline)
            stage = _stage_of(answer)
            if not stage or tries >= patience.retries or not patience.retries_after(stage):
                break
            if time.monotonic() >= deadline:
                break
            tries += 1
        milliseconds = round((time.monotonic() - began) * 1000)
        return Answer(answer.url, answer.status, answer.body, answer.content_type, _public_code(answer.failure),
                      answer.message, milliseconds)  # fmt: skip

    def _follow(self, request: Request, patience: Patience, idempotency: str, deadline: float) -> Answer:
        url, method, fields = urlunsplit(urlsplit(request.url)._replace(fragment="")), request.method, request.fields
        for _ in range(MOST_REDIRECTS + 1):
            try:
                status, headers, body = self._try(url, method, fields, request.cookies, patience, idempotency, deadline)
            except _Failed as failed:
                code = NO_CONNECTION if failed.stage == ON_CONNECT else failed.code
                return Answer(url, failure=code, message=failed.message)
            location = headers.get("Location")
            if status not in REDIRECTS or not location:
                return _judge(url, status, headers, body)
            # Keys that were pressed are told once: the address they are redirected to does not hear of them.
            fields = {name: value for name, value in fields.items() if name != "Digits"}
            method = method if status in KEEP_METHOD else "GET"
            url = urljoin(url, location)
        return Answer(url, failure=11215, message="HTTP too many redirects")

    def _try(  # noqa: PLR0917 - one attempt has as many sides
        self, url: str, method: str, fields: dict[str, str], cookies: dict[str, str], patience: Patience,
        idempotency: str, deadline: float,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:  # fmt: skip
        target, form = _placed(url, method, fields)
        parts = urlsplit(target)
        connection = _connect(parts, patience, deadline)
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "I-Twilio-Idempotency-Token": idempotency,
            HEADER: signature(self.token, target, form),
        }
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        body = urllib.parse.urlencode(form).encode() if method == "POST" else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        path = parts.path or "/"
        try:
            connection.request(method, f"{path}?{parts.query}" if parts.query else path, body, headers)
            with connection.getresponse() as answer:
                _keep_cookies(answer.headers.get_all("Set-Cookie") or (), cookies)
                return answer.status, answer.headers, answer.read(MOST_BYTES)
        except TimeoutError:
            raise _Failed(ON_READ, 11200, f"no answer within {patience.read_ms} ms") from None
        except (OSError, http.client.HTTPException) as error:
            raise _Failed(ON_READ, 11206, f"the connection broke: {error!r}") from None
        finally:
            connection.close()


NO_CONNECTION = -11205


def _connect(parts: urllib.parse.SplitResult, patience: Patience, deadline: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    left = max(deadline - time.monotonic(), 0.05)
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=min(patience.connect_ms / 1000, left))
        connection.connect()
    except (OSError, ValueError) as error:
        code = 11210 if isinstance(error, socket.gaierror | ValueError) else 11205
        raise _Failed(ON_CONNECT, code, f"cannot connect: {error}") from None
    left = max(deadline - time.monotonic(), 0.05)
    connection.sock.settimeout(min(patience.read_ms / 1000, left))
    return connection


def _placed(url: str, method: str, fields: dict[str, str]) -> tuple[str, list[tuple[str, str]]]:
    """Return the address that is asked and the form that is sent with it."""
    if method == "POST":
        return url, list(fields.items())
    parts = urlsplit(url)
    query = "&".join(piece for piece in (parts.query, urllib.parse.urlencode(fields)) if piece)
    return urlunsplit(parts._replace(query=query)), []


def _judge(url: str, status: int, headers: http.client.HTTPMessage, body: bytes) -> Answer:
    content_type = headers.get("Content-Type", "")
    if 200 <= status < 300:  # noqa: PLR2004 - the range of success
        return Answer(url, status, body, content_type)
    code = 11217 if status == TOO_MANY else 11200
    return Answer(url, status, body, content_type, code, f"answered with {status}")


def _stage_of(answer: Answer) -> str:
    if answer.failure is None:
        return ""
    if answer.failure == NO_CONNECTION:
        return ON_CONNECT
    if answer.status >= SERVER_ERROR:
        return ON_5XX
    return ON_4XX if answer.status >= CLIENT_ERROR else ON_READ


def _public_code(failure: int | None) -> int | None:
    return 11205 if failure == NO_CONNECTION else failure


def _keep_cookies(headers: Iterable[str], cookies: dict[str, str]) -> None:
    for header in headers:
        try:
            morsels = SimpleCookie(header)
        except CookieError:
            continue
        cookies.update({name: morsel.value for name, morsel in morsels.items()})
