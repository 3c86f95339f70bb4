"""One row a call: the only reading of calls that published numbers are made from."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, text

from booking_core.calendar import at
from ivr.queue.models import CallState, Outcome


@dataclass(frozen=True, slots=True)
class CallFact:
    """A call as reports see it, told by the day and hour at which it arrived. It says nothing about who called."""

    id: int
    state: str
    outcome: str | None
    received_at: datetime
    enqueued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None

    @property
    def in_hours(self) -> bool:
        """Whether it arrived while the line was open (3-2-B): what came later was told so and counts apart."""
        return self.outcome != Outcome.CLOSED

    @property
    def entered_queue(self) -> bool:
        return self.enqueued_at is not None

    @property
    def answered(self) -> bool:
        """Whether a person answered. Our own voice never answers."""
        return self.answered_at is not None

    @property
    def waiting(self) -> bool:
        return self.state in {CallState.QUEUED, CallState.OFFERING}

    @property
    def decided(self) -> bool:
        """Whether it can no longer turn out otherwise: a person answered, or it is over."""
        return self.answered or self.state == CallState.ENDED

    @property
    def wait_seconds(self) -> float | None:
        """Seconds from entering the queue to the answer or the end; None while she waits or when she never did."""
        until = self.answered_at or self.ended_at
        if self.enqueued_at is None or until is None:
            return None
        return (until - self.enqueued_at).total_seconds()


def list_call_facts(db: Connection, first: date, last: date) -> list[CallFact]:
    """Return the calls that arrived from `first` to `last`, days in Tokyo, both included, in order of arrival."""
    rows = db.execute(_CALLS, {"since": day_start(first), "until": day_start(last + timedelta(days=1))})
    return [CallFact(*row) for row in rows]


def day_start(day: date) -> datetime:
    """Return the instant at which a day begins in Tokyo."""
    return at(day, time(0))


_CALLS = text("""
    SELECT id, state, outcome, received_at, enqueued_at, answered_at, ended_at
    FROM call WHERE received_at >= :since AND received_at < :until
    ORDER BY received_at, id""")
