"""A step as the provider's markup. Addresses are absolute: they come back signed under exactly these."""

from dataclasses import dataclass

from twilio.twiml.voice_response import Dial, VoiceResponse  # type: ignore[import-untyped] # ships no types

from ivr.flow.next_step import Connect, Enqueue, HangUp, LeaveQueue, Nothing, Step, Wait
from ivr.flow.prompts import Prompt, spoken

QUEUE = "madoguchi"
SILENCE_SECONDS = 3
"""How long a waiting caller hears nothing before her document is asked for again: a taken call connects within this."""

RING_SECONDS = 25


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
        case Enqueue(prompt):
            _say(response, speech, prompt)
            response.enqueue(
                QUEUE, wait_url=f"{speech.voice_url}/voice/wait", action=f"{speech.voice_url}/voice/left-queue"
            )
        case Wait(prompts, position):
            for prompt in prompts:
                _say(response, speech, prompt, position)
            response.pause(length=SILENCE_SECONDS)
        case LeaveQueue():
            response.leave()
        case Connect(offer_id, account_id):
            response.append(_dial(offer_id, account_id, speech))
        case HangUp(prompt):
            if prompt:
                _say(response, speech, prompt)
            response.hangup()
        case Nothing():
            pass
    return str(response)


def identity(account_id: int) -> str:
    """Return the name under which an operator's browser is rung."""
    return f"op_{account_id}"


def _say(response: VoiceResponse, speech: Speech, prompt: Prompt, position: int | None = None) -> None:
    response.say(spoken(prompt, position=position), voice=speech.voice, language=speech.language)


def _dial(offer_id: int, account_id: int, speech: Speech) -> Dial:
    """Ring the operator; the caller hears ringing until she answers, and nobody is charged for a bridge before that."""
    dial = Dial(
        action=f"{speech.voice_url}/voice/dial-ended?offer={offer_id}",
        answer_on_bridge=True,
        timeout=RING_SECONDS,
    )
    dial.client(
        identity(account_id),
        url=f"{speech.voice_url}/voice/operator-answered?offer={offer_id}",
        status_callback=f"{speech.voice_url}/voice/operator-status?offer={offer_id}",
        status_callback_event="initiated ringing answered completed",
    )
    return dial
