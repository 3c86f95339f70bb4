"""The rows of the telephone line: calls and what happened to them, offers, operators, seats.

Order, seniority and statistics live here; the provider only parks and connects the audio. Every transition is a
conditional update on the old state: no row changed means that somebody else was first. All instants are business time.
"""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from booking_core.models import Base, big_id, one_of

# --- The call --------------------------------------------------------------------------------------------------------


class CallState(StrEnum):
    RECEIVED = "received"  # known of, not yet answered by our voice
    IVR = "ivr"  # hears the greeting, or that the line is closed
    QUEUED = "queued"  # waits for a person
    OFFERING = "offering"  # an operator is being connected
    CONNECTED = "connected"  # talks with a person
    ENDED = "ended"


class Topic(StrEnum):
    """What a caller said, by key, that she calls about. A hint for the operator; whoever says nothing has none."""

    DELIVERY = "delivery"
    OTHER_SERVICE = "other_service"  # card application, certificate
    CHANGE = "change"


class Outcome(StrEnum):
    """How a call counts in every report. Written once."""

    ANSWERED = "answered"  # by a person
    ABANDONED_IVR = "abandoned_ivr"  # hung up before she stood in the queue
    ABANDONED_QUEUE = "abandoned_queue"  # hung up while she waited or while an operator was being connected
    CLOSED = "closed"  # outside the line's hours (3-2-B)
    FAILED = "failed"  # the queue was full, or the provider failed


class MainReason(StrEnum):
    """Why somebody called: the one main reason an operator gives when she closes the call."""

    NEW_BOOKING = "new_booking"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    QUESTION = "question"
    COMPLAINT = "complaint"
    NOT_FOR_US = "not_for_us"
    NOTHING_HEARD = "nothing_heard"
    OTHER = "other"


class Call(Base):
    """One call that reached the line. `from_number` is None when the caller withholds it."""

    __tablename__ = "call"
    __table_args__ = (
        one_of("state", CallState),
        one_of("outcome", Outcome),
        one_of("topic", Topic),
        one_of("main_reason", MainReason),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("state <> 'ended' OR outcome IS NOT NULL", name="outcome_at_the_end"),
        CheckConstraint("(outcome = 'answered') <= (answered_at IS NOT NULL)", name="answered_by_somebody"),
        CheckConstraint("(identified_card_id IS NULL) = (identified_by IS NULL)", name="identified"),
        CheckConstraint("(closed_at IS NULL) = (main_reason IS NULL)", name="closed_with_a_reason"),
        Index("ix_call_waiting", "enqueued_at", postgresql_where=text("state = 'queued'")),
        Index("ix_call_live", "received_at", postgresql_where=text("state <> 'ended'")),
    )

    id: Mapped[int] = big_id()
    call_sid: Mapped[str] = mapped_column(unique=True)
    from_number: Mapped[str | None]  # E.164
    to_number: Mapped[str]
    state: Mapped[str]
    outcome: Mapped[str | None]
    topic: Mapped[str | None]
    wrong_keys: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # pressed in the menu, to no choice
    received_at: Mapped[datetime] = mapped_column(index=True)
    enqueued_at: Mapped[datetime | None]  # her place in the order; kept when she comes back to the queue
    offerable_at: Mapped[datetime | None]  # since when she may be taken: she stands in the provider's queue
    first_offered_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    position_said_at: Mapped[datetime | None]
    identified_card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"))
    identified_by: Mapped[str | None]
    main_reason: Mapped[str | None]
    closed_at: Mapped[datetime | None]  # by the operator, after the talk or still in it
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("staff_account.id"))


class CallEvent(Base):
    """One thing the provider told about a call. Append-only; told twice, it stands here once."""

    __tablename__ = "call_event"
    __table_args__ = (UniqueConstraint("call_sid", "leg", "event", "token"),)

    id: Mapped[int] = big_id()
    call_sid: Mapped[str]  # the caller's leg, by which the call is known
    leg: Mapped[str]  # the leg it happened to
    event: Mapped[str]
    token: Mapped[str]  # sequence number, idempotency token or signature: what a repeated request repeats
    at: Mapped[datetime] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]]  # results and durations, never a number


