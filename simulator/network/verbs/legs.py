"""The called sides of a Dial: they ring, one is answered, the others stop; then the two are connected."""

from dataclasses import dataclass, field
from typing import NoReturn

from simulator.network.bridges import Bridge
from simulator.network.calls import Ask, Call, Direction, HungUp, Place, Redirected, Status, StatusCallback
from simulator.network.documents import Unusable, Verb
from simulator.network.exchange import Exchange
from simulator.network.grammar import BEFORE_CONNECTING
from simulator.network.program import Ending, Next, Program
from simulator.network.waiting import Promise

NOT_FOUND_SIP, BUSY_SIP, UNAVAILABLE_SIP = 404, 486, 480
RINGING_BEGINS_SECONDS = 0.2
"""Between the first and the second sign of life of a called telephone."""


@dataclass(eq=False)
class Ringing:
    """All called sides of one Dial.

    Attributes:
        won: the first that was answered.
        lost: is there once all have ended and none was answered.
    """

    bridges: list[Bridge] = field(default_factory=list)
    won: Promise[Bridge] = field(default_factory=Promise)
    lost: Promise[None] = field(default_factory=Promise)
    last: Call | None = None

    def answered(self, exchange: Exchange, bridge: Bridge) -> bool:
        """Let this one win; the others stop ringing. False if another was first."""
        if not self.won.resolve(bridge):
            return False
        for other in self.bridges:
            if other is not bridge:
                exchange.end(other.called, Status.CANCELED)
        return True

    def ended(self, call: Call) -> None:
        self.last = call
        if not self.won.done and all(bridge.called.over for bridge in self.bridges):
            self.lost.resolve(None)

    def stop(self, exchange: Exchange, status: Status = Status.CANCELED) -> None:
        """End what still rings with this, and a talk as completed."""
        for bridge in self.bridges:
            if bridge.freed:
                continue
            exchange.end(bridge.called, status if bridge.called.answered_at is None else Status.COMPLETED)


def call_out(program: Program, noun: Verb, caller_id: str, ringing: Ringing) -> Bridge:
    """Begin to call one side."""
    exchange, parent = program.exchange, program.call
    to = f"client:{identity_of(noun)}" if noun.name == "Client" else noun.text
    leg = Call(
        exchange.account.sid, caller_id, to, Direction.OUTBOUND_DIAL, exchange.now(), parent.sid,
        callback=callback_of(noun), base_url=parent.base_url,
    )  # fmt: skip
    exchange.add(leg)
    bridge = Bridge(parent, leg)
    ringing.bridges.append(bridge)
    leg.task = exchange.start(_story(program.of(leg), noun, bridge, ringing))
    leg.ended.when_done(lambda: ringing.ended(leg))
    leg.ended.when_done(bridge.end)
    return bridge


def callback_of(noun: Verb) -> StatusCallback | None:
    url = noun.attributes.get("statusCallback")
    if url is None:
        return None
    events = noun.attributes.get("statusCallbackEvent", "completed").split()
    return StatusCallback(url, noun.attributes.get("statusCallbackMethod", "POST"), frozenset(events))


def identity_of(noun: Verb) -> str:
    nested = noun.all("Identity")
    return nested[0].text if nested else noun.text


async def _story(program: Program, noun: Verb, bridge: Bridge, ringing: Ringing) -> None:
    """Ring, be answered, hear the whisper, talk; a redirect over REST takes this side elsewhere."""
    exchange, leg = program.exchange, program.call
    try:
        await ring(program, noun)
        exchange.answer(leg)
        if not ringing.answered(exchange, bridge):
            exchange.end(leg, Status.CANCELED)
        await _hear_first(program, noun)
        bridge.ready.resolve(None)
        exchange.move(leg, Place.CONNECTED)
        await bridge.ended
    except Redirected as redirected:
        bridge.freed = True
        bridge.end()
        await program.live(redirected.to)
    exchange.end(leg)


async def ring(program: Program, noun: Verb) -> None:
    """Ring until somebody answers. Whoever refuses or is not there ends the call, which ends this story."""
    exchange, leg = program.exchange, program.call
    leg.started_at = exchange.now()
    exchange.set_status(leg, Status.INITIATED)
    if noun.broken:
        _refuse(exchange, leg, Status.FAILED, NOT_FOUND_SIP)
    if noun.name == "Client":
        await _ring_client(exchange, leg, noun)
    else:
        await _ring_number(exchange, leg)


async def _ring_client(exchange: Exchange, leg: Call, noun: Verb) -> None:
    parameters = {each.attributes.get("name", ""): each.attributes.get("value", "") for each in noun.all("Parameter")}
    softphones = exchange.clients.ring(leg, identity_of(noun), parameters)
    if softphones is None:
        _refuse(exchange, leg, Status.FAILED, NOT_FOUND_SIP)
    exchange.set_status(leg, Status.RINGING)
    await softphones.accepted


async def _ring_number(exchange: Exchange, leg: Call) -> None:
    far_end = exchange.outside.far_end(leg.to)
    if far_end.refuses:
        _refuse(exchange, leg, Status(far_end.refuses), BUSY_SIP)
    await exchange.pause(RINGING_BEGINS_SECONDS)
    exchange.set_status(leg, Status.RINGING)
    if far_end.answers_after is None:
        await leg.ended
    await exchange.pause(far_end.answers_after or 0)
    if far_end.talks_for is not None:
        exchange.later(far_end.talks_for, lambda: exchange.end(leg))
    if far_end.keys:
        exchange.later(1.0, lambda: exchange.press(leg, far_end.keys))


async def _hear_first(program: Program, noun: Verb) -> None:
    """Let the called side hear the document its noun names; if that hangs up, the two are never connected."""
    url = noun.attributes.get("url")
    following: Next = Ask(url, noun.attributes.get("method", "POST")) if url else None
    try:
        while isinstance(following, Ask):
            where = "for the called side"
            following = await program.follow(following, among=BEFORE_CONNECTING, where=where, code=13201)
    except Unusable as unusable:
        program.exchange.fault(program.call, unusable.code, unusable.message, unusable.url)
        following = Ending.HANG_UP
    if following is not None:
        program.exchange.end(program.call)
        raise HungUp


def _refuse(exchange: Exchange, leg: Call, status: Status, sip_code: int) -> NoReturn:
    exchange.end(leg, status, sip_code)
    raise HungUp
