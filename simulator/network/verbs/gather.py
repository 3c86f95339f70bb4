"""Gather: keys that a caller presses, during the prompts or after them."""

from simulator.network.calls import Call
from simulator.network.documents import Document, Verb
from simulator.network.keypad import Keypad
from simulator.network.program import Next, Program
from simulator.network.waiting import Cut, first_of

USUAL_TIMEOUT_SECONDS = 5.0
FINISH_KEY = "#"


async def gather(program: Program, verb: Verb) -> Next:
    """Speak the prompts, listen, and ask the action with what was pressed; with nothing pressed, go on below.

    Speech is never heard here: the network's callers press keys.
    """
    call, exchange = program.call, program.exchange
    exchange.answer(call)
    keypad = Keypad()
    call.keypad = keypad
    try:
        await _prompt(program, verb, keypad)
        digits, finished_on = await _listen(program, verb, keypad)
    finally:
        _put_down(call, keypad)
    if not digits and verb.attributes.get("actionOnEmptyResult") != "true":
        return None
    fields = {"Digits": digits, "msg": "Gather End"}
    if finished_on:
        fields["FinishedOnKey"] = finished_on
    return program.action(verb, fields, default="")


async def _prompt(program: Program, verb: Verb, keypad: Keypad) -> None:
    prompts = program.exchange.start(program.run(Document(verb.children)))
    try:
        await first_of(prompts.ended, keypad.first)
    finally:
        prompts.interrupt(Cut())


async def _listen(program: Program, verb: Verb, keypad: Keypad) -> tuple[str, str]:
    """Return the keys, and the one that ended them."""
    most = int(verb.attributes.get("numDigits", "0")) or None
    finish = verb.attributes.get("finishOnKey", FINISH_KEY)
    told = verb.attributes.get("timeout", "")
    timeout = float(told) if told.isdecimal() else USUAL_TIMEOUT_SECONDS
    if "dtmf" not in verb.attributes.get("input", "dtmf").split():
        await program.exchange.pause(timeout)
        return "", ""
    digits = ""
    while most is None or len(digits) < most:
        await program.exchange.pause(timeout, keypad.pressed())
        if keypad.empty:
            break
        key = keypad.take()
        if key == finish:
            return digits, key
        digits += key
    return digits, ""


def _put_down(call: Call, keypad: Keypad) -> None:
    if call.keypad is keypad:
        call.keypad = None
