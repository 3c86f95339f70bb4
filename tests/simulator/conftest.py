"""A stage for the network's tests: a product of paper, and a network whose clock is stepped."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from simulator.network.account import Account
from simulator.network.callers import Caller
from simulator.network.clients import Event, Registration
from simulator.network.orders import reject, unregister
from simulator.network.scripts import read_script
from simulator.network.server import Network
from simulator.network.timeline import SteppedTimeline
from tests.simulator.product import Product

TOKEN = "12345678901234567890123456789012"
MORNING = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)


class Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        pass


@pytest.fixture
def served() -> Iterator[Callable[[Any], str]]:
    """`served(app)` lets an app answer until the test ends, and returns its address."""
    running = []

    def start(app: Any) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def product(served: Callable[[Any], str]) -> Product:
    product = Product(TOKEN)
    product.url = served(product.app())
    return product


def account_for(product: Product, **more: Any) -> Account:
    return Account(product.url, sid="AC" + "1" * 32, auth_token=TOKEN, api_key_sid="SK" + "2" * 32, **more)


@dataclass
class Operator:
    """A softphone of this process, with somebody in front of it."""

    network: Network
    identity: str
    events: list[Event] = field(default_factory=list)
    registration: Registration = field(init=False)

    def __post_init__(self) -> None:
        self.registration = self.network.register(self.identity, self.events.append)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    @property
    def leg(self) -> str:
        return str(next(event.data["leg"] for event in reversed(self.events) if event.kind == "incoming"))

    def accept(self) -> bool:
        exchange = self.network.exchange
        with exchange.entered():
            leg = exchange.clients.legs.get(self.leg)
            return leg is not None and exchange.clients.accept(leg, self.registration)

    def reject(self) -> None:
        exchange = self.network.exchange
        with exchange.entered():
            reject(exchange, exchange.clients.legs[self.leg], self.registration)

    def hang_up(self) -> bool:
        exchange = self.network.exchange
        with exchange.entered():
            return exchange.end(exchange.calls[self.leg])

    def vanish(self) -> None:
        with self.network.exchange.entered():
            unregister(self.network.exchange, self.registration)


@dataclass
class Stage:
    """A product of paper and a network on a stepped clock."""

    product: Product
    network: Network
    timeline: SteppedTimeline

    def answer(self, **documents: Any) -> None:
        """`incoming=...` is what /voice/incoming answers, `dial_ended=...` what /voice/dial-ended does."""
        for name, given in documents.items():
            self.product.answers["/voice/" + name.replace("_", "-")] = given

    def call(self, from_: str = "+819012345678", *script: dict[str, Any], patience: float = 3600) -> Caller:
        caller = self.network.call(from_, script=read_script(script, patience))
        self.timeline.settle()
        return caller

    def operator(self, identity: str = "op_1") -> Operator:
        return Operator(self.network, identity)

    def run(self, seconds: float) -> None:
        self.timeline.run_for(seconds)

    @property
    def codes(self) -> list[int]:
        return self.network.debugger.codes


@pytest.fixture
def stage(product: Product) -> Iterator[Stage]:
    timeline = SteppedTimeline(MORNING)
    network = Network(account_for(product), timeline=timeline)
    network.start()
    yield Stage(product, network, timeline)
    timeline.settle()
    network.close()
    assert network.exchange.failures == []
    assert all(asked.signed for asked in product.asked)
