"""A server of tests that writes no line for every request."""

from typing import Any

from werkzeug.serving import WSGIRequestHandler


class Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        pass
