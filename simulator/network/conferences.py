"""Conferences: rooms in which any number of calls hear each other, are held, muted or coached."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from simulator.network.calls import Call
from simulator.network.sids import CONFERENCE, new_sid
from simulator.network.waiting import Promise

MOST_PARTICIPANTS = 250


class RoomStatus(StrEnum):
    INIT = "init"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class RoomCallback:
    """Who wants to hear of a room, and of which of: start, end, join, leave, mute, hold."""

    url: str
    method: str
    events: frozenset[str]


@dataclass(eq=False)
class Participant:
    """A call in a room.

    Attributes:
        changed: is there when she is held, taken back or the room starts: what she hears changes.
        left: is there when she is out of the room though her call goes on.
    """

    call: Call
    joined_at: datetime
    label: str | None = None
    muted: bool = False
    hold: bool = False
    hold_url: str = ""
    hold_method: str = "POST"
    wait_url: str | None = None
    wait_method: str = "POST"
    coaching: bool = False
    coaches: str | None = None
    starts_on_enter: bool = True
    ends_on_exit: bool = False
    changed: Promise[None] = field(default_factory=Promise)
    left: Promise[None] = field(default_factory=Promise)

    def change(self) -> None:
        changed, self.changed = self.changed, Promise()
        changed.resolve(None)


@dataclass(eq=False)
class Room:
    """One conference. It starts when somebody enters who starts it, and ends with the last participant."""

    name: str
    created_at: datetime
    sid: str = field(default_factory=lambda: new_sid(CONFERENCE))
    status: RoomStatus = RoomStatus.INIT
    participants: dict[str, Participant] = field(default_factory=dict)
    callback: RoomCallback | None = None
    told: int = 0
    changed_at: datetime | None = None
    ended_by: str | None = None
    reason: str | None = None

    def find(self, sid_or_label: str) -> Participant | None:
        found = self.participants.get(sid_or_label)
        return found or next((each for each in self.participants.values() if each.label == sid_or_label), None)
