"""Who takes part: operators who sign in at the desk and talk, and a citizen who books on the web meanwhile.

Each does over HTTP what a person does, and tries again when a page does not come, as a person would.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from booking_core.seed.demo import DEMO_PASSWORD
from simulator.browser import Browser, Node, Unexpected
from simulator.network.softphone import Softphone

NOT_NOW = (Unexpected, OSError, http.client.HTTPException, ValueError, StopIteration)
AGAIN_SECONDS = 0.5
NOTICE_SECONDS = 0.3
T = TypeVar("T")


@dataclass
class Operator(threading.Thread):
    """An operator at work until `leave`: she answers what rings, talks, hangs up, closes, and takes the next.

    Attributes:
        talk_seconds: how long she talks before she hangs up.
        cut: legs that ended before she hung up.
        trouble: what she tried in vain.
    """

    site: str
    network: str
    login: str
    talk_seconds: float
    cut: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    at_work: threading.Event = field(default_factory=threading.Event)
    _leaving: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name=self.login, daemon=True)

    __hash__ = threading.Thread.__hash__

    def leave(self) -> None:
        self._leaving.set()

    def run(self) -> None:
        desk = self._until_it_works(self._sign_in)
        if desk is None:
            return
        softphone = self._until_it_works(lambda: self._register(desk))
        if softphone is None:
            return
        self._until_it_works(lambda: self._takes_calls(desk))
        self.at_work.set()
        taken, looked_at = 0, time.monotonic()
        while not self._leaving.is_set():
            rings = softphone.of("incoming")
            if len(rings) > taken:
                taken += 1
                self._serve(desk, softphone, str(rings[taken - 1].data["leg"]))
            elif time.monotonic() - looked_at > 1:
                looked_at = time.monotonic()
                self._until_it_works(lambda: self._takes_calls(desk))
            self._leaving.wait(0.05)
        softphone.close()

    def _serve(self, desk: Browser, softphone: Softphone, leg: str) -> None:
        before = len(softphone.of("connected"))
        self._leaving.wait(NOTICE_SECONDS)
        if not softphone.accept(leg):
            return
        try:
            softphone.wait_for("connected", count=before + 1, seconds=10)
        except TimeoutError:
            return  # the caller hung up, or the product did not let the leg through
        began = time.monotonic()
        while time.monotonic() - began < self.talk_seconds:
            if any(each.data.get("leg") == leg for each in softphone.of("disconnected")):
                self.cut.append(leg)
                break
            time.sleep(0.05)
        else:
            softphone.hang_up(leg)
        self._until_it_works(lambda: self._close(desk))

    def _sign_in(self) -> Browser:
        desk = Browser(self.site).open("/desk/").submit("/sign-in", {"login": self.login, "password": DEMO_PASSWORD})
        if "/desk/" not in desk.url or "sign-in" in desk.url:
            raise Unexpected(f"{self.login} cannot sign in: {desk.words[:100]}")
        return desk

    def _register(self, desk: Browser) -> Softphone:
        desk.open(f"{self.site}/desk/")
        told = desk.send(_same_form(desk, "/desk/line/token")).page.words
        softphone = Softphone(self.network, json.loads(told)["token"])
        softphone.register()
        return softphone

    def _takes_calls(self, desk: Browser) -> bool:
        desk.open(f"{self.site}/desk/")
        if "いまは受付可です" not in desk.words:
            desk.submit("/desk/status", {"status": "available"})
        return True

    def _close(self, desk: Browser) -> bool:
        """Close what she has in hand, if anything, even when the product has not heard yet that the talk is over."""
        desk.open(f"{self.site}/desk/")
        if "対応の画面を開く" not in desk.words:
            return True
        desk.open(desk.link("対応の画面を開く")).submit("/close", {"main_reason": "question"})
        return True

    def _until_it_works(self, deed: Callable[[], T]) -> T | None:
        while not self._leaving.is_set():
            try:
                return deed()
            except NOT_NOW as error:
                self.trouble.append(f"{type(error).__name__}: {error}"[:160])
                self._leaving.wait(AGAIN_SECONDS)
        return None


def _same_form(desk: Browser, action: str) -> Node:
    """Return a form to another address of this page's door, with the token of one that it shows."""
    token = next(
        each.attributes["value"] for each in desk.page.all("input") if each.attributes.get("name") == "csrf_token"
    )
    return Node("form", {"action": action}, [Node("input", {"name": "csrf_token", "value": token})])


def log_in_and_book(site: str, n: int) -> str:
    """Let the nth citizen log in and book the first free time on the web; return what her page then says.

    Raises:
        Unexpected: she could not.
    """
    citizen = Browser(site).open("/login").submit("/login", {"number": f"9{n:09d}", "password": f"{12340000 + n}"})
    citizen.open("/book/delivery/")
    places = [each.attributes["href"] for each in citizen.page.all("a") if "/at/" in each.attributes.get("href", "")]
    citizen.open(places[n % len(places)])
    citizen.open(citizen.link("空きあり"))
    citizen.open(citizen.link("空き"))
    citizen.submit("/slot/", {"phone": "0751239000"})
    if "/my/" not in citizen.url:
        raise Unexpected(f"no booking was made: {citizen.words[:120]}")
    return citizen.heading
