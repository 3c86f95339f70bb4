"""A step as the provider's markup. Addresses are absolute: they come back signed under exactly these."""

from dataclasses import dataclass

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse  # type: ignore[import-untyped] # ships no types

from ivr.flow.next_step import Connect, Enqueue, HangUp, LeaveQueue, Menu, Nothing, Step, Wait
from ivr.queue.progress import RING

QUEUE = "madoguchi"
SHORTEST_SILENCE_SECONDS = 3
LONGEST_SILENCE_SECONDS = 15
"""How long a waiting caller hears nothing before her document is asked for again. When no redirect can be sent, she is
connected within this; who stands far behind is asked less often, or a thousand callers would ask all the time."""

POSITIONS_A_SECOND = 3

KEY_SECONDS = 4
"""How long a caller has for a key once the menu is over; then a person takes over, within 25 s of the first word."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How the line speaks.

    Attributes:
        voice_url: the public address of the telephone's door, without a closing slash.
        voice: one of the provider's Japanese voices; its list changes, so it is a setting.
        language: of the voice.
    """

    voice_url: str
    voice: str = "Polly.Tomoko-Neural"
    language: str = "ja-JP"


def document(step: Step, speech: Speech) -> str:
    """Return the answer to a request about a call."""
    response = VoiceResponse()
    match step:
        case Menu(words, again):
            _ask_for_a_key(response, speech, words, again=again)
        case Enqueue(words):
            _say(response, speech, *words)
            response.enqueue(
                QUEUE, wait_url=f"{speech.voice_url}/voice/wait", action=f"{speech.voice_url}/voice/left-queue"
            )
        case Wait(words, position):
            _say(response, speech, *words)
            response.pause(length=silence_seconds(position))
        case LeaveQueue():
            response.leave()
        case Connect(offer_id, account_id):
            response.append(_dial(offer_id, account_id, speech))
        case HangUp(words, _):
            _say(response, speech, *words)
            response.hangup()
        case Nothing():
            pass
    return str(response)


def hold_document(speech: Speech, *, in_queue: bool) -> str:
    """Return what keeps a caller while nothing can be decided; after a moment the call begins again where it stands."""
    response = VoiceResponse()
    response.pause(length=SHORTEST_SILENCE_SECONDS)
    if not in_queue:
        response.redirect(f"{speech.voice_url}/voice/incoming")
    return str(response)


def identity(account_id: int) -> str:
    """Return the name under which an operator's browser is rung."""
    return f"op_{account_id}"


def silence_seconds(position: int) -> int:
    """Return how long the caller at this position hears nothing before she is asked for again."""
    return min(SHORTEST_SILENCE_SECONDS + (position - 1) // POSITIONS_A_SECOND, LONGEST_SILENCE_SECONDS)


def _say(verb: VoiceResponse | Gather, speech: Speech, *words: str) -> None:
    """Speak each text as a sentence of its own; what somebody wrote for callers goes through the same gate."""
    for each in words:
        verb.say(each, voice=speech.voice, language=speech.language)


def _ask_for_a_key(response: VoiceResponse, speech: Speech, words: tuple[str, ...], *, again: bool) -> None:
    """Let a key cut the words short; without one the call goes on by itself, so that silence leads to a person.

    The second time the address is another one: the same key pressed twice must not pass for a request sent twice.
    """
    menu = f"{speech.voice_url}/voice/menu" + ("?again=1" if again else "")
    gather = Gather(action=menu, num_digits=1, timeout=KEY_SECONDS, finish_on_key="")
    _say(gather, speech, *words)
    response.append(gather)
    response.redirect(menu)


def _dial(offer_id: int, account_id: int, speech: Speech) -> Dial:
    """Ring the operator; the caller hears ringing until she answers, and nobody is charged for a bridge before that."""
    dial = Dial(
        action=f"{speech.voice_url}/voice/dial-ended?offer={offer_id}",
        answer_on_bridge=True,
        timeout=int(RING.total_seconds()),
    )
    dial.client(
        identity(account_id),
        url=f"{speech.voice_url}/voice/operator-answered?offer={offer_id}",
        status_callback=f"{speech.voice_url}/voice/operator-status?offer={offer_id}",
        status_callback_event="initiated ringing answered completed",
    )
    return dial
