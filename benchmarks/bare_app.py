"""The least a web server could do: Flask, a plain psycopg connection for each thread, the product's own statements.

No check of the form, no throttle, no rules, no page. What the product adds to this is what it is measured for.
"""

import os
import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

from benchmarks import bare
from benchmarks.recording import connect
from benchmarks.stage import sqlalchemy_url
from booking_core.clock import Clock
from booking_core.db import make_engine
from config import load_settings

if TYPE_CHECKING:
    import psycopg

_kept = threading.local()


def _connection(*, autocommit: bool = False) -> "psycopg.Connection[Any]":
    """Return this thread's own connection: one for transactions, one for reading."""
    name = "reading" if autocommit else "writing"
    if not hasattr(_kept, name):
        setattr(_kept, name, connect(os.environ["DATABASE_URL"], autocommit=autocommit))
    found: psycopg.Connection[Any] = getattr(_kept, name)
    return found


def create_app() -> Flask:
    """Return the bare application; the spare citizen, slot and venue to record with stand in the environment."""
    settings, service_id = load_settings(), int(os.environ["SERVICE_ID"])
    now = Clock(settings.clock_file).now()
    engine = make_engine(sqlalchemy_url(os.environ["DATABASE_URL"]))
    book = bare.BareBooking(
        bare.record_booking(
            engine,
            slot_id=int(os.environ["SPARE_SLOT"]),
            service_id=service_id,
            card_id=int(os.environ["SPARE_CARD"]),
            now=now,
        )
    )
    (session,) = bare.record_session(engine, os.environ["SPARE_TOKEN"])
    days = {
        venue: bare.record_days(engine, service_id=service_id, venue=venue, now=now)
        for venue in os.environ["VENUES"].split(",")
    }
    engine.dispose()
    app = Flask("bare", static_folder=None)

    @app.get("/healthz")
    def alive() -> Response:
        return jsonify(alive=True)

    @app.post("/book/delivery/slot/<int:slot_id>/")
    def confirm(slot_id: int) -> tuple[str, int, dict[str, str]]:
        db = _connection()
        digest = sha256(request.cookies["madoguchi_citizen"].encode()).digest()
        row = db.execute(session.query, {**session.values, "digest": digest}).fetchone()
        if row is None:
            db.rollback()
            return "", 401, {}
        booking = book(
            db,
            slot_id=slot_id,
            card_id=row[0],
            key=request.form["command_key"],
            phone="+81" + request.form["phone"][1:],
        )
        return ("", 303, {"Location": "/my/?done=1"}) if booking else ("", 409, {})

    @app.get("/book/delivery/at/<venue>/")
    def free_days(venue: str) -> Response:
        rows = _connection(autocommit=True).execute(days[venue].query, days[venue].values).fetchall()
        return jsonify([[day.isoformat(), int(places)] for day, places in rows])

    return app


def __getattr__(name: str) -> Flask:
    if name == "app":
        return create_app()
    raise AttributeError(name)
