"""The telephone line: calls and their events, offers, operators, seats

The application can add to what happened on the line, and cannot rewrite it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = ("call_event", "seat_event")


def upgrade() -> None:
    op.create_table(
        "call_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_event")),
        sa.UniqueConstraint("call_sid", "leg", "event", "token", name=op.f("uq_call_event_call_sid_leg_event_token")),
    )
    op.create_index(op.f("ix_call_event_at"), "call_event", ["at"], unique=False)
    op.create_table(
        "call",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("from_number", sa.Text(), nullable=True),
        sa.Column("to_number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offerable_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position_said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("identified_card_id", sa.BigInteger(), nullable=True),
        sa.Column("identified_by", sa.Text(), nullable=True),
        sa.Column("main_reason", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'answered') <= (answered_at IS NOT NULL)", name=op.f("ck_call_answered_by_somebody")
        ),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_call_ended")),
        sa.CheckConstraint(
            "main_reason IN ('new_booking', 'change', 'cancellation', 'question', 'complaint', 'not_for_us', 'nothing_heard', 'other')",
            name=op.f("ck_call_main_reason_known"),
        ),
        sa.CheckConstraint(
            "outcome IN ('answered', 'abandoned_ivr', 'abandoned_queue', 'closed', 'failed')",
            name=op.f("ck_call_outcome_known"),
        ),
        sa.CheckConstraint("state <> 'ended' OR outcome IS NOT NULL", name=op.f("ck_call_outcome_at_the_end")),
        sa.CheckConstraint(
            "state IN ('received', 'ivr', 'queued', 'offering', 'connected', 'ended')", name=op.f("ck_call_state_known")
        ),
        sa.CheckConstraint("(closed_at IS NULL) = (main_reason IS NULL)", name=op.f("ck_call_closed_with_a_reason")),
        sa.CheckConstraint("(identified_card_id IS NULL) = (identified_by IS NULL)", name=op.f("ck_call_identified")),
        sa.ForeignKeyConstraint(["closed_by"], ["staff_account.id"], name=op.f("fk_call_closed_by")),
        sa.ForeignKeyConstraint(["identified_card_id"], ["card.id"], name=op.f("fk_call_identified_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("call_sid", name=op.f("uq_call_call_sid")),
    )
    op.create_index(op.f("ix_call_received_at"), "call", ["received_at"], unique=False)
    op.create_index(
        "ix_call_waiting", "call", ["enqueued_at"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_table(
        "operator_state",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_status", sa.Text(), nullable=True),
        sa.Column("next_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(next_status IS NOT DISTINCT FROM 'away') = (next_reason IS NOT NULL)",
            name=op.f("ck_operator_state_next_reason"),
        ),
        sa.CheckConstraint(
            "(status = 'away') = (reason IS NOT NULL)", name=op.f("ck_operator_state_away_with_a_reason")
        ),
        sa.CheckConstraint(
            "next_status IN ('offline', 'available', 'away')", name=op.f("ck_operator_state_next_status_known")
        ),
        sa.CheckConstraint("status IN ('offline', 'available', 'away')", name=op.f("ck_operator_state_status_known")),
        sa.ForeignKeyConstraint(["account_id"], ["staff_account.id"], name=op.f("fk_operator_state_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_operator_state")),
    )
    op.create_table(
        "seat",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["staff_account.id"], name=op.f("fk_seat_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sa.UniqueConstraint("account_id", name=op.f("uq_seat_account_id")),
        sa.UniqueConstraint("number", name=op.f("uq_seat_number")),
    )
    op.create_table(
        "offer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dialled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'accepted', 'wrapping', 'completed', 'declined', 'timed_out', 'rescinded', 'failed')",
            name=op.f("ck_offer_state_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["staff_account.id"], name=op.f("fk_offer_account_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_offer_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
    )
    op.create_index(op.f("ix_offer_call_id"), "offer", ["call_id"], unique=False)
    op.create_index(
        "uq_offer_busy_operator",
        "offer",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('pending', 'accepted', 'wrapping')"),
    )
    op.create_index(
        "uq_offer_live_call",
        "offer",
        ["call_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('pending', 'accepted')"),
    )
    op.create_table(
        "seat_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("seat_id", sa.Integer(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("by_account_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("change IN ('opened', 'closed')", name=op.f("ck_seat_event_change_known")),
        sa.ForeignKeyConstraint(["account_id"], ["staff_account.id"], name=op.f("fk_seat_event_account_id")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_seat_event_seat_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_event")),
    )
    op.create_index(op.f("ix_seat_event_at"), "seat_event", ["at"], unique=False)
    op.create_table(
        "call_booking",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_call_booking_booking_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_booking_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_booking")),
    )
    op.create_index(op.f("ix_call_booking_booking_id"), "call_booking", ["booking_id"], unique=False)
    op.create_index(op.f("ix_call_booking_call_id"), "call_booking", ["call_id"], unique=False)
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(APPEND_ONLY)} FROM madoguchi_app")


def downgrade() -> None:
    op.drop_table("call_booking")
    op.drop_table("seat_event")
    op.drop_table("offer")
    op.drop_table("seat")
    op.drop_table("operator_state")
    op.drop_table("call")
    op.drop_table("call_event")
