"""One line a request: which screen, how it ended, how long it took. Never a name, a number, a query or a form."""

import secrets
import time

import structlog
from flask import Flask, Response, g, request

log = structlog.get_logger("access")


def install(app: Flask) -> None:
    @app.before_request
    def start() -> None:
        g.began = time.perf_counter()
        g.request_id = secrets.token_hex(8)

    @app.after_request
    def finish(response: Response) -> Response:
        # The rule, not the path: a path may hold what somebody typed.
        rule = request.url_rule.rule if request.url_rule else "-"
        log.info(
            "request",
            id=g.get("request_id"),
            method=request.method,
            rule=rule,
            status=response.status_code,
            ms=round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
        )
        response.headers["X-Request-Id"] = g.get("request_id", "-")
        return response
