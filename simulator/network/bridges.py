"""Two calls that hear each other."""

from dataclasses import dataclass, field

from simulator.network.calls import Call
from simulator.network.waiting import Promise


@dataclass(eq=False)
class Bridge:
    """The connection between a call and the one it dialled.

    Attributes:
        ready: is there once the called side has heard what it was to hear first.
        ended: is there once either side has gone.
        freed: the called side was sent elsewhere over REST, and goes on without the dialler.
        whisper_url: what a dequeued caller hears before she is connected; empty for nothing.
    """

    dialler: Call
    called: Call
    whisper_url: str = ""
    whisper_method: str = "POST"
    freed: bool = False
    ready: Promise[None] = field(default_factory=Promise)
    ended: Promise[None] = field(default_factory=Promise)

    def end(self) -> None:
        self.ended.resolve(None)
