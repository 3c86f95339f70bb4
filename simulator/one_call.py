"""One telephone call against the running demo, step by step: phone, wait, answer, identify, book, read back, close.

It plays three people, each through the front door alone: a caller at the telephone network, an operator at the desk
with her telephone, and somebody who looks at the board before and after. Any step that does not go as it should ends
with exit code 1.
"""

import argparse
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from simulator.browser import PATIENCE_SECONDS, Browser, Unexpected
from simulator.dialled import Dialled
from simulator.network.softphone import Softphone
from simulator.opening_time import business_time, move_to_next_morning

OPERATORS = ("operator1", "operator2", "operator3")
PASSWORD = "Madoguchi-2025"  # noqa: S105 - the demo's sign-ins are public
FREE_CARDS = 40
CALLER = "+81751239000"  # no exchange in Japan begins with 1: it rings nowhere
LINE = "+81753660000"
MOST_CLOSED_DAYS = 12
FIGURES = ("入電数", "待ち呼", "応答数", "応答率", "着座数")


def main(argv: list[str]) -> int:
    """Play one call and return 0 if every step went as it should.

    Reads from the environment: PUBLIC_URL, VOICE_URL (else PUBLIC_URL), TWILIO_API_BASE, TWILIO_NUMBER, CLOCK_FILE.
    """
    parser = argparse.ArgumentParser(prog="run.py call", description=main.__doc__.splitlines()[0])  # type: ignore[union-attr] # it has one
    parser.add_argument("--keep-clock", action="store_true", help="fail when the line is closed; do not move the clock")
    chosen = parser.parse_args(argv)
    try:
        call = OneCall.from_environment()
        with others_stand_aside(os.environ.get("LIVING_URL", "")):
            call.play(may_move_clock=not chosen.keep_clock)
    except Unexpected as found:
        print(f"\n  NOT AS EXPECTED: {found}", file=sys.stderr)
        return 1
    print("\n  Every step went as it should.")
    return 0


