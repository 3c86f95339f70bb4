"""Streams of server-sent events."""

import json
from collections.abc import Iterator
from typing import Any

from flask import Response

ALIVE_SECONDS = 2.0
"""How often an idle stream says that it is alive; only by writing does the network notice that a listener has gone."""
RETRY_MS = 1000


def event(identity: str, kind: str, data: dict[str, Any]) -> str:
    return f"id: {identity}\nevent: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def alive() -> str:
    return ": alive\n\n"


def opening() -> str:
    return f"retry: {RETRY_MS}\n\n"


def stream(pieces: Iterator[str]) -> Response:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(pieces, mimetype="text/event-stream", headers=headers)
