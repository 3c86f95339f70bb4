"""A tiny telephone network for operators' browsers, as the demo's local one serves them: who registers, what rings."""

import itertools
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request

PATIENCE_SECONDS = 20


@dataclass
class SoftphoneNetwork:
    """What browsers sent (`orders`), and the events that are sent to them.

    Attributes:
        address: where it is served; set by whoever serves `app()`.
        refuse: tokens that are no good.
        down: nobody is let in.
    """

    address: str = ""
    refuse: set[str] = field(default_factory=set)
    down: bool = False
    registered: "queue.Queue[str]" = field(default_factory=queue.Queue)
    orders: "queue.Queue[tuple[str, str, dict[str, Any]]]" = field(default_factory=queue.Queue)
    _streams: "list[queue.Queue[tuple[str, dict[str, Any]] | None]]" = field(default_factory=list)
    _listening: threading.Condition = field(default_factory=threading.Condition)
    _legs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def app(self) -> Flask:
        app = Flask("softphone_network", static_folder=None)
        app.post("/client/register")(self._register)
        app.get("/client/events")(self._events)
        app.post("/client/legs/<leg>/<verb>")(self._order)
        app.after_request(_let_every_page_in)
        return app

    def rings(self, **parameters: str) -> str:
        """Let a call ring at every browser that listens; return its leg."""
        leg = f"CA{next(self._legs):032x}"
        self.send("incoming", leg, **{"from": "+819012345678", "parameters": parameters})
        return leg

    def send(self, kind: str, leg: str, **data: Any) -> None:
        with self._listening:
            assert self._listening.wait_for(lambda: self._streams, PATIENCE_SECONDS), "no browser listens"
            for stream in self._streams:
                stream.put((kind, {"leg": leg, **data}))

    def cut(self) -> None:
        """End every stream of events, as a network that fails does."""
        with self._listening:
            for stream in self._streams:
                stream.put(None)

    def next_order(self) -> tuple[str, str]:
        """Return the verb and the leg of the next request of a browser."""
        verb, leg, _ = self.orders.get(timeout=PATIENCE_SECONDS)
        return verb, leg

    def _register(self) -> tuple[Response, int]:
        token = request.get_json()["token"]
        if self.down or token in self.refuse:
            return jsonify(code=20101), 503 if self.down else 401
        self.registered.put(token)
        return jsonify(registered=True), 200

    def _events(self) -> Response:
        stream: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue()
        with self._listening:
            self._streams.append(stream)
            self._listening.notify_all()
        return Response(self._told(stream), mimetype="text/event-stream")

    def _told(self, stream: "queue.Queue[tuple[str, dict[str, Any]] | None]") -> Iterator[str]:
        try:
            yield ": here\n\n"
            while (event := stream.get()) is not None:
                yield f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n"
        finally:
            with self._listening:
                self._streams.remove(stream)

    def _order(self, leg: str, verb: str) -> tuple[Response, int]:
        assert request.headers["Authorization"].startswith("Bearer ")
        self.orders.put((verb, leg, request.get_json()))
        if verb == "accept":
            self.send("connected", leg)
        elif verb in {"reject", "hangup"}:
            self.send("cancel" if verb == "reject" else "disconnected", leg)
        return jsonify(done=True), 200


def _let_every_page_in(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    return response
