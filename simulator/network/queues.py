"""Queues: callers in the order in which they came. They are made on demand and stay."""

from dataclasses import dataclass, field
from datetime import datetime

from simulator.network.bridges import Bridge
from simulator.network.calls import Call
from simulator.network.sids import QUEUE, new_sid
from simulator.network.waiting import Promise

USUAL_SIZE, LARGEST_SIZE = 1000, 5000


@dataclass(eq=False)
class Member:
    """A caller in a queue. `taken` comes when somebody dials the queue and gets her."""

    call: Call
    enqueued_at: datetime
    taken: Promise[Bridge] = field(default_factory=Promise)

    def wait_seconds(self, now: datetime) -> int:
        return int((now - self.enqueued_at).total_seconds())


@dataclass(eq=False)
class Queue:
    """One queue.

    Attributes:
        came: is there when the next caller has come; whoever dials an empty queue waits for it.
    """

    name: str
    created_at: datetime
    max_size: int = USUAL_SIZE
    sid: str = field(default_factory=lambda: new_sid(QUEUE))
    members: list[Member] = field(default_factory=list)
    changed_at: datetime | None = None
    came: Promise[None] = field(default_factory=Promise)

    @property
    def full(self) -> bool:
        return len(self.members) >= self.max_size

    def join(self, call: Call, now: datetime) -> Member:
        member = Member(call, now)
        self.members.append(member)
        came, self.came = self.came, Promise()
        came.resolve(None)
        return member

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)

    def position(self, member: Member) -> int:
        """Return where she stands, from 1; 0 if she has left."""
        return self.members.index(member) + 1 if member in self.members else 0

    def average_wait_seconds(self, now: datetime) -> int:
        """Return the mean wait of those who stand in the queue now."""
        waits = [member.wait_seconds(now) for member in self.members]
        return sum(waits) // len(waits) if waits else 0
