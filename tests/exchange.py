"""The whole telephone in one process: the product on a port, its line, and a local network that holds the callers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import text
from werkzeug.serving import make_server

from app import create_line
from booking_core.clock import Clock, real_now
from config import load_settings
from engines.clock_file import write_shifted
from ivr.line import Line
from simulator.network.account import Account
from simulator.network.callers import Caller
from simulator.network.calls import Place
from simulator.network.server import Network
from simulator.network.softphone import Softphone
from simulator.network.speech import Speech
from tests.caller import OUR_NUMBER, TOKEN
from tests.conftest import MONDAY_MORNING, House
from tests.desk import signed_in_at
from tests.silent import Silent
from tests.visitor import Visitor

SID, KEY, SECRET = "AC" + "1" * 32, "SK" + "2" * 32, "a secret of an api key, thirty-two signs"
SPOKEN_FASTER = 40.0


@dataclass
class Operator:
    """An operator at work: her desk's pages, and her telephone at the network."""

    desk: Visitor
    softphone: Softphone

    def answers(self, *, nth: int = 1) -> str:
        """Wait until her telephone rings for the nth time, and answer it; return the leg."""
        leg = str(self.softphone.wait_for("incoming", count=nth, seconds=60).data["leg"])
        assert self.softphone.accept(leg)
        self.softphone.wait_for("connected", count=nth, seconds=60)
        return leg


@dataclass
class Exchange:
    """A running product with its telephone. `line` runs in a thread of its own until `stop_line`."""

    house: House
    site: str
    network: Network
    line: Line
    _softphones: list[Softphone] = field(default_factory=list)

    def at_work(self, login: str) -> Operator:
        """Sign in, register the telephone by the token the desk hands out, and take calls."""
        desk = signed_in_at(self.house, "desk", login).open("/desk/")
        token = desk.form("/desk/status")[1]["csrf_token"]
        told = desk.client.post("/desk/line/token", data={"csrf_token": token}).get_json()
        softphone = Softphone(self.network.url, told["token"])
        softphone.register()
        self._softphones.append(softphone)
        return Operator(desk.submit({"status": "available"}, action="/desk/status"), softphone)

    def everybody_leaves(self) -> None:
        """Close every telephone: one that is left open goes on asking for its network, whoever has the port then."""
        for softphone in self._softphones:
            softphone.close()

    def scalar(self, sql: str, **values: object) -> object:
        with self.house.engine.connect() as db:
            return db.execute(text(sql), values).scalar_one_or_none()

    def until(self, sql: str, expected: object, *, seconds: float = 60.0, **values: object) -> None:
        """Wait until a question to the book gets this answer.

        Raises:
            AssertionError: it never did; the last answer is named.
        """
        found: list[object] = []

        def is_so() -> bool:
            found[:] = [self.scalar(sql, **values)]
            return found == [expected]

        assert _becomes(is_so, seconds), f"{sql} gave {found}, not {expected!r}, within {seconds} s"

    def until_joined(self, leg: str, *, seconds: float = 60.0) -> None:
        """Wait until the network has joined an operator's leg with its caller: before that nobody has talked."""
        calls = self.network.exchange.calls
        caller = calls[str(calls[leg].parent_sid)]
        assert _becomes(lambda: caller.place is Place.CONNECTED, seconds), f"{leg} was not joined within {seconds} s"

    def until_heard(self, caller: Caller, words: str, *, seconds: float = 60.0) -> None:
        """Wait until these are the last words a caller heard: the book knows of a step before she hears of it."""
        said = _becomes(lambda: caller.heard[-1:] == [words], seconds)
        assert said, f"{caller.heard[-1:]} was heard last, not {words!r}, within {seconds} s"


def _becomes(is_so: Callable[[], bool], seconds: float) -> bool:
    waiting = threading.Event()
    return any(is_so() or waiting.wait(0.05) for _ in range(int(seconds * 20)))


@contextmanager
def exchange(open_house: Callable[..., House]) -> Iterator[Exchange]:
    """Serve a product and its line beside a network, on free ports of this machine."""
    with ExitStack() as stack:
        ports = stack.enter_context(_free_ports(2))
        site, api = (f"http://127.0.0.1:{port}" for port in ports)
        settings = {
            "PUBLIC_URL": site, "TWILIO_ACCOUNT_SID": SID, "TWILIO_API_KEY_SID": KEY, "TWILIO_API_KEY_SECRET": SECRET,
            "TWILIO_API_BASE": api,
        }  # fmt: skip
        house = open_house(**settings)
        write_shifted(house.clock_file, MONDAY_MORNING - real_now())  # business time flows on from Monday morning
        account = Account(site, SID, TOKEN, KEY, SECRET, OUR_NUMBER, desk_origin=site)
        server = make_server("127.0.0.1", ports[0], house.app, threaded=True, request_handler=Silent)
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        stack.callback(server.server_close)
        stack.callback(serving.join)
        stack.callback(server.shutdown)
        network = stack.enter_context(Network(account, port=ports[1], speech=Speech(speed_up=SPOKEN_FASTER)))
        line = _line(house, settings)
        stop = threading.Event()
        running = threading.Thread(target=line.run, args=(stop,))
        stack.callback(line.engine.dispose)
        stack.callback(running.join)
        stack.callback(stop.set)
        running.start()
        running_exchange = Exchange(house, site, network, line)
        stack.callback(running_exchange.everybody_leaves)
        yield running_exchange


def _line(house: House, settings: dict[str, str]) -> Line:
    environ = {
        "DATABASE_URL": house.engine.url.render_as_string(hide_password=False), "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "k" * 32, "PEPPER": "p" * 32, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_NUMBER": OUR_NUMBER,
    } | settings  # fmt: skip
    line = create_line(load_settings(environ))
    line.clock = Clock(house.clock_file)
    return line


@contextmanager
def _free_ports(count: int) -> Iterator[list[int]]:
    """Hold ports of this machine, so that nobody else is given them before, or while, somebody listens there."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", 0))
        yield [probe.getsockname()[1] for probe in probes]
