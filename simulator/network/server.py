"""The network as one thing: the exchange, its doors over HTTP, and the thread that serves them on this machine."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Self

from flask import Flask, Response, abort, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from simulator.network.account import Account
from simulator.network.callers import Caller, call_in
from simulator.network.clients import Event, Registration
from simulator.network.debugger import Debugger
from simulator.network.doors.control_door import control_door
from simulator.network.doors.page_door import page_door
from simulator.network.doors.rest import Concurrency, RestLog, rest_interface
from simulator.network.doors.softphone_door import softphone_door
from simulator.network.exchange import Exchange
from simulator.network.rest_faults import RestFaults
from simulator.network.scripts import Script
from simulator.network.speech import Speech
from simulator.network.timeline import RealTimeline, Timeline
from simulator.network.webhook import HttpTransport, Transport

LOOPBACK = "127.0.0.1"
HOST_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
LARGEST_FORM = 256 * 1024


class Network:
    """A telephone network, served on a free port of this machine unless one is given.

    Used as a context manager, or with `start` and `close`. On a `SteppedTimeline` nothing happens until it is stepped.
    """

    def __init__(
        self,
        account: Account,
        *,
        port: int = 0,
        timeline: Timeline | None = None,
        transport: Transport | None = None,
        speech: Speech | None = None,
        senders: Executor | None = None,
    ) -> None:
        self.account = account
        self.exchange = Exchange(
            account,
            timeline or RealTimeline(),
            transport or HttpTransport(account.auth_token),
            speech=speech,
            senders=senders,
        )
        self.rest_faults = RestFaults()
        self.rest_concurrency = Concurrency()
        self.rest_log = RestLog()
        self.app = self._make_app()
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Serve in a thread of its own; returns once the port is open."""
        self._server = make_server(LOOPBACK, self._port, self.app, threaded=True, request_handler=_Silent)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="network-server", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and sending. Callers are not told: to them the network is gone."""
        self.rest_faults.release()
        for registration in list(self.exchange.clients.registrations.values()):
            registration.leave()
        self.exchange.close()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    @property
    def url(self) -> str:
        """Return the network's address: TWILIO_API_BASE of the product."""
        return f"http://{LOOPBACK}:{self._server.port if self._server else self._port}"

    @property
    def debugger(self) -> Debugger:
        return self.exchange.debugger

    def call(self, from_: str, *, to: str | None = None, script: Script | None = None) -> Caller:
        """Let somebody call the product; without a script she plays what her number stands for."""
        return call_in(self.exchange, from_, to=to, script=script)

    def register(self, identity: str, tell: Callable[[Event], None] | None = None) -> Registration:
        """Register a softphone inside this process, which no token ends. `tell` is called under the lock."""
        with self.exchange.entered():
            return self.exchange.clients.register(identity, tell=tell)

    def _make_app(self) -> Flask:
        app = Flask("network", static_folder=None)
        app.config.update(MAX_CONTENT_LENGTH=LARGEST_FORM, MAX_FORM_MEMORY_SIZE=LARGEST_FORM)
        app.before_request(_only_this_machine)
        app.register_blueprint(rest_interface(self.exchange, self.rest_faults, self.rest_concurrency, self.rest_log))
        app.register_blueprint(softphone_door(self.exchange))
        app.register_blueprint(control_door(self.exchange, self.rest_faults, self.rest_log))
        app.register_blueprint(page_door(self.account))
        app.add_url_rule("/healthz", "healthz", lambda: Response("ok\n", mimetype="text/plain"))
        return app


def _only_this_machine() -> None:
    """Refuse a request that came under another name: a page elsewhere cannot point its own name at this machine."""
    name, _, port = request.host.rpartition(":")
    if (name if port.isdecimal() else request.host) not in HOST_NAMES:
        abort(403)


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401 - the parent's names
        """Say nothing: the journal tells more."""
