"""Say, Play, Pause: what the caller hears."""

from simulator.network.calls import Ask
from simulator.network.documents import Verb
from simulator.network.program import Ending, Next, Program

LONGEST_LOOP = 1000
PLAYED_SECONDS = 4.0
"""How long any sound file lasts here: the network does not fetch them."""


async def say(program: Program, verb: Verb) -> Next:
    """Speak. A text the provider would not speak is passed over."""
    exchange = program.exchange
    exchange.answer(program.call)
    for _ in range(0 if verb.broken else _loops(verb)):
        exchange.note(
            program.call, "heard", verb="Say", text=verb.text, language=verb.attributes.get("language", "en-US")
        )
        await exchange.pause(exchange.speech.seconds(verb.text))
    return None


async def play(program: Program, verb: Verb) -> Next:
    exchange = program.exchange
    exchange.answer(program.call)
    for _ in range(0 if verb.broken else _loops(verb)):
        exchange.note(program.call, "heard", verb="Play", text=verb.text or verb.attributes["digits"])
        await exchange.pause(PLAYED_SECONDS / exchange.speech.speed_up)
    return None


async def pause(program: Program, verb: Verb) -> Next:
    """Be silent. As the first verb of a call it lets the telephone go on ringing."""
    await program.exchange.pause(float(verb.attributes.get("length", "1")))
    return None


async def redirect(program: Program, verb: Verb) -> Next:  # noqa: ARG001 - every verb's story looks alike
    return None if verb.broken else Ask(verb.text, verb.attributes.get("method", "POST"))


async def hang_up(program: Program, verb: Verb) -> Next:  # noqa: ARG001 - likewise
    return Ending.HANG_UP


async def leave(program: Program, verb: Verb) -> Next:  # noqa: ARG001 - likewise
    return Ending.LEAVE


def _loops(verb: Verb) -> int:
    return int(verb.attributes.get("loop", "1")) or LONGEST_LOOP
