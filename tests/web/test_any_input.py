"""Whatever is sent to whatever address, nobody meets an unhandled error, and a stranger changes nothing."""

import io
import re
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the library ships no types
from werkzeug.routing import Rule

from booking_core.models import Role
from tests.caller import TOKEN, VOICE_URL
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.visitor import Visitor

NASTY = (
    "",
    " ",
    "0",
    "-1",
    "1",
    "7",
    "9" * 30,
    "1e9",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "０１２",
    "あ" * 300,
    "a" * 5_000,
    "../../etc/passwd",
    "%00",
    "髙﨑㈱①～",
    "\u202ereversed",
    "true",
    "null",
    "[]",
    "2025-04-22",
    "2025-13-45",
    "9999-12-31",
    "0001-01-01",
    "kita",
    "delivery",
    "certificate",
    "available",
    "away",
    "renew",
)
FIELDS = (
    "number", "password", "next", "phone", "name", "kana", "purpose", "command_key", "moves", "booking_id", "status",
    "reason", "main_reason", "month", "login", "CallSid", "From", "To", "CallStatus", "QueueResult", "DialCallStatus",
    "DialCallDuration", "SequenceNumber", "offer", "page", "sort", "venue", "service", "state", "channel", "day_from",
    "day_to", "query", "outcome", "verb", "ask", "done",
)  # fmt: skip
WATCHED = ("booking", "booking_change", "card", "setting", "content_text", "slot", "slot_hold", "staff_account")


def address(rule: Rule, dice: Random) -> str:
    """Return an address of a route, its parts filled with anything, and perhaps a query."""
    path = rule.rule
    for name in sorted(rule.arguments):
        value = quote(dice.choice(NASTY).encode("utf-8", "replace"), safe="") or "x"
        number = str(dice.choice((0, 1, 7, 2**31, 2**63 - 1, 2**63, 2**64, 10**40)))
        path = re.sub(rf"<int(\([^)]*\))?:{name}>", number, path)
        path = re.sub(rf"<([a-z]+(\([^)]*\))?:)?{name}>", value, path)
    assert "<" not in path
    if dice.random() < 0.3:
        path += "?" + "&".join(
            f"{dice.choice(FIELDS)}={quote(dice.choice(NASTY).encode('utf-8', 'replace'))}" for _ in range(3)
        )
    return path


def form(dice: Random, token: str) -> dict[str, str]:
    values = {
        dice.choice(FIELDS): dice.choice(NASTY).encode("utf-8", "replace").decode() for _ in range(dice.randrange(9))
    }
    return values | ({"csrf_token": token} if dice.random() < 0.9 else {})


def send(visitor: Visitor, method: str, path: str, values: dict[str, str], *, files: bool = False) -> None:
    headers = {}
    if path.startswith("/voice/"):
        headers["X-Twilio-Signature"] = RequestValidator(TOKEN).compute_signature(VOICE_URL + path, values)
    body: dict[str, Any] = dict(values)
    if files:
        body |= {"file": (io.BytesIO(NASTY[len(values)].encode("utf-8", "replace")), "../\u202e.csv")}
    answer = visitor.client.open(path, method=method, data=body if method == "POST" else None, headers=headers)
    assert answer.status_code < 500 or answer.status_code == 503, (method, path, values, answer.status_code)
    answer.close()


def walk(house: House, seed: int, steps: int, people: list[tuple[Visitor, str]]) -> None:
    dice = Random(seed)  # noqa: S311 - the same walk every time, no secret
    routes = [
        (method, rule)
        for rule in house.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
        if not rule.rule.endswith("sign-out") and rule.rule != "/logout"
    ]
    for _ in range(steps):
        method, rule = dice.choice(routes)
        visitor, token = dice.choice(people)
        path, values = address(rule, dice), form(dice, token)
        send(visitor, method, path, values, files=not path.startswith("/voice/") and dice.random() < 0.2)


def everybody(house: House) -> list[tuple[Visitor, str]]:
    """Return a stranger, a citizen, an operator and the city's administrator, each with a form's token."""
    house.add_citizen()
    add_staff(house.engine, "operator1")
    add_staff(house.engine, "cityadmin1", Role.CITY_ADMIN)
    stranger = house.visitor().open("/login")
    citizen = house.visitor().open("/login").submit({"number": "ABC123456", "password": "sakura-2025"})
    people = [stranger, citizen, signed_in_at(house, "desk", "operator1"), signed_in_at(house, "admin", "cityadmin1")]
    urls = ("/login", "/login", "/desk/", "/admin/")
    return [(each, token_of(each.open(url))) for each, url in zip(people, urls, strict=True)]


def token_of(visitor: Visitor) -> str:
    fields = [each for each in visitor._root().iter("input") if each.get("name") == "csrf_token"]
    return fields[0].get("value", "")


def contents(house: House) -> dict[str, Any]:
    """Return every value of the tables a stranger has no business with, as one digest a table."""
    digest = "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
    with house.engine.connect() as db:
        return {table: tuple(db.execute(text(digest.format(table))).one()) for table in WATCHED}


def test_three_hundred_odd_requests_meet_no_unhandled_error(house: House) -> None:
    walk(house, 20250407, 300, everybody(house))


def test_a_stranger_s_odd_requests_change_nothing(house: House) -> None:
    people = everybody(house)[:1]
    before = contents(house)
    walk(house, 7, 200, people)
    assert contents(house) == before


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_thousands_of_odd_requests_meet_no_unhandled_error(open_house: Callable[..., House], seed: int) -> None:
    house = open_house()
    walk(house, seed, 1_000, everybody(house))
