"""What the product has written down of a day, as whoever may open its book reads it out; plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from simulator.day.figures import Bookings
from simulator.day.record import SeatChange


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """A row of a call, with the login of the operator who answered it and how many offers were made for it."""

    sid: str
    outcome: str
    received_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    answered_by: str
    main_reason: str


@dataclass(frozen=True, slots=True)
class LedgerFact:
    """A call as published numbers are made from it; waits and talks in microseconds, None where there was none."""

    sid: str
    in_hours: bool
    outcome: str
    wait_us: int | None
    talk_us: int | None


@dataclass(frozen=True, slots=True)
class LedgerDeed:
    """A carried-out command of the book."""

    at: datetime
    channel: str
    verb: str
    service: str
    reference: str
    card: str


@dataclass(frozen=True, slots=True)
class LedgerAlarm:
    """Something the product told a person to look at."""

    kind: str
    raised_at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that is compared.

    Attributes:
        computed: the published figures of the day by name, as the metrics compute them from the stored events.
        bookings: likewise, by service and channel.
        seat_changes: seats that somebody else than who sits there opened or closed.
        alarms: what a person was told to look at, in order.
        faults: what the book, the line, the network or a job found wrong with itself, in words.
    """

    calls: Sequence[LedgerCall]
    facts: Sequence[LedgerFact]
    deeds: Sequence[LedgerDeed]
    computed: Mapping[str, str]
    bookings: Bookings
    seat_changes: Sequence[SeatChange] = field(default=())
    alarms: Sequence[LedgerAlarm] = field(default=())
    faults: Sequence[str] = field(default=())
