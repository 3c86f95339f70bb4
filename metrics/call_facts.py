"""One row a call: the only reading of calls that published numbers are made from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from ivr.ledger.call_facts import CALL_FACTS, COLUMNS
from ivr.queue.models import CallState
from metrics.period import day_start


@dataclass(frozen=True, slots=True)
class CallFact:
    """A call as reports see it, told by the day and hour at which it arrived. It says nothing about who called.

    Attributes:
        call_id: None for a call of an imported list.
        in_hours: whether it arrived while the line was open (3-2-B): what came later was told so and counts apart.
        offers: how often it was given to an operator.
        outcome: None until it is decided. An answer is decided at once, and never taken back.
        place: where she was when she hung up: ivr, queue, ringing.
        account_id: who answered first.
        wait_us: microseconds from the queue's entry to the answer or the end.
        talk_us: microseconds of talk, None until it is over.
        wrap_up_us: microseconds of wrap-up, None until it is over.
    """

    call_id: int | None
    call_sid: str
    received_at: datetime
    in_hours: bool
    enqueued_at: datetime | None
    first_offered_at: datetime | None
    offers: int
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    place: str | None
    topic: str | None
    main_reason: str | None
    account_id: int | None
    wait_us: int | None
    talk_us: int | None
    wrap_up_us: int | None
    self_served: bool
    called_back_at: datetime | None
    state: str

    @property
    def entered_queue(self) -> bool:
        return self.enqueued_at is not None

    @property
    def answered(self) -> bool:
        """Whether a person answered. Our own voice never answers."""
        return self.answered_at is not None

    @property
    def decided(self) -> bool:
        """Whether it can no longer turn out otherwise: a person answered, or it is over."""
        return self.outcome is not None

    @property
    def waiting(self) -> bool:
        return self.state in {CallState.QUEUED, CallState.OFFERING}

    @property
    def wait_seconds(self) -> float | None:
        """Seconds from entering the queue to the answer or the end; None while she waits or when she never did."""
        return None if self.wait_us is None else self.wait_us / 1_000_000


def list_call_facts(db: Connection, first: date, last: date) -> list[CallFact]:
    """Return the calls that arrived from `first` to `last`, days in Tokyo, both included, in order of arrival."""
    rows = db.execute(_CALLS, {"since": day_start(first), "until": day_start(last + timedelta(days=1))})
    return [CallFact(*row) for row in rows]


def oldest_waiting_since(db: Connection) -> datetime | None:
    """Return since when the caller waits who has waited longest; None when nobody does."""
    found: datetime | None = db.execute(_OLDEST).scalar_one()
    return found


_OLDEST = text("SELECT min(enqueued_at) FROM call WHERE state IN ('queued', 'offering')")
_CALLS = text(f"""
    SELECT {", ".join(COLUMNS)}, state FROM {CALL_FACTS} f
    WHERE received_at >= :since AND received_at < :until
    ORDER BY received_at, call_sid""")  # noqa: S608 - constants
