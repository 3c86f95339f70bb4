"""How the network asks: signed, with limits, retries, redirects and cookies."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the library ships no types

from simulator.network.connection import patience_of
from simulator.network.signing import signature, signed_address
from simulator.network.webhook import HttpTransport, Request
from tests.simulator.conftest import TOKEN, Stage
from tests.simulator.product import document, say

FORM = {"CallSid": "CA1", "From": "+81751239000", "Digits": "", "b": "2", "B": "1"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/voice/incoming",
        "http://127.0.0.1:8000/voice/dial-ended?offer=7&x=%E3%81%82",
        "https://example.com/voice/incoming",
        "https://example.com:8443/voice/incoming?offer=1",
    ],
)
def test_the_providers_library_takes_the_signature(url: str) -> None:
    assert RequestValidator(TOKEN).validate(url, FORM, signature(TOKEN, url, FORM.items()))
    assert not RequestValidator(TOKEN).validate(url, FORM | {"Digits": "1"}, signature(TOKEN, url, FORM.items()))


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://example.com:8443/x", "https://example.com/x"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("http://example.com/x?a=1#rc=2&rp=all", "http://example.com/x?a=1"),
        ("http://me:secret@example.com/x", "http://example.com/x"),
    ],
)
def test_what_of_an_address_is_signed(url: str, signed: str) -> None:
    assert signed_address(url) == signed


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("", (5000, 15000, 15000, 1, {"ct"})),
        ("#ct=2000&rt=3000&tt=9000&rc=4&rp=5xx,ct,rt", (2000, 3000, 9000, 4, {"5xx", "ct", "rt"})),
        ("#ct=1&rt=99999&rc=9", (100, 15000, 15000, 5, {"ct"})),
        ("#ct=99999&rc=x&e=tokyo", (10000, 15000, 15000, 1, {"ct"})),
        ("#rc=0", (5000, 15000, 15000, 0, {"ct"})),
    ],
)
def test_an_address_may_ask_for_other_limits(fragment: str, expected: tuple[Any, ...]) -> None:
    told = patience_of(f"http://127.0.0.1/x{fragment}")
    assert (told.connect_ms, told.read_ms, told.total_ms, told.retries, set(told.retry_on)) == expected


class Site:
    """A site that answers what it is told to, and keeps what came."""

    def __init__(self, *answers: Callable[[], Response]) -> None:
        self.answers = list(answers)
        self.came: list[dict[str, Any]] = []
        self.app = Flask("site")
        self.app.add_url_rule("/<path:path>", "answer", self._answer, methods=["GET", "POST"])

    def _answer(self, path: str) -> Response:
        fields = request.form.to_dict() if request.method == "POST" else request.args.to_dict()
        told = {"path": path, "method": request.method, "fields": fields, "cookies": dict(request.cookies)}
        told["token"] = request.headers["I-Twilio-Idempotency-Token"]
        signed = request.headers["X-Twilio-Signature"]
        told["signed"] = RequestValidator(TOKEN).validate(request.url, request.form, signed)
        self.came.append(told)
        return self.answers.pop(0)() if self.answers else Response("<Response/>", mimetype="text/xml")


def moved(to: str, status: int = 302) -> Callable[[], Response]:
    return lambda: Response("", status, {"Location": to})


def test_a_redirect_is_followed_without_the_keys(served: Callable[[Any], str]) -> None:
    site = Site(moved("/b?x=1"))
    answer = HttpTransport(TOKEN).send(Request(served(site.app) + "/a", {"CallSid": "CA1", "Digits": "1"}))
    assert answer.fine
    assert [(came["method"], came["path"], came["signed"]) for came in site.came] == [
        ("POST", "a", True),
        ("GET", "b", True),
    ]
    assert site.came[1]["fields"] == {"x": "1", "CallSid": "CA1"}


def test_a_temporary_redirect_keeps_the_method(served: Callable[[Any], str]) -> None:
    site = Site(moved("/b", 307))
    HttpTransport(TOKEN).send(Request(served(site.app) + "/a", {"CallSid": "CA1"}))
    assert site.came[1]["method"] == "POST"


def test_ten_redirects_are_followed_and_an_eleventh_is_not(served: Callable[[Any], str]) -> None:
    fine = Site(*[moved("/b")] * 10)
    assert HttpTransport(TOKEN).send(Request(served(fine.app) + "/a", {})).fine
    lost = Site(*[moved("/b")] * 20)
    assert HttpTransport(TOKEN).send(Request(served(lost.app) + "/a", {})).failure == 11215


def test_a_cookie_is_kept_for_the_call(served: Callable[[Any], str]) -> None:
    site = Site(lambda: Response("<Response/>", headers={"Set-Cookie": "seen=1; Path=/; HttpOnly"}))
    url, cookies = served(site.app) + "/a", dict[str, str]()
    for _ in range(2):
        HttpTransport(TOKEN).send(Request(url, {}, cookies=cookies))
    assert [came["cookies"] for came in site.came] == [{}, {"seen": "1"}]


def test_an_error_is_not_tried_again_unless_the_address_asks(served: Callable[[Any], str]) -> None:
    site = Site(*[lambda: Response("no", 500)] * 3)
    url = served(site.app) + "/a"
    assert HttpTransport(TOKEN).send(Request(url, {})).failure == 11200
    assert HttpTransport(TOKEN).send(Request(f"{url}#rc=2&rp=5xx", {})).fine
    assert len(site.came) == 4
    assert len({came["token"] for came in site.came[1:]}) == 1
    assert site.came[0]["token"] != site.came[1]["token"]


def test_a_read_that_takes_too_long_is_not_tried_again(served: Callable[[Any], str]) -> None:
    release, came, began = threading.Event(), threading.Event(), []
    app = Flask("slow")

    @app.post("/a")
    def slow() -> str:
        began.append(1)
        came.set()
        release.wait(5)
        return "<Response/>"

    answer = HttpTransport(TOKEN).send(Request(served(app) + "/a#rt=150", {}))
    assert came.wait(10)
    release.set()
    assert (answer.failure, len(began)) == (11200, 1)


def test_a_refused_connection_is_tried_once_more_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Any] = []
    connect = socket.create_connection

    def counted(address: Any, *told: Any, **more: Any) -> socket.socket:
        tries.append(address)
        return connect(address, *told, **more)

    monkeypatch.setattr(socket, "create_connection", counted)
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        address = nobody_listens.getsockname()
        answer = HttpTransport(TOKEN).send(Request(f"http://127.0.0.1:{address[1]}/a", {}))
    assert (answer.failure, tries.count(address)) == (11205, 2)


def test_a_get_is_signed_with_its_fields_in_the_address(served: Callable[[Any], str]) -> None:
    site = Site()
    HttpTransport(TOKEN).send(Request(served(site.app) + "/a?x=1", {"CallSid": "CA1"}, "GET"))
    assert site.came[0]["signed"]
    assert site.came[0]["fields"] == {"x": "1", "CallSid": "CA1"}


def test_a_document_is_read_relative_to_where_it_came_from(stage: Stage) -> None:
    stage.answer(incoming=document("<Redirect>menu?page=2</Redirect>"), menu=document(say("はい。")))
    caller = stage.call()
    stage.run(1)
    assert caller.requests("menu?page=2")
    assert caller.heard == ["はい。"]
