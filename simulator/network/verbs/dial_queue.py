"""Dial Queue: whoever dials a queue talks to the caller at its front, or waits for one to come."""

from simulator.network.bridges import Bridge
from simulator.network.calls import Place
from simulator.network.documents import Verb
from simulator.network.program import Next, Program
from simulator.network.queues import Member, Queue
from simulator.network.verbs.enqueue import find_queue
from simulator.network.waiting import Interruption, first_of

USUAL_TIMEOUT_SECONDS, USUAL_LIMIT_SECONDS = 30.0, 4 * 3600.0


async def dial_queue(program: Program, verb: Verb, noun: Verb) -> Next:
    """Take the front of the queue. There is no other way to choose: the provider's queue is first in, first out."""
    exchange, call = program.exchange, program.call
    exchange.answer(call)
    queue = find_queue(exchange, noun.text)
    if queue is None or noun.broken or verb.broken:
        if queue is None:
            exchange.fault(call, 14210, f"Dial->Queue: there is no queue {noun.text!r}", call.base_url)
        return program.action(verb, {"DialCallStatus": "failed"})
    exchange.move(call, Place.RINGING_OUT)
    member = await _front(program, queue, float(verb.attributes.get("timeout", USUAL_TIMEOUT_SECONDS)))
    if member is None:
        exchange.move(call, Place.LISTENING)
        return program.action(verb, {"DialCallStatus": "no-answer"})
    bridge = Bridge(call, member.call, noun.attributes.get("url", ""), noun.attributes.get("method", "POST"))
    queue.leave(member)
    member.taken.resolve(bridge)
    began = exchange.now()
    try:
        await first_of(bridge.ready, bridge.ended)
        if bridge.ready.done:
            exchange.move(call, Place.CONNECTED)
            exchange.note(call, "met", other=member.call.from_, leg=member.call.sid)
            limit = float(verb.attributes.get("timeLimit", USUAL_LIMIT_SECONDS))
            await exchange.pause(limit, bridge.ended)
    except Interruption:
        bridge.end()
        program.tell_action(verb, _fields(bridge, int((exchange.now() - began).total_seconds())))
        raise
    bridge.end()
    exchange.move(call, Place.LISTENING)
    return program.action(verb, _fields(bridge, int((exchange.now() - began).total_seconds())))


async def _front(program: Program, queue: Queue, seconds: float) -> Member | None:
    """Return the caller at the front, waiting for one if the queue is empty; None if none came in time."""
    if not queue.members:
        await program.exchange.pause(seconds, queue.came)
    return queue.members[0] if queue.members else None


def _fields(bridge: Bridge, seconds: int) -> dict[str, str]:
    return {
        "DialCallStatus": "completed",
        "DialCallSid": bridge.called.sid,
        "DialCallDuration": str(seconds),
        "DialBridged": "true" if bridge.ready.done else "false",
    }
