"""Reject: a call that is not taken, and costs nothing if nothing came before it."""

from simulator.network.calls import Status
from simulator.network.documents import Verb
from simulator.network.program import Ending, Next, Program

BUSY_SIP, DECLINED_SIP = 486, 603


async def reject(program: Program, verb: Verb) -> Next:
    """Refuse a call that still rings; one that was answered is only hung up."""
    if program.call.answered_at is None:
        busy = verb.attributes.get("reason") == "busy"
        status, code = (Status.BUSY, BUSY_SIP) if busy else (Status.NO_ANSWER, DECLINED_SIP)
        program.exchange.end(program.call, status, code)
    return Ending.HANG_UP
