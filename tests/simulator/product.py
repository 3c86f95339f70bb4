"""A product of paper for the network's tests: it answers what a test wrote for each path, and keeps what it was asked.

`RequestValidator` is the provider's own check of a signature: an independent judge of how the network signs.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from flask import Flask, Response, request
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the library ships no types

Answer = str | Response | Callable[[dict[str, str]], "str | Response"]
EMPTY = "<Response/>"


def say(text: str) -> str:
    return f'<Say voice="Polly.Tomoko-Neural" language="ja-JP">{text}</Say>'


def document(*verbs: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(verbs)}</Response>'


def dial(identity: str = "op_1", more: str = "", noun: str = "") -> str:
    return f'<Dial action="/voice/dial-ended" timeout="20" {more}><Client {noun}>{identity}</Client></Dial>'


@dataclass
class Asked:
    """One request of the network."""

    path: str
    form: dict[str, str]
    headers: dict[str, str]
    signed: bool


@dataclass
class Product:
    """`answers[path]` is a document, a response, a function of the form, or a list that is used up one by one."""

    token: str
    url: str = ""
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def app(self) -> Flask:
        app = Flask("product of paper")

        @app.route("/<path:path>", methods=["GET", "POST"])
        def answer(path: str) -> Response:
            told = self._note(f"/{path}")
            found = self.answers.get(f"/{path}", EMPTY)
            if isinstance(found, list):
                found = found.pop(0) if len(found) > 1 else found[0]
            given = found if isinstance(found, str | Response) else found(told)
            return given if isinstance(given, Response) else Response(given, mimetype="text/xml")

        return app

    def to(self, path: str) -> list[dict[str, str]]:
        """Return the forms that came to a path, in order."""
        return [asked.form for asked in self.asked if asked.path == path]

    def paths(self) -> Iterator[str]:
        return (asked.path for asked in self.asked)

    def wait_for(self, path: str, count: int = 1) -> list[dict[str, str]]:
        """Wait until a path was asked so often; for networks in real time."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.to(path)) >= count, 10), list(self.paths())
        return self.to(path)

    def _note(self, path: str) -> dict[str, str]:
        form = request.form.to_dict() if request.method == "POST" else request.args.to_dict()
        signature = request.headers.get("X-Twilio-Signature", "")
        signed = RequestValidator(self.token).validate(request.url, request.form, signature)
        with self.changed:
            self.asked.append(Asked(path, form, dict(request.headers), signed))
            self.changed.notify_all()
        return form