@dataclass
class OneCall:
    """The people of one call and what they have to know."""

    site: str
    voice_url: str
    network: str
    line: str
    clock_file: Path | None

    @classmethod
    def from_environment(cls) -> "OneCall":
        site, network = os.environ.get("PUBLIC_URL", ""), os.environ.get("TWILIO_API_BASE", "")
        if not site or not network:
            raise Unexpected("PUBLIC_URL and TWILIO_API_BASE are not set: start the demo first")
        clock = os.environ.get("CLOCK_FILE")
        voice_url = os.environ.get("VOICE_URL") or site
        return cls(site, voice_url, network, os.environ.get("TWILIO_NUMBER") or LINE, Path(clock) if clock else None)

    def play(self, *, may_move_clock: bool) -> None:
        """Play the whole call.

        Raises:
            Unexpected: a step did not go as it should; the call is hung up in any case.
        """
        number, password = self._card_without_booking()
        step(f"Card {number} has no booking yet")
        self._show_unsigned_is_refused()
        desk = self._operator_at_work()
        with closing(self._softphone_of(desk)) as softphone:
            phone, before = self._get_through(may_move_clock=may_move_clock)
            try:
                self._serve(phone, desk, softphone, number, password)
                self._compare(before, self._board_figures())
                desk.open("/desk/").submit("/desk/sign-out")
                step("The operator signs out, and her seat is closed")
            finally:
                phone.hang_up()

    def _serve(self, phone: Dialled, desk: Browser, softphone: Softphone, number: str, password: str) -> None:
        desk.open("/desk/").submit("/desk/status", {"status": "available"})
        expect("いまは受付可です" in desk.words, "The operator takes calls; the line offers her the caller")
        leg = str(softphone.wait_for("incoming").data["leg"])
        expect(softphone.accept(leg), "Her telephone rings, and she answers")
        phone.wait_until(lambda call: call["place"] == "connected", "connected")
        desk.open("/desk/").open(desk.link("対応の画面を開く"))
        page = desk.url
        expect("通話中" in desk.words, "The caller talks with her")
        identify(desk, page, number, password)
        book(desk)
        read_back(desk)
        softphone.hang_up(leg)
        phone.wait_until(lambda call: call["status"] == "completed", "over")
        step("The operator hangs up")
        close(desk, page)

    def _card_without_booking(self) -> tuple[str, str]:
        """Return a demo card that is free, found as a citizen would: by logging in; if none is left, one is freed."""
        cards = list(range(1, FREE_CARDS + 1))
        Random().shuffle(cards)  # noqa: S311 - any card will do
        for n in cards:
            citizen = self._citizen(n)
            if "今は予約がありません" in citizen.words:
                return f"9{n:09d}", f"{12340000 + n}"
        citizen.open(citizen.link("取り消す")).submit("/cancel")
        if citizen.heading != "予約を取り消しました":
            raise Unexpected(f"no demo card is free, and none could be freed: {citizen.words[:120]}")
        return f"9{n:09d}", f"{12340000 + n}"

    def _citizen(self, n: int) -> Browser:
        citizen = Browser(self.site).open("/login")
        return citizen.submit("/login", {"number": f"9{n:09d}", "password": f"{12340000 + n}"})

    def _show_unsigned_is_refused(self) -> None:
        status = status_without_signature(f"{self.voice_url}/voice/incoming")
        expect(status == 403, f"An unsigned request is answered with {status}")  # noqa: PLR2004 - forbidden

    def _get_through(self, *, may_move_clock: bool) -> tuple[Dialled, dict[str, str]]:
        """Call until the line is open: outside its hours the demo's clock moves to the next weekday morning.

        Returns the call, and the board's figures before it.
        """
        for _ in range(MOST_CLOSED_DAYS):
            phone, before = Dialled(self.network, CALLER, heard), self._board_figures()
            step(f"A citizen calls {self.line}{self._at()}")
            phone.dial()
            phone.wait_until(lambda call: call["place"] == "queued" or call["status"] == "completed", "queued")
            if phone.listen()["status"] != "completed":
                return phone, before
            step("The line is closed and says so")
            if not may_move_clock or self.clock_file is None:
                raise Unexpected("the line is closed: move the clock with run.py clock, or leave out --keep-clock")
            morning = move_to_next_morning(self.clock_file)
            step(f"The demo's clock moves on to {morning:%Y-%m-%d %H:%M} (back to real time: run.py clock real)")
        raise Unexpected(f"the line is closed on {MOST_CLOSED_DAYS} weekdays in a row")

    def _softphone_of(self, desk: Browser) -> Softphone:
        """Register the telephone of her page, by the token that the desk hands out."""
        token = next(each for each in desk.page.all("input") if each.attributes.get("name") == "csrf_token")
        told = desk.post_for_json("/desk/line/token", {"csrf_token": token.attributes["value"]})
        softphone = Softphone(self.network, str(told["token"]))
        try:
            softphone.register()
        except OSError as error:
            raise Unexpected(f"the telephone network at {self.network} does not answer: {error}") from None
        step(f"Her telephone is registered as {told['identity']}")
        return softphone

    def _at(self) -> str:
        return f" at {business_time(self.clock_file):%Y-%m-%d %H:%M}" if self.clock_file else ""

    def _operator_at_work(self) -> Browser:
        """Sign in as the first demo operator who has no call in hand."""
        for login in OPERATORS:
            desk = Browser(self.site).open("/desk/").submit("/sign-in", {"login": login, "password": PASSWORD})
            if desk.heading != "待ち呼":
                raise Unexpected(f"{login} cannot sign in at the desk: {desk.words[:120]}")
            if not any("対応の画面を開く" in each.words for each in desk.page.all("a")):
                step(f"{login} signs in at /desk/")
                return desk
        raise Unexpected("every demo operator has an unfinished call: close one at /desk/")

    def _board_figures(self) -> dict[str, str]:
        board = Browser(self.site).open("/board/").submit("/sign-in", {"login": OPERATORS[0], "password": PASSWORD})
        figures: dict[str, str] = {}
        for entry in board.page.all("dl"):
            for each in entry.all("div"):  # the first counts: below the figures the board explains each again
                figures.setdefault(next(each.all("dt")).words, next(each.all("dd")).words)
        missing = [name for name in FIGURES if name not in figures]
        if missing:
            raise Unexpected(f"the board does not show {missing}")
        return figures

    def _compare(self, before: dict[str, str], after: dict[str, str]) -> None:
        print()
        for name in FIGURES:
            print(f"     {name}\t{before[name]}  ->  {after[name]}")
        expect(count(after["応答数"]) >= count(before["応答数"]) + 1, "The board counts the call as answered")
        expect(count(after["入電数"]) >= count(before["入電数"]) + 1, "The board counts it as received")
        expect(count(after["着座数"]) >= 1, "The board shows the open seat")


