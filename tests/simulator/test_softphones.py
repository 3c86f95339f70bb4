"""Softphones over HTTP, with the tokens that the provider's own library mints."""

import queue
from collections.abc import Callable, Iterator
from contextlib import closing
from time import monotonic
from typing import Any

import jwt
import pytest
import requests
from twilio.jwt.access_token import AccessToken  # type: ignore[import-untyped] # the library ships no types
from twilio.jwt.access_token.grants import VoiceGrant  # type: ignore[import-untyped] # likewise
from werkzeug.wrappers import Request, Response

from simulator.network.account import Account
from simulator.network.doors import sse
from simulator.network.server import Network
from simulator.network.softphone import RETRY_SECONDS, Softphone
from simulator.network.softphone_token import TokenRefused, read_token
from simulator.network.speech import Speech
from tests.simulator.conftest import account_for
from tests.simulator.product import EMPTY, Product, dial, document

pytest_plugins = ["tests.browser"]

FAR_AHEAD = 4_000_000_000
DESK = "http://127.0.0.1:8000"


def mint(account: Account, identity: str = "op_1", *, seconds: int = 3600, allow: bool = True, **more: Any) -> str:
    key = {"signing_key_sid": account.api_key_sid, "secret": account.api_key_secret} | more
    token = AccessToken(account.sid, identity=identity, ttl=seconds, **key)
    token.add_grant(VoiceGrant(incoming_allow=allow))
    return str(token.to_jwt())


@pytest.fixture
def network(product: Product) -> Iterator[Network]:
    """A network in real time whose voices take no time."""
    product.answers["/voice/incoming"] = document(dial())
    product.answers["/voice/dial-ended"] = EMPTY
    with Network(account_for(product, desk_origin=DESK), speech=Speech(speed_up=1000)) as network:
        yield network
        assert network.exchange.failures == []


@pytest.fixture
def softphone(network: Network) -> Iterator[Callable[..., Softphone]]:
    opened: list[Softphone] = []

    def open_one(identity: str = "op_1") -> Softphone:
        phone = Softphone(network.url, mint(network.account, identity))
        phone.register()
        opened.append(phone)
        return phone

    yield open_one
    for phone in opened:
        phone.close()


def test_a_call_rings_is_accepted_and_hung_up(
    network: Network, product: Product, softphone: Callable[..., Softphone]
) -> None:
    operator = softphone()
    caller = network.call("+81751239000")
    incoming = operator.wait_for("incoming").data
    assert (incoming["from"], incoming["parent"]) == ("+81751239000", caller.call.sid)
    assert operator.accept(incoming["leg"])
    operator.wait_for("connected")
    assert operator.mute(incoming["leg"])
    assert operator.press(incoming["leg"], "1")
    assert operator.hang_up(incoming["leg"])
    operator.wait_for("disconnected")
    assert product.wait_for("/voice/dial-ended")[0]["DialCallStatus"] == "completed"
    product.wait_for("/voice/status")
    assert not operator.hang_up(incoming["leg"])


def test_two_tabs_ring_and_the_first_accept_wins(network: Network, softphone: Callable[..., Softphone]) -> None:
    one, two = softphone(), softphone()
    network.call("+81751239000")
    leg = one.wait_for("incoming").data["leg"]
    assert two.wait_for("incoming").data["leg"] == leg
    assert two.accept(leg)
    assert not one.accept(leg)
    assert one.wait_for("cancel").data["reason"] == "answered elsewhere"


def test_a_caller_who_leaves_is_cancelled(network: Network, softphone: Callable[..., Softphone]) -> None:
    operator = softphone()
    caller = network.call("+81751239000")
    leg = operator.wait_for("incoming").data["leg"]
    caller.hang_up()
    operator.wait_for("cancel")
    assert not operator.accept(leg)


def test_an_operator_declines(network: Network, product: Product, softphone: Callable[..., Softphone]) -> None:
    operator = softphone()
    network.call("+81751239000")
    assert operator.reject(operator.wait_for("incoming").data["leg"])
    assert product.wait_for("/voice/dial-ended")[0]["DialCallStatus"] == "busy"


def test_nobody_acts_on_anothers_leg(network: Network, softphone: Callable[..., Softphone]) -> None:
    operator, other = softphone(), softphone("op_2")
    network.call("+81751239000")
    leg = operator.wait_for("incoming").data["leg"]
    assert not other.accept(leg)
    assert not other.hang_up(leg)
    assert operator.accept(leg)
    assert not other.mute(leg)


def test_events_missed_between_two_streams_are_replayed(network: Network) -> None:
    token = mint(network.account)
    registered = requests.post(f"{network.url}/client/register", json={"token": token}, timeout=10).json()
    caller = network.call("+81751239000")
    url = f"{network.url}/client/events?token={token}&registration={registered['registration']}"
    with requests.get(url, stream=True, timeout=10) as first:
        seen = _first_event(first)
    caller.hang_up()
    with requests.get(url, headers={"Last-Event-ID": seen["id"]}, stream=True, timeout=10) as second:
        missed = _first_event(second)
    assert (seen["event"], missed["event"]) == ("incoming", "cancel")


