"""The contract of web/static/desk/line.js, kept by both drivers in a real browser under the desk's own headers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page

from ivr.twilio.access_token import TokenMint
from ivr.twilio.rest import Credentials
from tests.conftest import House
from tests.softphone_network import SoftphoneNetwork

pytest_plugins = ["tests.browser"]

ACCOUNT = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_API_KEY_SID": "SK" + "0" * 32,
    "TWILIO_API_KEY_SECRET": "a secret of the API key, for tests",
}
FAKE_SDK = """
class Emitter {
  #heard = {};
  on(name, hear) { (this.#heard[name] ??= []).push(hear); return this; }
  emit(name, ...told) { for (const hear of this.#heard[name] ?? []) hear(...told); }
}
class Call extends Emitter {
  constructor(leg, parameters) {
    super();
    this.parameters = { CallSid: leg, From: "+819012345678" };
    this.customParameters = new Map(Object.entries(parameters));
  }
  accept() { sent.push(["accept", this.parameters.CallSid]); this.emit("accept"); }
  reject() { sent.push(["reject", this.parameters.CallSid]); this.emit("reject"); }
  disconnect() { sent.push(["hangup", this.parameters.CallSid]); this.emit("disconnect"); }
  mute(on) { sent.push(["mute", this.parameters.CallSid, on]); }
}
class Device extends Emitter {
  constructor(token, options) { super(); this.options = options; device = this; tokens.push(token); }
  register() {
    this.emit("registering");
    if (down) return Promise.reject(new Error("31005"));
    this.emit("registered");
    return Promise.resolve();
  }
  updateToken(token) { tokens.push(token); }
  destroy() { this.emit("destroyed"); }
}
let device = null, call = null, down = false;
const sent = [], tokens = [];
globalThis.Twilio = { Device };
globalThis.network = {
  sent, tokens,
  options: () => device.options,
  rings: (leg, parameters) => { call = new Call(leg, parameters); device.emit("incoming", call); },
  callerGoes: () => call.emit("cancel"),
  callerHangsUp: () => call.emit("disconnect"),
  fails: (code) => device.emit("error", { code }),
  expires: () => device.emit("tokenWillExpire"),
  lost: () => { device.emit("unregistered"); },
};
"""
TOKEN = TokenMint(
    Credentials(
        account_sid=ACCOUNT["TWILIO_ACCOUNT_SID"],
        auth_token="",
        api_key_sid=ACCOUNT["TWILIO_API_KEY_SID"],
        api_key_secret=ACCOUNT["TWILIO_API_KEY_SECRET"],
    )
).token_for("op_1")
CONNECT = """
async ({driver, base, token}) => {
  const { connect } = await import("/static/desk/line.js");
  globalThis.told = [];
  const tell = (kind) => (what) => told.push([kind, what]);
  globalThis.line = await connect({
    driver, token, base, identity: "op_1", edges: ["tokyo"],
    onState: tell("state"), onIncoming: tell("incoming"), onCancel: tell("cancel"), onConnected: tell("connected"),
    onEnded: tell("ended"), onError: tell("error"),
  });
}
"""


class Network(Protocol):
    """What the test does on the far side of either driver."""

    driver: str

    def base(self) -> str: ...
    def rings(self) -> str: ...
    def caller_goes(self, leg: str) -> None: ...
    def caller_hangs_up(self, leg: str) -> None: ...
    def expect(self, verb: str, leg: str) -> None: ...
    def breaks(self) -> None: ...
    def expect_token(self, token: str) -> None: ...


@dataclass
class TwilioSide:
    page: Page
    driver: str = "twilio"

    def base(self) -> str:
        return ""

    def rings(self) -> str:
        self.page.evaluate("network.rings('CA7', {offer: '7'})")
        return "CA7"

    def caller_goes(self, leg: str) -> None:  # noqa: ARG002 - there is one call
        self.page.evaluate("network.callerGoes()")

    def caller_hangs_up(self, leg: str) -> None:  # noqa: ARG002 - likewise
        self.page.evaluate("network.callerHangsUp()")

    def expect(self, verb: str, leg: str) -> None:
        assert self.page.evaluate("network.sent.at(-1)")[:2] == [verb, leg]

    def breaks(self) -> None:
        self.page.evaluate("network.lost()")

    def expect_token(self, token: str) -> None:
        assert self.page.evaluate("network.tokens.at(-1)") == token


@dataclass
class SimulatorSide:
    network: SoftphoneNetwork
    driver: str = "simulator"

    def base(self) -> str:
        return self.network.address

    def rings(self) -> str:
        return self.network.rings(offer="7")

    def caller_goes(self, leg: str) -> None:
        self.network.send("cancel", leg)

    def caller_hangs_up(self, leg: str) -> None:
        self.network.send("disconnected", leg)

    def expect(self, verb: str, leg: str) -> None:
        assert self.network.next_order() == (verb, leg)

    def breaks(self) -> None:
        self.network.cut()

    def expect_token(self, token: str) -> None:
        while self.network.registered.get(timeout=20) != token:
            pass


@pytest.fixture(params=["twilio", "simulator"])
def side(
    request: pytest.FixtureRequest, desk_page: Callable[[str], Page], network: SoftphoneNetwork
) -> tuple[Page, Network]:
    """Return the page in which a line is connected, and what is on its far side."""
    page = desk_page(request.param)
    far: Network = TwilioSide(page) if request.param == "twilio" else SimulatorSide(network)
    if request.param == "twilio":
        page.evaluate(FAKE_SDK)
    page.evaluate(CONNECT, {"driver": far.driver, "base": far.base(), "token": "first"})
    wait_for(page, "state", "ready")
    return page, far


@pytest.fixture
def network(serve: Callable[[Any], str]) -> SoftphoneNetwork:
    network = SoftphoneNetwork()
    network.address = serve(network.app())
    return network


@pytest.fixture
def desk_page(
    open_house: Callable[..., House], serve: Callable[[Any], str], browser: Browser, network: SoftphoneNetwork
) -> Iterator[Callable[[str], Page]]:
    """Return a page of the desk, with its headers and without a telephone of its own: nobody has signed in."""
    contexts = []

    def open_page(driver: str) -> Page:
        base = {"TWILIO_API_BASE": network.address} if driver == "simulator" else {}
        house = open_house(**ACCOUNT, **base)
        context = browser.new_context(locale="ja-JP")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{serve(house.app)}/desk/sign-in")
        page.evaluate(
            "globalThis.violations = [];"
            "addEventListener('securitypolicyviolation', (event) => violations.push(event.blockedURI))"
        )
        return page

    yield open_page
    for context in contexts:
        context.close()


def wait_for(page: Page, kind: str, what: Any = None) -> None:
    """Wait until the line has told this."""
    page.wait_for_function(
        "([kind, what]) => told.some(([k, w]) => k === kind && (what === null || w === what || w.leg === what))",
        arg=[kind, what],
    )


def forget(page: Page) -> None:
    page.evaluate("told.length = 0")


def test_it_rings_with_who_calls_and_what_the_line_gave_along(side: tuple[Page, Network]) -> None:
    page, far = side
    leg = far.rings()
    wait_for(page, "incoming", leg)
    assert page.evaluate("told.at(-1)[1]") == {"leg": leg, "from": "+819012345678", "parameters": {"offer": "7"}}


def test_she_accepts_mutes_and_hangs_up(side: tuple[Page, Network]) -> None:
    page, far = side
    leg = far.rings()
    wait_for(page, "incoming", leg)
    page.evaluate("line.accept()")
    far.expect("accept", leg)
    wait_for(page, "connected", leg)
    page.evaluate("line.mute(true)")
    far.expect("mute", leg)
    page.evaluate("line.hangUp()")
    far.expect("hangup", leg)
    wait_for(page, "ended", leg)
    assert [kind for kind, _ in page.evaluate("told") if kind != "state"] == ["incoming", "connected", "ended"]


def test_a_caller_who_hangs_up_first_stops_the_ringing_and_accepting_comes_to_nothing(
    side: tuple[Page, Network],
) -> None:
    page, far = side
    leg = far.rings()
    wait_for(page, "incoming", leg)
    far.caller_goes(leg)
    wait_for(page, "cancel", leg)
    page.evaluate("line.accept()")
    second = far.rings()
    wait_for(page, "incoming", second)
    assert "connected" not in [kind for kind, _ in page.evaluate("told")]


def test_declining_stops_the_ringing(side: tuple[Page, Network]) -> None:
    page, far = side
    leg = far.rings()
    wait_for(page, "incoming", leg)
    page.evaluate("line.decline()")
    far.expect("reject", leg)
    wait_for(page, "cancel", leg)


def test_a_caller_who_hangs_up_in_the_talk_ends_it(side: tuple[Page, Network]) -> None:
    page, far = side
    leg = far.rings()
    wait_for(page, "incoming", leg)
    page.evaluate("line.accept()")
    wait_for(page, "connected", leg)
    far.caller_hangs_up(leg)
    wait_for(page, "ended", leg)


def test_a_line_that_broke_is_taken_up_again_by_itself(side: tuple[Page, Network]) -> None:
    page, far = side
    forget(page)
    far.breaks()
    wait_for(page, "state", "lost")
    wait_for(page, "state", "ready")
    leg = far.rings()
    wait_for(page, "incoming", leg)


def test_a_fresh_token_is_used_from_then_on(side: tuple[Page, Network]) -> None:
    page, far = side
    page.evaluate("line.updateToken('second')")
    far.expect_token("second")


def test_a_line_that_was_given_up_tells_nothing_more(side: tuple[Page, Network]) -> None:
    page, _ = side
    page.evaluate("line.disconnect()")
    wait_for(page, "state", "closed")
    page.evaluate("line.disconnect(); line.accept(); line.hangUp()")
    assert page.evaluate("told.at(-1)") == ["state", "closed"]


def test_no_driver_wants_what_the_desk_does_not_allow(side: tuple[Page, Network]) -> None:
    page, _ = side
    assert page.evaluate("violations") == []


# --- What only one of them has to know --------------------------------------------------------------------------------


@pytest.fixture
def twilio(desk_page: Callable[[str], Page]) -> Page:
    page = desk_page("twilio")
    page.evaluate(FAKE_SDK)
    page.evaluate(CONNECT, {"driver": "twilio", "base": "", "token": "first"})
    wait_for(page, "state", "ready")
    return page


def test_twilio_is_asked_for_what_its_facts_recommend(twilio: Page) -> None:
    options = twilio.evaluate("(({sounds, ...rest}) => ({...rest, sounds: Object.values(sounds)}))(network.options())")
    assert options["edge"] == ["tokyo"]
    assert options["codecPreferences"] == ["opus", "pcmu"]
    assert options["maxCallSignalingTimeoutMs"] == 30_000
    assert options["closeProtection"]
    assert all("/static/desk/" in sound for sound in options["sounds"])


@pytest.mark.parametrize(("code", "told"), [(31401, "「許可」にして"), (31402, "ヘッドセット"), (53000, "つなぎ直し")])
def test_an_operator_reads_what_to_do_when_the_telephone_fails(twilio: Page, code: int, told: str) -> None:
    twilio.evaluate("code => network.fails(code)", code)
    assert told in twilio.evaluate("told.at(-1)[1].message")


def test_a_token_about_to_expire_is_asked_for(twilio: Page) -> None:
    twilio.evaluate("network.expires()")
    wait_for(twilio, "state", "token_expiring")


def test_a_network_that_refuses_the_token_asks_for_another(
    desk_page: Callable[[str], Page], network: SoftphoneNetwork
) -> None:
    page = desk_page("simulator")
    network.refuse.add("stale")
    page.evaluate(CONNECT, {"driver": "simulator", "base": network.address, "token": "stale"})
    wait_for(page, "state", "token_expiring")
    page.evaluate("line.updateToken('fresh')")
    wait_for(page, "state", "ready")


def test_the_real_sdk_lives_under_the_headers_of_the_desk(desk_page: Callable[[str], Page]) -> None:
    """Without a network it cannot register: it says so, is tried again, and nothing of ours breaks the policy."""
    page = desk_page("twilio")
    for outside in ("**/*twilio.com/**", "wss://**"):
        page.context.route(outside, lambda route: route.abort())
    page.evaluate(CONNECT, {"driver": "twilio", "base": "", "token": TOKEN})
    assert page.evaluate("typeof Twilio.Device") == "function"
    wait_for(page, "state", "connecting")
    page.evaluate("line.disconnect()")
    wait_for(page, "state", "closed")
    assert page.evaluate("violations") == []
