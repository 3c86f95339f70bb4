"""Security headers, by door. No page reaches outside; only the desk may hear and speak (design: doors and screens)."""

from collections.abc import Sequence

from flask import Flask, Response, g, request

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
NO_DEVICES = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"
DESK_DEVICES = NO_DEVICES.replace("microphone=()", "microphone=(self)")
ONE_YEAR = 31_536_000


def install(app: Flask, *, secure: bool, telephony_hosts: Sequence[str] = ()) -> None:
    """Give every answer its headers.

    Args:
        app: the app.
        secure: the site is reached by https; then browsers are told to come back by no other way.
        telephony_hosts: what the desk's softphone must reach, such as `wss://voice-js.tokyo.example`.
    """
    desk_policy = f"{POLICY}; connect-src 'self' {' '.join(telephony_hosts)}; media-src 'self' mediastream:".strip()

    @app.after_request
    def add_headers(response: Response) -> Response:
        at_desk = request.path.startswith("/desk/")
        headers = response.headers
        headers["Content-Security-Policy"] = desk_policy if at_desk else POLICY
        headers["Permissions-Policy"] = DESK_DEVICES if at_desk else NO_DEVICES
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if reason := g.get("refusal"):
            headers["X-Refusal"] = reason
        if secure:
            headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"  # pages show bookings; a shared computer must not keep them
        return response