@contextmanager
def others_stand_aside(living: str) -> Iterator[None]:
    """Ask the demo's simulated people, if there are any, to take no calls and make none meanwhile."""
    if living and asked(f"{living}/pause"):
        step("The simulated callers and operators stand aside")
    try:
        yield
    finally:
        if living:
            asked(f"{living}/resume")


def asked(address: str) -> bool:
    """Send a wish without a body; False when nobody is there."""
    request = urllib.request.Request(address, b"", method="POST")  # noqa: S310 - the demo's own address
    try:
        with urllib.request.urlopen(request, timeout=2 * PATIENCE_SECONDS):  # noqa: S310 - likewise
            return True
    except OSError:
        return False


def identify(desk: Browser, page: str, number: str, password: str) -> None:
    desk.open(page).submit("/identify", {"number": number, "password": password})
    expect("予約番号とパスワード" in desk.words and "新しく予約する" in desk.words, f"Identified as card {number}")


def book(desk: Browser) -> None:
    """Go through the shared screens: service, place, day, time, confirmation."""
    desk.open(desk.link("新しく予約する"))
    desk.open(desk.link("受け取り"))
    places = [each for each in desk.page.all("a") if "/at/" in each.attributes.get("href", "")]
    if not places:
        raise Unexpected("no venue has a free day")
    desk.open(places[0].attributes["href"])
    desk.open(desk.link("空きあり"))
    desk.press("空き")
    expect(desk.heading == "予約の内容を確かめる", f"On the shared screens: {places[0].words}")
    expect("取り置いています" in desk.words, "The place is kept while it is read back")
    desk.submit("/slot/")
    expect("読み上げてください" in desk.words, "Booked by telephone on behalf of the citizen")


def read_back(desk: Browser) -> None:
    told = next(each.words for each in desk.page.all("strong") if "です。" in each.words)
    step(f"Read back: {told}")
    desk.submit("/read-back")
    expect("復唱済み" in desk.words, "Ticked off as read back")


def close(desk: Browser, page: str) -> None:
    desk.open(page).submit("/close", {"main_reason": "new_booking"})
    expect(desk.heading == "待ち呼", "The operator closes the call: 新しい予約")


def status_without_signature(url: str) -> int:
    """Send a request nobody signed, and return how it was answered."""
    request = urllib.request.Request(url, b"CallSid=CA00000000000000000000000000000000", method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - the configured scheme
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def expect(condition: bool, told: str) -> None:  # noqa: FBT001 - it reads as an assertion
    if not condition:
        raise Unexpected(told)
    step(told)


def step(told: str) -> None:
    print(f"  {told}", flush=True)


def heard(words: str) -> None:
    print(f"     the caller hears 「{words}」", flush=True)


def count(figure: str) -> int:
    return int("".join(sign for sign in figure if sign.isdigit()) or "0")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