def _first_event(answer: requests.Response) -> dict[str, str]:
    event: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.decode().partition(": ")
        if name in {"id", "event", "data"}:
            event[name] = value
        if "data" in event:
            break
    return event


def test_a_stream_without_a_registration_registers(network: Network) -> None:
    token = mint(network.account)
    with requests.get(f"{network.url}/client/events?token={token}", stream=True, timeout=10) as stream:
        next(stream.iter_lines())
        assert [each.identity for each in network.exchange.clients.registrations.values()] == ["op_1"]


def test_a_softphone_whose_stream_is_gone_is_forgotten(
    network: Network, softphone: Callable[..., Softphone], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.network.doors.softphone_door.GRACE_SECONDS", 0.05)
    monkeypatch.setattr(sse, "ALIVE_SECONDS", 0.05)
    operator = softphone()
    network.call("+81751239000")
    operator.wait_for("incoming")
    (registration,) = network.exchange.clients.registrations.values()
    operator.close()
    with registration.changed:
        assert registration.changed.wait_for(lambda: registration.gone, 10)
    assert network.exchange.clients.registrations == {}


def test_a_stream_that_is_refused_is_not_asked_for_again_at_once(serve: Callable[[Any], str]) -> None:
    asked: queue.Queue[float] = queue.Queue()

    @Request.application
    def knows_nobody(request: Request) -> Response:
        if request.method == "POST":
            return Response('{"registration": "one"}', content_type="application/json")
        asked.put(monotonic())
        return Response(status=404)

    with closing(Softphone(serve(knows_nobody), "a token")) as softphone:
        softphone.register()
        first, second = asked.get(timeout=10), asked.get(timeout=10)
    assert second - first >= RETRY_SECONDS * 0.9


def test_a_fresh_token_prolongs_a_registration(network: Network, softphone: Callable[..., Softphone]) -> None:
    operator = softphone()
    before = operator.registration
    fresh = mint(network.account, seconds=7200)
    operator.refresh(fresh)
    (registration,) = network.exchange.clients.registrations.values()
    assert registration.sid == before
    assert registration.expires_at == jwt.decode(fresh, options={"verify_signature": False})["exp"]


def test_an_expired_token_is_told_and_ends_the_registration(
    network: Network, softphone: Callable[..., Softphone], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "ALIVE_SECONDS", 0.05)
    operator = softphone()
    network.call("+81751239000")
    operator.wait_for("incoming")
    (registration,) = network.exchange.clients.registrations.values()
    registration.expires_at = 1.0
    assert operator.wait_for("error").data["code"] == 20104


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"seconds": -10}, 20104),
        ({"seconds": 90_000}, 20104),
        ({"secret": "another secret of at least thirty-two signs"}, 20107),
        ({"signing_key_sid": "SK" + "9" * 32}, 20103),
        ({"allow": False}, 31201),
        ({"identity": None}, 20101),
    ],
)
def test_a_wrong_token_is_refused(product: Product, more: dict[str, Any], code: int) -> None:
    account = account_for(product)
    with pytest.raises(TokenRefused) as refused:
        read_token(mint(account, **more), account)
    assert refused.value.code == code


def test_a_token_of_another_kind_is_refused(product: Product) -> None:
    account = account_for(product)
    claims = {"iss": account.api_key_sid, "sub": account.sid, "exp": FAR_AHEAD}
    for token in (jwt.encode(claims, account.api_key_secret), "no token", ""):
        with pytest.raises(TokenRefused) as refused:
            read_token(token, account)
        assert refused.value.code == 20101


def test_without_a_token_nobody_gets_in(network: Network) -> None:
    for path in ("/client/register", "/client/legs/CAx/accept"):
        answer = requests.post(f"{network.url}{path}", timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (401, 20101)


def test_only_the_desks_pages_may_use_it(network: Network) -> None:
    url = f"{network.url}/client/register"
    desk = requests.options(url, headers={"Origin": DESK}, timeout=10)
    assert desk.headers["Access-Control-Allow-Origin"] == DESK
    assert "Authorization" in desk.headers["Access-Control-Allow-Headers"]
    other = requests.options(url, headers={"Origin": "http://example.com"}, timeout=10)
    assert "Access-Control-Allow-Origin" not in other.headers


def test_a_page_elsewhere_cannot_point_its_name_here(network: Network) -> None:
    answer = requests.get(f"{network.url}/healthz", headers={"Host": "evil.example:80"}, timeout=10)
    assert answer.status_code == 403
    assert requests.get(f"{network.url}/healthz", timeout=10).status_code == 200
