"""Browsers that ask by themselves at a given pace, in real time, as boards and desks do."""

import heapq
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

THREADS = 8
PATIENCE_SECONDS = 30
HEARTBEAT = "/heartbeat"


@dataclass
class Browser:
    """One signed-in browser: its cookie, the parts it has already, and the token of its forms."""

    port: int
    cookie: str
    _etags: dict[str, str] = field(default_factory=dict)
    _form_token: str = ""
    _connection: http.client.HTTPConnection | None = None

    def ask(self, path: str) -> int:
        """Ask for `path`, or tell the desk's sign of life; return the status."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Cookie": self.cookie, "HX-Request": "true"}
        if path.endswith(HEARTBEAT):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            self._connection.request("POST", path, urlencode({"csrf_token": self._form_token}), headers)
        else:
            known = self._etags.get(path)
            self._connection.request("GET", path, headers=headers | ({"If-None-Match": known} if known else {}))
        answer = self._connection.getresponse()
        body = answer.read()
        if etag := answer.headers.get("ETag"):
            self._etags[path] = etag
        if answer.headers.get_content_type() == "application/json":
            self._form_token = json.loads(body)["csrf_token"]
        return answer.status

    def hang_up(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a browser asks every so many seconds, for the first time after `first`."""

    browser: Browser
    path: str
    every: float
    first: float


def keep_asking(asks: Sequence[Ask], seconds: float) -> Counter[int]:
    """Let every browser ask at its pace for so long; return how often which status answered.

    Raises:
        AssertionError: a question was not answered at all.
    """
    told: list[Counter[int]] = []
    browsers = {id(each.browser): place for place, each in enumerate(asks)}
    began = time.monotonic()
    parts = [[each for each in asks if browsers[id(each.browser)] % THREADS == part] for part in range(THREADS)]
    threads = [threading.Thread(target=_work, args=(part, began, seconds, told)) for part in parts if part]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == len(threads), "a browser got no answer"
    return sum(told, Counter())


def _work(asks: Sequence[Ask], began: float, seconds: float, told: list[Counter[int]]) -> None:
    """Ask what is due, in the order in which it is; told is what came of it, unless something went wrong."""
    statuses: Counter[int] = Counter()
    due = [(each.first, place) for place, each in enumerate(asks)]
    heapq.heapify(due)
    while due[0][0] < seconds and (now := time.monotonic() - began) < seconds:
        when, place = due[0]
        if when > now:
            time.sleep(when - now)
        ask = asks[place]
        statuses[ask.browser.ask(ask.path)] += 1
        heapq.heapreplace(due, (when + ask.every, place))
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    for ask in asks:
        ask.browser.hang_up()
    told.append(statuses)