class CallBooking(Base):
    """What was done to a booking during a call; written in the transaction that did it."""

    __tablename__ = "call_booking"

    id: Mapped[int] = big_id()
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), index=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("booking.id"), index=True)
    verb: Mapped[str]
    at: Mapped[datetime]
    read_back_at: Mapped[datetime | None]  # when the operator had told the caller what was fixed (3-2-G)


# --- Who takes it ----------------------------------------------------------------------------------------------------


class OfferState(StrEnum):
    PENDING = "pending"  # the operator's telephone is being rung
    ACCEPTED = "accepted"  # caller and operator talk
    WRAPPING = "wrapping"  # the talk is over, the operator writes it up
    COMPLETED = "completed"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    RESCINDED = "rescinded"  # the caller hung up first
    FAILED = "failed"  # the operator could not be reached


class Redirect(StrEnum):
    """How far the request is that takes a caller out of the provider's queue. It is sent at most once an offer."""

    DUE = "due"
    SENT = "sent"  # written down before the request leaves; what came of it is not known yet
    DONE = "done"  # the provider said yes; the target's own request shows that it worked
    REFUSED = "refused"  # the provider said no: certainly nothing has happened
    UNKNOWN = "unknown"  # no answer, or an error on the provider's side: it may have happened all the same


LIVE_OFFER = "state IN ('pending', 'accepted')"
BUSY_OPERATOR = "state IN ('pending', 'accepted', 'wrapping')"


class Offer(Base):
    """A call given to an operator. At most one live offer a call, and one unfinished offer an operator."""

    __tablename__ = "offer"
    __table_args__ = (
        one_of("state", OfferState),
        one_of("redirect", Redirect),
        CheckConstraint("(redirect IS NULL OR redirect = 'due') = (redirected_at IS NULL)", name="redirected"),
        Index("ix_offer_account_id_id", "account_id", "id"),
        Index("ix_offer_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_offer_redirect_due", "id", postgresql_where=text("redirect = 'due'")),
        Index("uq_offer_live_call", "call_id", unique=True, postgresql_where=text(LIVE_OFFER)),
        Index("uq_offer_busy_operator", "account_id", unique=True, postgresql_where=text(BUSY_OPERATOR)),
    )

    id: Mapped[int] = big_id()
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("staff_account.id"))
    state: Mapped[str]
    offered_at: Mapped[datetime]
    redirect: Mapped[str | None]  # None: taken by hand, her next wait document lets her leave the queue
    redirected_at: Mapped[datetime | None]
    dialled_at: Mapped[datetime | None]  # when the provider was told to ring the operator
    leg_sid: Mapped[str | None]  # the operator's leg, as soon as anything is told about it
    due_at: Mapped[datetime | None]  # when the line looks after it: ringing too long, or written up too long
    accepted_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]  # when the talk ended, or the offer came to nothing
    completed_at: Mapped[datetime | None]


class Status(StrEnum):
    """What an operator has set for herself. What she is doing (idle, ringing, talking) follows from her offer."""

    OFFLINE = "offline"
    AVAILABLE = "available"
    AWAY = "away"


class AwayReason(StrEnum):
    BREAK = "break"
    TRAINING = "training"
    MEETING = "meeting"
    OTHER_WORK = "other_work"
    MISSED = "missed"  # set by the line: she did not take a call that rang at her desk
    UNREACHABLE = "unreachable"  # set by the line: nothing is heard of her desk any more


