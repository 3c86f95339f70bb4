"""The page for programs that drive the system from outside tells the truth: every route, field, account and card."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.exceptions import NotFound

import demo
from booking_core.seed.demo import DEMO_ACCOUNTS, DEMO_PASSWORD
from booking_core.seed.demo_cards import CARDS, FREE_CARDS, demo_cards
from ivr.twilio.webhooks import READERS
from tests.caller import Caller
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.visitor import Visitor

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "driving-from-outside.md").read_text(encoding="utf-8")
EXAMPLES = {"<slot>": "7", "<call>": "7", "<booking>": "7", "<offer>": "7", "<service>": "delivery"}
SIGNED = "/voice/"


@dataclass(frozen=True)
class Told:
    """A row of the page: a request and its fields."""

    method: str
    path: str
    fields: tuple[str, ...]

    @property
    def example(self) -> str:
        path = self.path.partition("?")[0]
        for placeholder, value in EXAMPLES.items():
            path = path.replace(placeholder, value)
        return path


def told() -> list[Told]:
    rows = re.findall(r"^\| (GET|POST) \| `([^`]+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    return [Told(method, path, tuple(re.findall(r"`([^`]+)`", fields))) for method, path, fields in rows]


def fields_of(visitor: Visitor, told: Told) -> set[str]:
    """Return the names of every control in the page's forms that post to what the row tells."""
    names: set[str] = set()
    for form in visitor._root().iter("form"):
        if form.get("action", "").partition("?")[0] == told.example:
            names |= {each.get("name", "") for tag in ("input", "select", "button") for each in form.iter(tag)}
    return names - {""}


def test_the_page_names_some_forty_requests() -> None:
    assert len(told()) > 35


@pytest.mark.parametrize("row", told(), ids=lambda row: f"{row.method} {row.path}")
def test_every_request_it_names_exists(house: House, row: Told) -> None:
    adapter = house.app.url_map.bind("127.0.0.1")
    try:
        adapter.match(row.example, method=row.method)
    except NotFound:
        pytest.fail(f"{row.method} {row.path} is no route")


def test_it_names_every_request_of_the_telephone() -> None:
    named = {row.example for row in told() if row.path.startswith(SIGNED)}
    assert named == {f"/voice{path}" for path in READERS}


def test_its_accounts_and_cards_are_the_demos() -> None:
    accounts = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|$", PAGE, re.MULTILINE))
    assert accounts == {login: str(role) for login, _, role in DEMO_ACCOUNTS}
    assert f"`{DEMO_PASSWORD}`" in PAGE
    cards = re.findall(r"^\| `(9\d{9})` \| `(\d{8})` \|$", PAGE, re.MULTILINE)
    assert set(cards) <= {(card.number, card.password) for card in demo_cards()[:FREE_CARDS]}
    assert f"n = 1 to {FREE_CARDS} without" in PAGE
    assert f"to {CARDS} with one" in PAGE


def test_a_citizens_forms_carry_the_fields_it_names(house: House) -> None:
    house.add_citizen()
    rows = {(row.path, "moves" in row.fields): row for row in told() if row.method == "POST"}
    visitor = house.visitor().open("/login?next=/my/")
    assert fields_of(visitor, rows["/login", False]) == set(rows["/login", False].fields)
    visitor.submit({"number": "ABC123456", "password": "sakura-2025"})
    assert fields_of(visitor, rows["/logout", False]) == {"csrf_token"}
    for moving in (False, True):
        row = rows["/book/delivery/slot/<slot>/", moving]
        slot = confirmation(visitor, "kita" if not moving else "minami")
        told_here = Told(row.method, row.path.replace("<slot>", slot), row.fields)
        assert fields_of(visitor, told_here) == set(row.fields)
        visitor.submit({"phone": "075-123-4567"} if not moving else {})
        assert visitor.url == "/my/"
    visitor.open("/my/cancel")
    assert fields_of(visitor, rows["/my/cancel", False]) == set(rows["/my/cancel", False].fields)


def confirmation(visitor: Visitor, venue: str, prefix: str = "/book/delivery") -> str:
    """Go to a confirming form the way the page says, and return its slot."""
    visitor.open(f"{prefix}/at/{venue}/")
    visitor.open(next(href for words, href in visitor.links().items() if "空きあり" in words))
    visitor.open(re.findall(r"/[\w/-]+/slot/\d+/", visitor.page)[0])
    return visitor.url.rstrip("/").rpartition("/")[2]


def test_a_refusal_names_its_reason_in_a_header(house: House) -> None:
    visitor = house.visitor().open("/login").submit({"number": "ABC123456", "password": "wrong"})
    assert (visitor.status, visitor.response.headers["X-Refusal"]) == (422, "not_registered")
    assert "X-Refusal" not in house.visitor().open("/").response.headers


def test_an_operators_forms_carry_the_fields_it_names(house: House) -> None:
    house.add_citizen()
    add_staff(house.engine, "operator1")
    rows = {row.path: row for row in told() if row.method == "POST" and row.path.startswith("/desk/")}
    visitor = house.visitor().open("/desk/sign-in?next=/desk/")
    assert fields_of(visitor, rows["/desk/sign-in"]) == set(rows["/desk/sign-in"].fields)
    visitor = signed_in_at(house, "desk", "operator1")
    assert fields_of(visitor, rows["/desk/status"]) == {"csrf_token", "status", "reason"}
    assert fields_of(visitor, rows["/desk/sign-out"]) == {"csrf_token"}
    visitor.submit({"status": "available"}, action="/desk/status")
    caller = Caller(house)
    caller.calls()
    caller.waits()
    visitor.open("/desk/")
    visitor.submit(action="/take")
    call = visitor.url.rstrip("/").rpartition("/")[2]
    assert caller.waits().find("Leave") is not None
    client = caller.leaves_queue().find("Dial/Client")
    assert client is not None
    offer = int((client.get("url") or "").rpartition("=")[2])
    assert fields_here(visitor, rows, "/desk/calls/<call>/identify", call) == {"csrf_token", "number", "password"}
    visitor.submit({"number": "ABC123456", "password": "sakura-2025"}, action="/identify")
    caller.operator_picks_up(offer)
    for service in ("delivery", "application", "certificate"):
        slot = confirmation(visitor, "center-3f", f"/desk/calls/{call}/book/{service}")
        row = rows[f"/desk/calls/<call>/book/{service}/slot/<slot>/"]
        here = Told("POST", row.path.replace("<call>", call).replace("<slot>", slot), row.fields)
        assert fields_of(visitor, here) == set(row.fields)
    visitor.open(f"/desk/calls/{call}/")
    assert fields_here(visitor, rows, "/desk/calls/<call>/close", call) == {"csrf_token", "main_reason"}


def fields_here(visitor: Visitor, rows: dict[str, Told], path: str, call: str) -> set[str]:
    row = rows[path]
    return fields_of(visitor, Told(row.method, path.replace("<call>", call), row.fields))


def test_the_demos_environment_holds_every_name_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    told = PAGE.partition("`NAME=value` lines:")[2].partition("\n\n")[0]
    names = set(re.findall(r"`([A-Z_]+)`", told))
    assert {"PUBLIC_URL", "VOICE_URL", "TWILIO_NUMBER", "DATABASE_URL"} <= names
    monkeypatch.setenv("DATABASE_URL", "postgresql://given")
    monkeypatch.delenv("VOICE_URL", raising=False)
    monkeypatch.setenv("PUBLIC_URL", "http://localhost:8000")
    environ = demo._demo_environment(8000)
    assert names <= set(environ)
    assert environ["VOICE_URL"] == "http://localhost:8000"
