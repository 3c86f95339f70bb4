"""Requests as a browser would send them, made ready before the clock runs."""

import secrets
from urllib.parse import urlencode

from flask import Flask, request

from benchmarks.stage import Citizen
from citizen_ui.door import COOKIE

PHONE_TYPED = "0751234567"
HEADERS = (
    "Host: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: text/html,application/xhtml+xml\r\n"
    "Accept-Language: ja,en;q=0.5\r\nConnection: keep-alive\r\n"
)


def cookie_of(citizen: Citizen) -> str:
    return f"madoguchi_citizen={citizen.token}"


def confirm_path(slot_id: int) -> str:
    return f"/book/delivery/slot/{slot_id}/"


def days_path(venue: str) -> str:
    return f"/book/delivery/at/{venue}/"


def form_of(app: Flask, citizen: Citizen) -> str:
    """Return the filled-in confirmation form: its token is the one the product gives this browser."""
    with app.test_request_context("/", headers={"Cookie": cookie_of(citizen)}):
        token = COOKIE.form_token(request)
    return urlencode({"csrf_token": token, "command_key": secrets.token_urlsafe(16), "phone": PHONE_TYPED})


def confirming_post(app: Flask, citizen: Citizen, slot_id: int) -> str:
    """Return the request that books `slot_id` for a citizen who is logged in."""
    body = form_of(app, citizen)
    return (
        f"POST {confirm_path(slot_id)} HTTP/1.1\r\n{HEADERS}Cookie: {cookie_of(citizen)}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def days_get(venue: str, citizen: Citizen | None) -> str:
    """Return the request for the free days of a venue."""
    cookie = f"Cookie: {cookie_of(citizen)}\r\n" if citizen else ""
    return f"GET {days_path(venue)} HTTP/1.1\r\n{HEADERS}{cookie}\r\n"
