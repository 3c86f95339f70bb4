"""A call: one leg between the network and somebody with a telephone or a softphone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulator.network.sids import CALL, new_sid
from simulator.network.waiting import Interruption, Promise, Task

if TYPE_CHECKING:
    from simulator.network.keypad import Keypad


class Status(StrEnum):
    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"


OVER = frozenset({Status.COMPLETED, Status.BUSY, Status.FAILED, Status.NO_ANSWER, Status.CANCELED})


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_DIAL = "outbound-dial"


class Place(StrEnum):
    """Where a caller stands, as she herself would tell it."""

    DIALLING = "dialling"
    LISTENING = "listening"
    QUEUED = "queued"
    RINGING_OUT = "ringing_out"
    CONNECTED = "connected"
    IN_CONFERENCE = "in_conference"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Ask:
    """Where the next document comes from: an address, or markup that was given with the order itself."""

    url: str = ""
    method: str = "POST"
    fields: dict[str, str] = field(default_factory=dict)
    fallback_url: str | None = None
    """None: as the call has it."""
    markup: str | None = None


class HungUp(Interruption):
    """The call is over."""


class Redirected(Interruption):
    """Somebody sent the call elsewhere over REST."""

    def __init__(self, to: Ask) -> None:
        super().__init__(to.url)
        self.to = to


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """Who wants to hear of a call, and of which of: initiated, ringing, answered, completed."""

    url: str
    method: str = "POST"
    events: frozenset[str] = frozenset({"completed"})


@dataclass(eq=False)
class Call:
    """One leg. Its status is the truth; `task` follows it, never the other way round.

    Attributes:
        ring_until_connected: an inbound call that is answered only once somebody talks to the caller (answerOnBridge).
        sip_code: how the far end refused, if it did.
    """

    account_sid: str
    from_: str
    to: str
    direction: Direction
    created_at: datetime
    parent_sid: str | None = None
    sid: str = field(default_factory=lambda: new_sid(CALL))
    status: Status = Status.QUEUED
    place: Place = Place.DIALLING
    changed_at: datetime | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    queue_time_ms: int = 0
    callback: StatusCallback | None = None
    told: int = 0
    fallback_url: str = ""
    base_url: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    task: Task[Any] | None = None
    keypad: Keypad | None = None
    ended: Promise[None] = field(default_factory=Promise)
    sip_code: int | None = None
    muted: bool = False
    spoke_until: datetime | None = None
    on_place: list[Callable[[], None]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.status in OVER

    def speaks_on_for(self, now: datetime) -> float:
        """Return for how many seconds more the caller will be speaking."""
        return max((self.spoke_until - now).total_seconds(), 0.0) if self.spoke_until else 0.0

    def silent_for(self, now: datetime) -> float:
        """Return for how many seconds the caller has been silent; for ever, if she never spoke."""
        return (now - self.spoke_until).total_seconds() if self.spoke_until else float("inf")

    @property
    def talk_seconds(self) -> int:
        """Return whole seconds between answer and end."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(int((self.ended_at - self.answered_at).total_seconds()), 0)
