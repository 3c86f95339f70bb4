"""Simulated callers: each has a telephone and a script, and does what a person could do with a telephone."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from simulator.network.calls import Call, Place
from simulator.network.exchange import Exchange
from simulator.network.journal import Entry
from simulator.network.orders import dial_in, hang_up
from simulator.network.scenarios import scenario_of
from simulator.network.scripts import Script, Step
from simulator.network.waiting import Promise, first_of

WITH_A_PERSON = frozenset({Place.CONNECTED, Place.IN_CONFERENCE})


@dataclass(eq=False)
class Caller:
    """One person who calls. Everything she does is a method, for a script, a test or the page."""

    exchange: Exchange
    call: Call
    script: Script = field(default_factory=Script)
    _happened: Promise[None] = field(default_factory=Promise)
    _heard_from: int = 0

    def press(self, keys: str) -> None:
        with self.exchange.entered():
            self.exchange.press(self.call, keys)

    def speak(self, seconds: float) -> None:
        """Talk for so long: only a recording takes notice."""
        with self.exchange.entered():
            self.call.spoke_until = self.exchange.now() + timedelta(seconds=seconds)
            self.exchange.note(self.call, "spoke", seconds=seconds)

    def hang_up(self) -> bool:
        with self.exchange.entered():
            if self.call.over:
                return False
            self.exchange.note(self.call, "put_down")
            return hang_up(self.exchange, self.call)

    @property
    def heard(self) -> list[str]:
        """Return every sentence and sound she has heard, in order."""
        return [entry.details["text"] for entry in self.entries("heard")]

    def entries(self, kind: str | None = None) -> list[Entry]:
        told = self.exchange.journal.of(self.call.sid)
        return [entry for entry in told if kind in {None, entry.kind}]

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """Return the requests of this call whose address holds `path`, each with its fields."""
        return [entry.details for entry in self.entries("request") if path in entry.details["url"]]

    def play(self) -> None:
        """Begin to play the script. Called under the exchange's lock."""
        self.exchange.journal.listen(self.call.sid, self._listen)
        self.exchange.start(self._play())
        self.exchange.start(self._lose_patience())

    def _listen(self, entry: Entry) -> None:
        if entry.kind in {"heard", "place", "status"}:
            happened, self._happened = self._happened, Promise()
            happened.resolve(None)

    async def _play(self) -> None:
        for step in self.script.steps:
            while not self._is_time_for(step):
                await first_of(self._happened, self.call.ended)
            await self.exchange.pause(step.after, self.call.ended)
            if self.call.over:
                return
            self._do(step)

    async def _lose_patience(self) -> None:
        await self.exchange.pause(self.script.patience_seconds, self.call.ended)
        if not self.call.over and self.call.place not in WITH_A_PERSON:
            self.hang_up()

    def _is_time_for(self, step: Step) -> bool:
        if self.call.over:
            return True
        if step.heard is not None:
            return self._has_heard(step.heard)
        match step.when:
            case None:
                return True
            case "ringing":
                return self.call.answered_at is None
            case "answered":
                return self.call.answered_at is not None
            case moment:
                return self.call.place.value == moment

    def _has_heard(self, words: str) -> bool:
        """Tell whether these words were said since the last that were waited for."""
        for entry in self.exchange.journal.of(self.call.sid, after=self._heard_from):
            if entry.kind == "heard" and words in entry.details["text"]:
                self._heard_from = entry.number
                return True
        return False

    def _do(self, step: Step) -> None:
        if step.speak:
            self.speak(step.speak)
        if step.press:
            self.press(step.press)
        if step.hang_up:
            self.hang_up()


def call_in(exchange: Exchange, from_: str, *, to: str | None = None, script: Script | None = None) -> Caller:
    """Let somebody call; without a script she plays what her number stands for."""
    with exchange.entered():
        call = dial_in(exchange, from_, to)
        caller = Caller(exchange, call, scenario_of(from_) if script is None else script)
        caller.play()
        return caller
