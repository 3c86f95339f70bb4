"""What the simulator itself did and saw, call by call and booking by booking: never what the product says of it."""

from dataclasses import dataclass, field
from datetime import datetime

CLOSED, ANSWERED, ABANDONED_QUEUE, ABANDONED_IVR, FAILED = (
    "closed", "answered", "abandoned_queue", "abandoned_ivr", "failed",
)  # fmt: skip


@dataclass(slots=True)
class Heard:
    """One call as the caller went through it.

    Attributes:
        sid: the network's name of her leg.
        turned_away: our voice said that the line is closed.
        sent_away: she had stood in the queue, and our voice said that nobody can take the call.
        queued_at: when she first stood in the queue.
        ended_at: when the talk was over, or the call if there was none.
        answered_at: when a person answered, and `answered_by` who: the operator's login.
        main_reason: as that operator closed it; empty while she has not.
    """

    sid: str
    caller: int
    errand: str
    called_at: datetime
    turned_away: bool = False
    sent_away: bool = False
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    answered_by: str = ""
    ended_at: datetime | None = None
    main_reason: str = ""
    rang_in_vain: int = 0

    @property
    def outcome(self) -> str:
        """How the call ended, in the words in which reports count calls; empty while it goes on."""
        if self.turned_away:
            return CLOSED
        if self.answered_at is not None:
            return ANSWERED
        if self.ended_at is None:
            return ""
        if self.sent_away:
            return FAILED
        return ABANDONED_QUEUE if self.queued_at else ABANDONED_IVR

    @property
    def decided(self) -> bool:
        return self.answered_at is not None or self.ended_at is not None

    @property
    def waits(self) -> bool:
        """Whether she stands in the queue, or her operator is being rung."""
        return self.queued_at is not None and not self.decided


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done to a booking, and answered with yes.

    Attributes:
        channel: `web` or `phone`.
        verb: `book`, `move` or `cancel`.
        reference: the number by which the booking is known, as a screen showed it.
        card: the card it hangs on, or empty.
        visit: where and when, as the screen said it.
    """

    at: datetime
    channel: str
    verb: str
    service: str
    reference: str
    card: str
    visit: str
    call_sid: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Something the product answered with no, or did not let happen, and why."""

    at: datetime
    who: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class SeatChange:
    """A supervisor's order to open or close a seat, at the moment from which on it counted.

    Attributes:
        login, by: who sits there, and who ordered it.
        change: `opened` or `closed`.
        why: as she told the board.
    """

    at: datetime
    login: str
    change: str
    why: str
    by: str


@dataclass
class Record:
    """Everything, in the order in which it happened."""

    calls: dict[str, Heard] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    seated: dict[str, bool] = field(default_factory=dict)
    """Who sits at an open seat now, by login, and whether she takes calls."""
    most_seated: int = 0
    seat_changes: list[SeatChange] = field(default_factory=list)
    failed_log_ins: int = 0
    unexpected: list[str] = field(default_factory=list)
    """What no person could make sense of: a page without its form, an answer of 500."""

    def sits(self, login: str, *, takes_calls: bool) -> None:
        self.seated[login] = takes_calls
        self.most_seated = max(self.most_seated, len(self.seated))

    def got_up(self, login: str) -> None:
        self.seated.pop(login, None)
