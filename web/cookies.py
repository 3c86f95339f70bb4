"""The one cookie of each door, and the token that ties a form to it."""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

from flask import Request, Response, g

from web.wiring import wired

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class DoorCookie:
    """A random value in the browser. Signed in, its digest is a session row; before that it only ties forms to it."""

    door: str

    def name(self) -> str:
        return f"__Host-{self.door}" if wired().secure_cookies else f"madoguchi_{self.door}"

    def value(self, request: Request) -> str | None:
        """Return what the browser sent, or what this request is about to give it."""
        given: str | None = g.get(f"cookie_{self.door}") or request.cookies.get(self.name())
        return given

    def give(self, value: str | None = None) -> str:
        """Let the answer to this request set the cookie, by default to a fresh random value."""
        value = value or secrets.token_urlsafe(TOKEN_BYTES)
        setattr(g, f"cookie_{self.door}", value)
        return value

    def write(self, response: Response) -> Response:
        """Set the cookie on the way out, if `give` was called during this request."""
        if value := g.get(f"cookie_{self.door}"):
            response.set_cookie(
                self.name(), value, path="/", httponly=True, samesite="Lax", secure=wired().secure_cookies
            )
        return response

    def form_token(self, request: Request) -> str:
        """Return the token that a form of this browser must carry back (CSRF), giving it a cookie if it has none."""
        return _token(self.value(request) or self.give())

    def form_is_ours(self, request: Request) -> bool:
        """Tell whether the posted form was made for the browser that sends it; without a cookie it is not even read."""
        value = request.cookies.get(self.name())
        if not value:
            return False
        token = request.form.get("csrf_token", "")
        return hmac.compare_digest(_token(value).encode(), token.encode("utf-8", "replace"))


def _token(cookie_value: str) -> str:
    return hmac.new(wired().secret_key, b"form:" + cookie_value.encode("utf-8", "replace"), sha256).hexdigest()