class OperatorState(Base):
    """The status of one operator; `next_status` is what she becomes once she is done with the call she is on."""

    __tablename__ = "operator_state"
    __table_args__ = (
        one_of("status", Status),
        one_of("next_status", Status),
        CheckConstraint("(status = 'away') = (reason IS NOT NULL)", name="away_with_a_reason"),
        CheckConstraint("(next_status IS NOT DISTINCT FROM 'away') = (next_reason IS NOT NULL)", name="next_reason"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("staff_account.id"), primary_key=True)
    status: Mapped[str]
    reason: Mapped[str | None]
    since: Mapped[datetime]
    idle_since: Mapped[datetime]  # her place among the free: set by what she did last, kept when a caller hangs up
    next_status: Mapped[str | None]
    next_reason: Mapped[str | None]
    next_by: Mapped[int | None]  # the supervisor who closed her seat meanwhile
    next_why: Mapped[str | None]  # and what for
    heard_at: Mapped[datetime | None]  # last sign of life of her desk, in real time; None: it gives none


class Seat(Base):
    """A desk of the call centre. Open while somebody sits there, on a break or not (F-34)."""

    __tablename__ = "seat"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("staff_account.id"), unique=True)


class SeatChange(StrEnum):
    OPENED = "opened"
    CLOSED = "closed"


class SeatWhy(StrEnum):
    """Why a supervisor opens or closes a seat."""

    ANSWER_RATE = "answer_rate"  # seats follow the calls, so that the target is kept (3-2-J)
    PLAN = "plan"
    SHIFT = "shift"
    TROUBLE = "trouble"
    OTHER = "other"


class SeatEvent(Base):
    """When a seat was opened or closed, by whom and why. Append-only."""

    __tablename__ = "seat_event"
    __table_args__ = (one_of("change", SeatChange),)

    id: Mapped[int] = big_id()
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"))
    change: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("staff_account.id"))  # who sits, or sat, there
    by_account_id: Mapped[int | None] = mapped_column(BigInteger)  # None: the system
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


class SeatPlanStep(Base):
    """How many seats shall be open from a time of day on, on a weekday, from a day on; the newest counts (3-2-C).

    `least` is what the contract allows it to fall to; the difference is a proposal and never taken up by itself.
    """

    __tablename__ = "seat_plan_step"
    __table_args__ = (
        UniqueConstraint("weekday", "valid_from", "starts"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("0 <= least AND least <= seats", name="seats"),
    )

    id: Mapped[int] = big_id()
    weekday: Mapped[int] = mapped_column(SmallInteger)  # 0 = Monday
    valid_from: Mapped[date]
    starts: Mapped[time]
    seats: Mapped[int] = mapped_column(Integer)
    least: Mapped[int] = mapped_column(Integer)


class SeatPlanException(Base):
    """The plan of one day that differs from its weekday's; without a row the weekday's counts again."""

    __tablename__ = "seat_plan_exception"
    __table_args__ = (
        UniqueConstraint("day", "starts"),
        CheckConstraint("0 <= least AND least <= seats", name="seats"),
    )

    id: Mapped[int] = big_id()
    day: Mapped[date]
    starts: Mapped[time]
    seats: Mapped[int] = mapped_column(Integer)
    least: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str]


# --- What the line says, and whether it lives ------------------------------------------------------------------------


class NoticeKind(StrEnum):
    CLOSURE = "closure"  # the line takes no calls meanwhile, and says why
    NOTICE = "notice"  # callers hear it while they wait


class LineNotice(Base):
    """A closure of the line beyond its calendar, or something callers should know, for a while."""

    __tablename__ = "line_notice"
    __table_args__ = (
        one_of("kind", NoticeKind),
        CheckConstraint("ends_at > starts_at", name="in_order"),
        CheckConstraint("length(words) BETWEEN 1 AND 300", name="short"),
    )

    id: Mapped[int] = big_id()
    kind: Mapped[str]
    words: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("staff_account.id"))


class LineProcess(Base):
    """A running line process and when it last looked after the queue, in real time."""

    __tablename__ = "line_process"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    provider_at: Mapped[datetime | None]  # when the provider last answered it
