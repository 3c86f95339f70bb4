"""Where the time of one confirming POST goes: the product's own application, called in process under cProfile.

Run as a process of its own: reads one JSON object {environ, posts} and prints {cpu_us, wall_us, layers, steps}, all
microseconds of one request. `layers` is self time by library and adds up to the profiled time, which is longer than the
true one because the profiler costs as well; `steps` is time spent in and below a function that has a name of its own.
"""

import contextlib
import cProfile
import io
import json
import os
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

LAYERS = {
    "flask": "Flask and Werkzeug",
    "werkzeug": "Flask and Werkzeug",
    "blinker": "Flask and Werkzeug",
    "sqlalchemy": "SQLAlchemy",
    "psycopg": "psycopg and waiting for PostgreSQL",
    "psycopg_binary": "psycopg and waiting for PostgreSQL",
    "redis": "redis-py and waiting for Redis",
    "jinja2": "Jinja",
    "structlog": "structlog",
    "phonenumbers": "phonenumbers",
    "booking_core": "booking_core",
    "web": "web and citizen_ui",
    "citizen_ui": "web and citizen_ui",
}
STEPS = {
    ("citizen_ui/door.py", "find_citizen_session"): "who is it (session and card)",
    ("web/forms_guard.py", "check"): "is the form ours (CSRF)",
    ("web/throttle.py", "count"): "throttle",
    ("booking_core/contact.py", "read_contact"): "read the contact",
    ("booking_core/db.py", "in_transaction"): "the booking's transaction",
    ("web/access_log.py", "finish"): "access log",
    ("web/headers.py", "add_headers"): "security headers",
}
ROOT = str(Path(__file__).resolve().parent.parent)


def post(app: Flask, path: str, cookie: str, form: str) -> str:
    """Send one form without a server and return the answer's status line."""
    environ = EnvironBuilder(
        path=path,
        method="POST",
        data=form,
        headers=Headers({"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}),
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
    ).get_environ()
    _, status, _ = run_wsgi_app(app.wsgi_app, environ)
    return status


def measure(app: Flask, posts: list[list[str]]) -> dict[str, Any]:
    """Send the first half bare and the second half profiled; every one must book."""
    warm, half = posts[: len(posts) // 5], len(posts) * 3 // 5
    plain, profiled = posts[len(warm) : half], posts[half:]
    _send(app, warm)
    wall, cpu = time.perf_counter(), time.process_time()
    _send(app, plain)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    profile = cProfile.Profile()
    profile.enable()
    _send(app, profiled)
    profile.disable()
    stats: dict[Any, Any] = pstats.Stats(profile, stream=io.StringIO()).stats  # type: ignore[attr-defined]  # untyped there
    return {
        "wall_us": wall / len(plain) * 1e6,
        "cpu_us": cpu / len(plain) * 1e6,
        "layers": _by_layer(stats, len(profiled)),
        "steps": _by_step(stats, len(profiled)),
    }


def _send(app: Flask, posts: Iterable[list[str]]) -> None:
    for path, cookie, form in posts:
        status = post(app, path, cookie, form)
        assert status.startswith("303"), f"a booking was answered with {status}"


def _by_layer(stats: dict[Any, Any], requests: int) -> dict[str, float]:
    """Sum self time by library; what is built in counts for whoever called it."""
    seconds: dict[str, float] = defaultdict(float)
    for (file, _, _), (_, _, own, _, callers) in stats.items():
        if file == "~":
            for (caller, _, _), (_, _, part, _) in callers.items():
                seconds[_layer(caller)] += part
        else:
            seconds[_layer(file)] += own
    return {name: part / requests * 1e6 for name, part in sorted(seconds.items(), key=lambda item: -item[1])}


def _layer(file: str) -> str:
    if "site-packages/" in file:
        name = file.partition("site-packages/")[2].partition("/")[0]
    else:
        name = file.removeprefix(ROOT + "/").partition("/")[0] if file.startswith(ROOT) else ""
    return LAYERS.get(name, "the standard library and the rest")


def _by_step(stats: dict[Any, Any], requests: int) -> dict[str, float]:
    found = {
        name: below / requests * 1e6
        for (file, _, function), (_, _, _, below, _) in stats.items()
        for (ending, wanted), name in STEPS.items()
        if function == wanted and file.endswith(ending)
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main() -> None:
    job = json.load(sys.stdin)
    os.environ.update(job["environ"])
    with Path(job["log"]).open("a", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        from app import create_app
        from config import load_settings

        figures = measure(create_app(load_settings()), job["posts"])
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
