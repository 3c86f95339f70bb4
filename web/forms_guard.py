"""Every form that changes something must have been made for the browser that sends it (CSRF)."""

from collections.abc import Mapping

from flask import Flask, render_template, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from web.cookies import DoorCookie

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def install(app: Flask, *, cookies: Mapping[str, DoorCookie], signed_prefixes: tuple[str, ...]) -> None:
    """Check the token of every unsafe request.

    Args:
        app: the app.
        cookies: the door's cookie by prefix; the longest prefix that fits counts.
        signed_prefixes: paths whose requests carry a signature instead, such as `/voice/`.
    """
    prefixes = sorted(cookies, key=len, reverse=True)

    @app.before_request
    def check() -> tuple[str, int] | Response | None:
        if request.method not in UNSAFE or request.path.startswith(signed_prefixes) or request.url_rule is None:
            return None
        cookie = next((cookies[prefix] for prefix in prefixes if request.path.startswith(prefix)), None)
        if cookie is None:
            raise Forbidden
        if cookie.form_is_ours(request):
            return None
        return render_template("errors/stale_form.html", heading="画面を開き直してください"), 400
