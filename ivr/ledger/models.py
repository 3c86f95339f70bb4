"""The ledger's rows: one for each call that has ended, and one for each change of an operator.

Neither says who called, and neither needs the call's own row any more, which goes when its number has to go. The
application can add to both; of a call's row it can only complete what comes after the call (wrap-up, main reason, a
call back), never when it came, how it ended or who answered.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from booking_core.models import Base, big_id, one_of
from ivr.queue.models import MainReason, OfferState, Outcome, Status, Topic


class Place(StrEnum):
    """Where a caller was when she hung up before a person had answered."""

    IVR = "ivr"  # in the greeting or the menu
    QUEUE = "queue"
    RINGING = "ringing"  # an operator was being connected


class CallFacts(Base):
    """A call that has ended, as reports see it. Durations are whole microseconds, so that sums are exact.

    `call_id` is None for a call of an imported list. `offers` counts how often it was given to an operator;
    `account_id` is who answered first. `wait_us` runs from the queue's entry to the answer or the end; `talk_us` and
    `wrap_up_us` are None without a talk, `wrap_up_us` also while somebody still writes the call up.
    """

    __tablename__ = "call_facts"
    __table_args__ = (
        one_of("outcome", Outcome),
        one_of("place", Place),
        one_of("topic", Topic),
        one_of("main_reason", MainReason),
        CheckConstraint("(outcome = 'answered') = (answered_at IS NOT NULL)", name="answered_by_somebody"),
        CheckConstraint("(outcome = 'closed') <= (NOT in_hours)", name="closed_outside_the_hours"),
        CheckConstraint(
            "(outcome IN ('abandoned_ivr', 'abandoned_queue')) = (place IS NOT NULL)", name="left_somewhere"
        ),
        CheckConstraint("(place = 'ivr') <= (enqueued_at IS NULL)", name="left_before_the_queue"),
        CheckConstraint("(wait_us IS NULL) = (enqueued_at IS NULL)", name="waits_in_the_queue"),
        CheckConstraint("wait_us >= 0 AND talk_us >= 0 AND wrap_up_us >= 0", name="no_time_runs_back"),
    )

    id: Mapped[int] = big_id()
    call_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    call_sid: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    in_hours: Mapped[bool]
    enqueued_at: Mapped[datetime | None]
    first_offered_at: Mapped[datetime | None]
    offers: Mapped[int]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime]
    outcome: Mapped[str]
    place: Mapped[str | None]
    topic: Mapped[str | None]
    main_reason: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("staff_account.id"))
    wait_us: Mapped[int | None] = mapped_column(BigInteger)
    talk_us: Mapped[int | None] = mapped_column(BigInteger)
    wrap_up_us: Mapped[int | None] = mapped_column(BigInteger)
    self_served: Mapped[bool]  # done to a commit by keypad, without a person; nobody can yet
    called_back_at: Mapped[datetime | None]  # when a call back reached her; nobody is called back yet


class OperatorEvent(Base):
    """What an operator is from a moment on: her status, and how the newest offer to her stands. Append-only."""

    __tablename__ = "operator_event"
    __table_args__ = (
        one_of("status", Status),
        one_of("offer_state", OfferState),
        CheckConstraint("num_nulls(offer_id, call_id, offer_state) IN (0, 3)", name="offer_with_its_state"),
        Index("ix_operator_event_account_id_id", "account_id", "id"),
    )

    id: Mapped[int] = big_id()
    account_id: Mapped[int] = mapped_column(ForeignKey("staff_account.id"))
    at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[str]
    reason: Mapped[str | None]
    offer_id: Mapped[int | None] = mapped_column(BigInteger)
    call_id: Mapped[int | None] = mapped_column(BigInteger)
    offer_state: Mapped[str | None]
