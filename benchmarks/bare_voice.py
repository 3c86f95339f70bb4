"""The least a telephone's door could do: Flask, the provider's signature, and the product's own statements.

`app` writes the same rows with a plain psycopg connection for each thread; `app_without_book` checks the signature and
no more. Both answer with the product's own documents, made once. No rule, no log line, no document is worked out.
"""

import os
import pickle
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request
from sqlalchemy import Engine
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the library ships no types

from benchmarks import day_of_calls
from benchmarks.day_of_calls import KINDS, Prepared
from benchmarks.recording import Statement, connect, recorded
from benchmarks.stage import sqlalchemy_url
from booking_core.clock import Clock
from booking_core.db import make_engine
from config import load_settings
from ivr.conversation import Answer, hear, still_waits
from ivr.flow.next_step import Happening
from ivr.twilio.twiml import Speech, document
from ivr.twilio.webhooks import READERS

if TYPE_CHECKING:
    import psycopg

_kept = threading.local()


@dataclass(frozen=True, slots=True)
class Answered:
    """What the product does with one kind of request: its statements, if it needs a transaction, its document."""

    statements: tuple[Statement, ...]
    document: str
    writes: bool


def record(engine: Engine, prepared: Prepared, *, speech: Speech, clock: Clock) -> Answered:
    """Let the product answer one request, and take everything back."""
    app, kind, now = Flask("recording"), KINDS[prepared.kind], clock.now()
    answers: list[Answer | None] = []
    target, form = day_of_calls.target_of(prepared), day_of_calls.form_of(prepared)
    headers = {"I-Twilio-Idempotency-Token": "recorded"}
    with app.test_request_context(target, method="POST", data=form, headers=headers):
        event = READERS[f"/{kind.path}"](request)
    if event.happening is Happening.WAITS:
        look = recorded(engine, lambda db: answers.append(still_waits(db, event, now=now)))
        if answer := answers.pop():
            return Answered(tuple(look), document(answer.step, speech), writes=False)
    statements = recorded(engine, lambda db: answers.append(hear(db, event, now=now)))
    answer = answers.pop()
    assert answer is not None
    return Answered(tuple(statements), document(answer.step, speech), writes=True)


def record_all(environ: Mapping[str, str], spare: Iterable[Prepared], file: Path) -> None:
    """Record what the product does with each of these requests, for the bare side's processes to read."""
    settings = load_settings(environ)
    engine = make_engine(sqlalchemy_url(environ["DATABASE_URL"]))
    clock, speech = Clock(settings.clock_file), Speech(settings.voice_url)
    found = {each.kind: record(engine, each, speech=speech, clock=clock) for each in spare}
    engine.dispose()
    file.write_bytes(pickle.dumps(found))


def _connection(*, autocommit: bool) -> "psycopg.Connection[Any]":
    """Return this thread's own connection: one for transactions, one for reading."""
    name = "reading" if autocommit else "writing"
    if not hasattr(_kept, name):
        setattr(_kept, name, connect(os.environ["DATABASE_URL"], autocommit=autocommit))
    found: psycopg.Connection[Any] = getattr(_kept, name)
    return found


def _send(answered: Answered, own: dict[str, Any]) -> None:
    """Send the recorded statements with this request's values; what one returns is what the next is about."""
    db = _connection(autocommit=not answered.writes)
    for each in answered.statements:
        cursor = db.execute(each.query, {name: own.get(name, value) for name, value in each.values.items()})
        if cursor.description and (row := cursor.fetchone()) and cursor.description[0].name == "call_id":
            own["call_id"] = row[0]
    if answered.writes:
        db.commit()


def create_app(*, with_book: bool) -> Flask:
    """Return the bare application; RECORDED names the file that tells what it does."""
    settings = load_settings()
    answers: dict[str, Answered] = pickle.loads(Path(os.environ["RECORDED"]).read_bytes())  # noqa: S301 - our own
    assert settings.twilio_auth_token is not None
    validator, voice_url = RequestValidator(settings.twilio_auth_token.get_secret_value()), settings.voice_url
    app = Flask("bare", static_folder=None)

    @app.get("/healthz")
    def alive() -> Response:
        return jsonify(alive=True)

    @app.post("/voice/<_>")
    def webhook(_: str) -> Response | tuple[str, int]:
        address = voice_url + request.full_path.rstrip("?")
        if not validator.validate(address, request.form, request.headers.get("X-Twilio-Signature", "")):
            return "", 403
        form = request.form
        answered = answers[request.headers["X-Kind"]]
        if with_book:
            offer = request.args.get("offer", type=int)
            sid = form.get("ParentCallSid") or form["CallSid"]
            own = {"call_sid": sid, "leg": form["CallSid"], "leg_sid": form["CallSid"], "offer_id": offer,
                   "token": request.headers["I-Twilio-Idempotency-Token"]}  # fmt: skip
            _send(answered, own)
        return Response(answered.document, mimetype="text/xml")

    return app


def __getattr__(name: str) -> Flask:
    if name in {"app", "app_without_book"}:
        return create_app(with_book=name == "app")
    raise AttributeError(name)
