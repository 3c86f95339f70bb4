"""Dial: the call is connected with softphones or numbers; with a queue or conference in files of their own."""

from simulator.network.bridges import Bridge
from simulator.network.calls import Place, Status
from simulator.network.debugger import WARNING
from simulator.network.documents import Verb
from simulator.network.program import Next, Program
from simulator.network.verbs.conference import dial_conference
from simulator.network.verbs.dial_queue import dial_queue
from simulator.network.verbs.dial_result import dial_fields
from simulator.network.verbs.legs import Ringing, call_out
from simulator.network.waiting import Interruption, first_of
from simulator.network.withheld import is_withheld

USUAL_TIMEOUT_SECONDS = 30.0
GRACE_SECONDS = 5.0
"""The provider lets it ring about this much longer than it was told."""
USUAL_LIMIT_SECONDS = 4 * 3600.0
NO_CALLER_ID = 13247


async def dial(program: Program, verb: Verb) -> Next:
    if rooms := verb.all("Conference"):
        return await dial_conference(program, verb, rooms[0])
    if queues := verb.all("Queue"):
        return await dial_queue(program, verb, queues[0])
    return await _dial_parties(program, verb)


async def _dial_parties(program: Program, verb: Verb) -> Next:
    """Ring everybody named, talk to the first who answers, and ask the action when that is over."""
    exchange, call = program.exchange, program.call
    nouns = verb.children or (Verb("Number", text=verb.text),)
    caller_id = _caller_id(program, verb)
    if verb.broken or caller_id is None:
        return program.action(verb, {"DialCallStatus": "failed"})
    if verb.attributes.get("answerOnBridge") != "true":
        exchange.answer(call)
    exchange.move(call, Place.RINGING_OUT)
    ringing = Ringing()
    for noun in nouns:
        call_out(program, noun, caller_id, ringing)
    try:
        bridge = await _until_answered(program, verb, ringing)
        if bridge:
            await _talk(program, verb, bridge)
    except Interruption:
        ringing.stop(exchange)
        # The action is asked even when the caller hung up or was sent elsewhere; its answer is ignored.
        program.tell_action(verb, dial_fields(ringing.bridges, ringing.last, exchange.now()))
        raise
    ringing.stop(exchange, Status.NO_ANSWER)
    exchange.move(call, Place.LISTENING)
    return program.action(verb, dial_fields(ringing.bridges, ringing.last, exchange.now()))


async def _until_answered(program: Program, verb: Verb, ringing: Ringing) -> Bridge | None:
    timeout = float(verb.attributes.get("timeout", USUAL_TIMEOUT_SECONDS)) + GRACE_SECONDS
    await program.exchange.pause(timeout, ringing.won, ringing.lost)
    if not ringing.won.done:
        return None
    bridge = ringing.won.value()
    await first_of(bridge.ready, bridge.ended)
    return bridge if bridge.ready.done else None


async def _talk(program: Program, verb: Verb, bridge: Bridge) -> None:
    exchange, call = program.exchange, program.call
    exchange.answer(call)
    exchange.move(call, Place.CONNECTED)
    exchange.note(call, "met", other=bridge.called.to, leg=bridge.called.sid)
    await exchange.pause(float(verb.attributes.get("timeLimit", USUAL_LIMIT_SECONDS)), bridge.ended)
    bridge.end()


def _caller_id(program: Program, verb: Verb) -> str | None:
    """Return under which number the called side is rung; None if the provider does not let it be this one."""
    exchange, call = program.exchange, program.call
    wanted = verb.attributes.get("callerId")
    if wanted is not None and wanted not in {exchange.account.number, call.from_, call.to}:
        told = f"Dial: Invalid callerId value {wanted}"
        exchange.fault(call, 13214, told, call.base_url, level=WARNING)
        return None
    chosen = wanted or call.from_
    numbers = verb.all("Number") or (verb.text and not verb.children)
    if numbers and is_withheld(chosen):
        told = f"Dial: a withheld number ({chosen}) cannot be passed on to a number"
        exchange.fault(call, NO_CALLER_ID, told, call.base_url, level=WARNING)
        return None
    return chosen
