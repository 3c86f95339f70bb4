"""Enqueue: the caller waits in a queue and hears the wait document, again whenever it has run out."""

from simulator.network.bridges import Bridge
from simulator.network.calls import Ask, HungUp, Place, Redirected
from simulator.network.debugger import WARNING
from simulator.network.documents import Document, Unusable, Verb, only
from simulator.network.exchange import Exchange
from simulator.network.grammar import IN_A_QUEUE, WHILE_HELD
from simulator.network.program import Ending, Next, Program
from simulator.network.queues import Member, Queue
from simulator.network.waiting import Cut, Interruption, Promise, Task, first_of

SHORTEST_LOOP_SECONDS = 1.0
"""A wait document that takes no time is asked for once a second: the network does not loop hot, but it complains."""


async def enqueue(program: Program, verb: Verb) -> Next:
    """Stand in the queue until somebody takes the caller out, she leaves, or she is gone; then tell the action.

    Only for leave, queue-full, error and a talk that is over is the action's document executed.
    """
    exchange, call = program.exchange, program.call
    exchange.answer(call)
    if verb.broken:
        return _after(program, verb, "error")
    queue = find_or_make(exchange, verb.text)
    if queue.full:
        exchange.fault(call, 14207, f"Enqueue: the queue {queue.name} is full", call.base_url, level=WARNING)
        return _after(program, verb, "queue-full", queue)
    member = queue.join(call, exchange.now())
    _move_up(exchange, queue)
    waiting = exchange.start(_wait(program, verb, queue, member))
    try:
        await first_of(waiting.ended, member.taken)
    except Redirected:
        _tell(program, verb, "redirected", queue, member)
        raise
    except HungUp:
        _tell(program, verb, "hangup", queue, member)
        raise
    finally:
        waiting.interrupt(Cut())
        queue.leave(member)
        _move_up(exchange, queue)
    if member.taken.done:
        return await _talk(program, verb, queue, member)
    return _after_waiting(program, verb, queue, member, waiting)


def find_queue(exchange: Exchange, name: str) -> Queue | None:
    return next((queue for queue in exchange.queues.values() if queue.name == name), None)


def find_or_make(exchange: Exchange, name: str) -> Queue:
    """Return the queue of this name: it is made when somebody is first put into it."""
    queue = find_queue(exchange, name)
    if queue is None:
        queue = Queue(name, exchange.now())
        exchange.queues[queue.sid] = queue
    return queue


async def _wait(program: Program, verb: Verb, queue: Queue, member: Member) -> Ending | None:
    """Play the wait documents; return how they let the caller out."""
    url = verb.attributes.get("waitUrl", "")
    if not url:
        program.exchange.note(
            program.call, "heard", verb="Play", text="silence" if "waitUrl" in verb.attributes else "music"
        )
        silence: Promise[None] = Promise()
        await silence
    usual = Ask(url, verb.attributes.get("waitUrlMethod", "POST"))
    following = usual
    while True:
        began = program.exchange.now()
        fields = following.fields | _queue_fields(program.exchange, queue, member)
        asked = Ask(following.url, following.method, fields)
        going = await program.run(_checked(await program.fetch(asked)))
        if isinstance(going, Ending):
            return going
        following = going or usual
        if program.exchange.now() == began:
            await program.exchange.pause(SHORTEST_LOOP_SECONDS)


def _checked(document: Document) -> Document:
    return only(document, IN_A_QUEUE, 12200, "for waiting callers")


def _after_waiting(program: Program, verb: Verb, queue: Queue, member: Member, waiting: Task[Ending | None]) -> Next:
    try:
        going = waiting.ended.value()
    except Unusable as unusable:
        program.exchange.fault(program.call, unusable.code, unusable.message, unusable.url)
        return _after(program, verb, "error", queue, member)
    if going is Ending.HANG_UP:
        _tell(program, verb, "hangup", queue, member)
        return Ending.HANG_UP
    return _after(program, verb, "leave", queue, member)


async def _talk(program: Program, verb: Verb, queue: Queue, member: Member) -> Next:
    """Hear the whisper, talk to whoever dialled the queue, and tell the action when that is over."""
    bridge, exchange, call = member.taken.value(), program.exchange, program.call
    try:
        await _whisper(program, bridge, queue, member)
        bridge.ready.resolve(None)
        exchange.move(call, Place.CONNECTED)
        exchange.note(call, "met", other=bridge.dialler.from_, leg=bridge.dialler.sid)
        await bridge.ended
    except Interruption as interruption:
        result = "redirected-from-bridged" if isinstance(interruption, Redirected) else "bridged"
        _tell(program, verb, result, queue, member)
        raise
    finally:
        bridge.end()
    return _after(program, verb, "bridged", queue, member)


async def _whisper(program: Program, bridge: Bridge, queue: Queue, member: Member) -> None:
    following: Next = Ask(bridge.whisper_url, bridge.whisper_method) if bridge.whisper_url else None
    fields = {"DequeingCallSid": bridge.dialler.sid, "QueueSid": queue.sid,
              "QueueTime": str(member.wait_seconds(program.exchange.now()))}  # fmt: skip
    while isinstance(following, Ask):
        asked = Ask(following.url, following.method, following.fields | fields)
        following = await program.follow(asked, among=WHILE_HELD, where="for a dequeued caller")


def _queue_fields(exchange: Exchange, queue: Queue, member: Member) -> dict[str, str]:
    now = exchange.now()
    return {
        "QueuePosition": str(queue.position(member)),
        "QueueSid": queue.sid,
        "QueueTime": str(member.wait_seconds(now)),
        "AvgQueueTime": str(queue.average_wait_seconds(now)),
        "CurrentQueueSize": str(len(queue.members)),
        "MaxQueueSize": str(queue.max_size),
    }


def _result_fields(program: Program, result: str, queue: Queue | None, member: Member | None) -> dict[str, str]:
    waited = member.wait_seconds(program.exchange.now()) if member else 0
    return {"QueueResult": result, "QueueSid": queue.sid if queue else "", "QueueTime": str(waited)}


def _after(
    program: Program, verb: Verb, result: str, queue: Queue | None = None, member: Member | None = None
) -> Next:  # fmt: skip
    if program.call.place is Place.QUEUED:
        program.exchange.move(program.call, Place.LISTENING)
    return program.action(verb, _result_fields(program, result, queue, member))


def _tell(program: Program, verb: Verb, result: str, queue: Queue, member: Member) -> None:
    program.tell_action(verb, _result_fields(program, result, queue, member))


def _move_up(exchange: Exchange, queue: Queue) -> None:
    for position, each in enumerate(queue.members, start=1):
        exchange.move(each.call, Place.QUEUED, position=position, queue=queue.name)
