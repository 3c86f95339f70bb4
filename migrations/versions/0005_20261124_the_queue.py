"""The queue by itself: redirects and timers of offers, who is idle and heard of, topics, notices, the line's process"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call", sa.Column("topic", sa.Text(), nullable=True))
    op.add_column("call", sa.Column("wrong_keys", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_call_topic_known"), "call", "topic IN ('delivery', 'other_service', 'change')")
    op.add_column("offer", sa.Column("redirect", sa.Text(), nullable=True))
    op.add_column("offer", sa.Column("redirected_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("offer", sa.Column("leg_sid", sa.Text(), nullable=True))
    op.add_column("offer", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_offer_redirect_known"), "offer", "redirect IN ('due', 'sent', 'done', 'refused', 'unknown')"
    )
    op.create_check_constraint(
        op.f("ck_offer_redirected"), "offer", "(redirect IS NULL OR redirect = 'due') = (redirected_at IS NULL)"
    )
    op.create_index("ix_offer_due", "offer", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("ix_offer_redirect_due", "offer", ["id"], postgresql_where=sa.text("redirect = 'due'"))
    op.add_column("operator_state", sa.Column("idle_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE operator_state SET idle_since = since")
    op.alter_column("operator_state", "idle_since", nullable=False)
    op.add_column("operator_state", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "line_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_line_notice_in_order")),
        sa.CheckConstraint("kind IN ('closure', 'notice')", name=op.f("ck_line_notice_kind_known")),
        sa.CheckConstraint("length(words) BETWEEN 1 AND 300", name=op.f("ck_line_notice_short")),
        sa.ForeignKeyConstraint(["created_by"], ["staff_account.id"], name=op.f("fk_line_notice_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_notice")),
    )
    op.create_index(op.f("ix_line_notice_ends_at"), "line_notice", ["ends_at"], unique=False)
    op.create_table(
        "line_process",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_line_process")),
    )


def downgrade() -> None:
    op.drop_table("line_process")
    op.drop_table("line_notice")
    op.drop_column("operator_state", "heard_at")
    op.drop_column("operator_state", "idle_since")
    op.drop_index("ix_offer_redirect_due", "offer")
    op.drop_index("ix_offer_due", "offer")
    for name in ("due_at", "leg_sid", "redirected_at", "redirect"):
        op.drop_column("offer", name)
    op.drop_column("call", "wrong_keys")
    op.drop_column("call", "topic")
