"""Record: the caller speaks until she is silent, presses a key or hangs up. Nothing is kept but how long it took."""

from datetime import datetime

from simulator.network.calls import Call, HungUp
from simulator.network.documents import Verb
from simulator.network.exchange import Exchange
from simulator.network.keypad import Keypad
from simulator.network.program import Next, Program
from simulator.network.sids import RECORDING, new_sid

USUAL_TIMEOUT_SECONDS, USUAL_LENGTH_SECONDS = 5.0, 3600.0
ANY_KEY = "1234567890*#"
FILE_READY_SECONDS = 2.0
"""The file comes after the action was asked: whoever wants it waits for the recording's own callback."""


async def record(program: Program, verb: Verb) -> Next:
    """Record what a caller says; whatever follows in the document is never reached once something was recorded."""
    exchange, call = program.exchange, program.call
    exchange.answer(call)
    keypad, began = Keypad(), exchange.now()
    call.keypad = keypad
    try:
        key = await _until_over(exchange, call, verb, keypad)
    except HungUp:
        fields = _fields(exchange, began, "hangup")
        program.tell_action(verb, fields)
        _tell_file(exchange, call, verb, fields)
        raise
    finally:
        call.keypad = None if call.keypad is keypad else call.keypad
    if call.spoke_until is None or call.spoke_until <= began:
        return None  # nobody said anything: the provider keeps no silence
    fields = _fields(exchange, began, key)
    _tell_file(exchange, call, verb, fields)
    return program.action(verb, fields, default="")


async def _until_over(exchange: Exchange, call: Call, verb: Verb, keypad: Keypad) -> str:
    silence = float(verb.attributes.get("timeout", USUAL_TIMEOUT_SECONDS)) or 10**9
    left = float(verb.attributes.get("maxLength", USUAL_LENGTH_SECONDS))
    finish = verb.attributes.get("finishOnKey", ANY_KEY)
    while left > 0:
        began = exchange.now()
        await exchange.pause(min(silence + call.speaks_on_for(began), left), keypad.pressed())
        left -= (exchange.now() - began).total_seconds()
        if keypad.empty:
            if call.silent_for(exchange.now()) >= silence:
                break
            continue
        if (key := keypad.take()) in finish:
            return key
    return ""


def _fields(exchange: Exchange, began: datetime, key: str) -> dict[str, str]:
    sid = new_sid(RECORDING)
    account = exchange.account.sid
    return {
        "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{sid}",
        "RecordingSid": sid,
        "RecordingDuration": str(int((exchange.now() - began).total_seconds())),
        "Digits": key,
    }


def _tell_file(exchange: Exchange, call: Call, verb: Verb, recorded: dict[str, str]) -> None:
    url = verb.attributes.get("recordingStatusCallback")
    events = verb.attributes.get("recordingStatusCallbackEvent", "completed").split()
    if url is None or "completed" not in events:
        return
    fields = {name: value for name, value in recorded.items() if name != "Digits"} | {"RecordingStatus": "completed"}
    exchange.later(FILE_READY_SECONDS, lambda: exchange.tell(call, url, fields, why="recording"))
