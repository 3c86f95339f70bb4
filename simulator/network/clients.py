"""Softphones: who is registered under which name, what rings where, and who took it."""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.network.calls import Call
from simulator.network.sids import REGISTRATION, new_sid
from simulator.network.waiting import Promise

EVENTS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Event:
    """Something a softphone is told: incoming, cancel, connected, disconnected, error."""

    number: int
    kind: str
    data: dict[str, Any]


@dataclass(eq=False)
class Registration:
    """One softphone: a tab of a browser, or a simulated operator.

    Attributes:
        expires_at: when its token ends, in seconds of the Unix epoch; None for one inside this process.
        tell: is called with each event under the exchange's lock, and must be quick.
        talking: the leg it is connected to; meanwhile nothing else rings here.
    """

    identity: str
    expires_at: float | None = None
    tell: Callable[[Event], None] | None = None
    sid: str = field(default_factory=lambda: new_sid(REGISTRATION))
    talking: Call | None = None
    streams: int = 0
    gone: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)
    _events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def send(self, kind: str, **data: object) -> None:
        event = Event(next(self._numbers), kind, data)
        with self.changed:
            self._events.append(event)
            self.changed.notify_all()
        if self.tell:
            self.tell(event)

    def leave(self) -> None:
        with self.changed:
            self.gone = True
            self.changed.notify_all()

    def wait(self, after: int, seconds: float) -> list[Event]:
        """Return the events after one, waiting up to so many real seconds for the first."""
        with self.changed:
            self.changed.wait_for(lambda: self.gone or (self._events and self._events[-1].number > after), seconds)
            return [event for event in self._events if event.number > after]


@dataclass(eq=False)
class ClientLeg:
    """A call to a softphone: where it rings, and which one took it."""

    call: Call
    ringing: list[Registration]
    accepted: Promise[Registration] = field(default_factory=Promise)
    taken_by: Registration | None = None


@dataclass
class Clients:
    """Every softphone of the account. Used under the exchange's lock."""

    registrations: dict[str, Registration] = field(default_factory=dict)
    legs: dict[str, ClientLeg] = field(default_factory=dict)

    def register(
        self, identity: str, *, expires_at: float | None = None, tell: Callable[[Event], None] | None = None
    ) -> Registration:
        registration = Registration(identity, expires_at, tell)
        self.registrations[registration.sid] = registration
        return registration

    def of(self, identity: str) -> list[Registration]:
        return [each for each in self.registrations.values() if each.identity == identity]

    def remove(self, registration: Registration) -> Call | None:
        """Forget a softphone; return the leg it was connected to, which ends with it."""
        self.registrations.pop(registration.sid, None)
        for leg in self.legs.values():
            if registration in leg.ringing:
                leg.ringing.remove(registration)
        registration.leave()
        return registration.talking

    def ring(self, call: Call, identity: str, parameters: Mapping[str, str]) -> ClientLeg | None:
        """Let it ring wherever this name is registered; None if it is nowhere. A busy softphone stays silent."""
        registered = self.of(identity)
        if not registered:
            return None
        leg = ClientLeg(call, [each for each in registered if each.talking is None])
        self.legs[call.sid] = leg
        for each in leg.ringing:
            data = {"leg": call.sid, "from": call.from_, "to": call.to, "parameters": dict(parameters)}
            each.send("incoming", **data, parent=call.parent_sid)
        return leg

    def accept(self, leg: ClientLeg, registration: Registration) -> bool:
        """Let this softphone take the leg; False if another was first or the call has gone."""
        if leg.call.over or leg.taken_by is not None or registration not in leg.ringing:
            return False
        leg.taken_by, registration.talking = registration, leg.call
        for other in leg.ringing:
            if other is not registration:
                other.send("cancel", leg=leg.call.sid, reason="answered elsewhere")
        leg.ringing = []
        leg.accepted.resolve(registration)
        registration.send("connected", leg=leg.call.sid)
        return True

    def reject(self, leg: ClientLeg, registration: Registration) -> bool:
        """Stop ringing here; return whether it now rings nowhere."""
        if registration in leg.ringing:
            leg.ringing.remove(registration)
            registration.send("cancel", leg=leg.call.sid, reason="rejected")
        return not leg.ringing and leg.taken_by is None

    def forget_leg(self, call: Call) -> None:
        """Tell the softphones that a leg is over."""
        leg = self.legs.pop(call.sid, None)
        if leg is None:
            return
        for each in leg.ringing:
            each.send("cancel", leg=call.sid, reason=call.status.value)
        if leg.taken_by:
            leg.taken_by.talking = None
            leg.taken_by.send("disconnected", leg=call.sid, reason=call.status.value)
