"""What can be ordered of the network: a call comes in, a call is placed, sent elsewhere, ended; softphones act."""

from dataclasses import dataclass

from simulator.network.calls import Ask, Call, Direction, Place, Redirected, Status, StatusCallback
from simulator.network.clients import ClientLeg, Registration
from simulator.network.documents import Verb
from simulator.network.exchange import Exchange
from simulator.network.program import Program
from simulator.network.verbs.legs import BUSY_SIP, ring
from simulator.network.verbs.table import VERBS


def dial_in(exchange: Exchange, from_: str, to: str | None = None) -> Call:
    """Let somebody call the account's number; what happens is told by its voice address."""
    account = exchange.account
    call = Call(
        account.sid, from_, to or account.number, Direction.INBOUND, exchange.now(),
        callback=StatusCallback(account.status_url), fallback_url=exchange.fallback_url, base_url=account.incoming_url,
    )  # fmt: skip
    exchange.add(call)
    call.started_at = exchange.now()
    exchange.set_status(call, Status.RINGING)
    exchange.move(call, Place.LISTENING)
    call.task = exchange.start(Program(exchange, call, VERBS).live(Ask(account.incoming_url)))
    return call


def hang_up(exchange: Exchange, call: Call) -> bool:
    """Let the person at the far end hang up; one who gives up before she is answered was never answered."""
    if call.answered_at is None and call.direction is Direction.INBOUND:
        return exchange.end(call, Status.NO_ANSWER)
    return exchange.end(call)


@dataclass(frozen=True, slots=True)
class Placement:
    """A call that is to be placed over REST."""

    to: str
    from_: str
    first: Ask
    callback: StatusCallback | None
    timeout_seconds: float
    delay_seconds: float
    fallback_url: str = ""


def place(exchange: Exchange, placement: Placement) -> Call:
    """Queue a call; it begins when its turn has come, one a second."""
    call = Call(
        exchange.account.sid, placement.from_, placement.to, Direction.OUTBOUND_API, exchange.now(),
        callback=placement.callback, base_url=placement.first.url, fallback_url=placement.fallback_url,
        queue_time_ms=round(placement.delay_seconds * 1000),
    )  # fmt: skip
    exchange.add(call)
    call.task = exchange.start(_placed(Program(exchange, call, VERBS), placement))
    return call


async def _placed(program: Program, placement: Placement) -> None:
    exchange, call = program.exchange, program.call
    if placement.delay_seconds:
        await exchange.pause(placement.delay_seconds)
    client = placement.to.startswith("client:")
    noun = Verb("Client", text=placement.to.removeprefix("client:")) if client else Verb("Number", text=placement.to)
    unanswered = exchange.later(placement.timeout_seconds, lambda: _give_up(exchange, call))
    try:
        await ring(program, noun)
    finally:
        unanswered.cancel()
    exchange.answer(call)
    exchange.move(call, Place.LISTENING)
    await program.live(placement.first)


def _give_up(exchange: Exchange, call: Call) -> None:
    if call.answered_at is None:
        exchange.end(call, Status.NO_ANSWER)


def send_elsewhere(call: Call, to: Ask) -> bool:
    """Let a call that is in progress go on with another document; False if it is not in progress."""
    if call.status is not Status.IN_PROGRESS or call.task is None:
        return False
    call.task.interrupt(Redirected(to))
    return True


def reject(exchange: Exchange, leg: ClientLeg, registration: Registration) -> None:
    """Refuse a call on one softphone; once it rings on none, the caller is told that it is busy."""
    if exchange.clients.reject(leg, registration):
        exchange.end(leg.call, Status.BUSY, BUSY_SIP)


def unregister(exchange: Exchange, registration: Registration) -> None:
    """Forget a softphone. A talk ends with it; what only rang there goes on ringing unheard."""
    talk = exchange.clients.remove(registration)
    if talk is not None:
        exchange.end(talk)
