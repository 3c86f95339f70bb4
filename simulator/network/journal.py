"""What happened in each call, in order: heard, pressed, asked, answered. Tests and pages read it."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MOST_KEPT = 200_000
"""A whole working day of calls; older entries are forgotten."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `kind`: status, heard, pressed, request, answer, place, met, fault."""

    number: int
    at: datetime
    call_sid: str
    kind: str
    details: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"id": self.number, "at": self.at.isoformat(), "call": self.call_sid, "kind": self.kind} | self.details


@dataclass
class Journal:
    """Entries of all calls. `changed` is notified after each."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    _entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    _by_call: dict[str, list[Entry]] = field(default_factory=dict)
    _told: dict[str, list[Callable[[Entry], None]]] = field(default_factory=dict)
    _last: int = 0

    def add(self, at: datetime, call_sid: str, kind: str, **details: object) -> None:
        with self.changed:
            self._last += 1
            entry = Entry(self._last, at, call_sid, kind, details)
            if len(self._entries) == MOST_KEPT:
                self._forget(self._entries[0])
            self._entries.append(entry)
            self._by_call.setdefault(call_sid, []).append(entry)
            told = list(self._told.get(call_sid, ()))
            self.changed.notify_all()
        for tell in told:
            tell(entry)

    def listen(self, call_sid: str, tell: Callable[[Entry], None]) -> None:
        """Tell every entry of a call from now on. `tell` must be quick: the exchange waits for it."""
        with self.changed:
            self._told.setdefault(call_sid, []).append(tell)

    def of(self, call_sid: str, *, after: int = 0) -> list[Entry]:
        with self.changed:
            return [entry for entry in self._by_call.get(call_sid, ()) if entry.number > after]

    def wait(self, call_sid: str, *, after: int, seconds: float) -> list[Entry]:
        """Return the entries of a call after one, waiting up to so many real seconds for the first."""
        with self.changed:
            self.changed.wait_for(
                lambda: (
                    self._by_call.get(call_sid, [None])[-1] is not None and self._by_call[call_sid][-1].number > after
                ),
                seconds,
            )
            return [entry for entry in self._by_call.get(call_sid, ()) if entry.number > after]

    def _forget(self, entry: Entry) -> None:
        kept = self._by_call.get(entry.call_sid)
        if kept:
            kept.pop(0)
