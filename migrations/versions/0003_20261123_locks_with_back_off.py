"""Failed log-ins with back-off, one counter for citizens and staff; indexes for the staff's lists

The old counters were per number and per account and hold nothing worth keeping: a lock lasts a quarter of an hour.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("credential_lock")
    op.create_table(
        "credential_lock",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("recent", sa.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("locks", sa.SmallInteger(), nullable=False),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_credential_lock")),
    )
    op.create_index(op.f("ix_credential_lock_last_failure_at"), "credential_lock", ["last_failure_at"])
    op.drop_column("staff_account", "failures")
    op.drop_column("staff_account", "locked_until")
    op.create_unique_constraint(op.f("uq_audit_seal_previous"), "audit_seal", ["previous"])
    op.create_index(op.f("ix_audit_seal_sealed_at"), "audit_seal", ["sealed_at"])
    op.create_index("ix_slot_starts_at", "slot", ["starts_at"])
    op.create_index("ix_slot_venue_id_starts_at", "slot", ["venue_id", "starts_at"])
    for table in ("card", "booking"):
        op.drop_index(f"ix_{table}_kana_key", table_name=table)
        op.create_index(f"ix_{table}_kana_key", table, ["kana_key"], postgresql_ops={"kana_key": "text_pattern_ops"})


def downgrade() -> None:
    for table in ("card", "booking"):
        op.drop_index(f"ix_{table}_kana_key", table_name=table)
        op.create_index(f"ix_{table}_kana_key", table, ["kana_key"])
    op.drop_index("ix_slot_venue_id_starts_at", table_name="slot")
    op.drop_index("ix_slot_starts_at", table_name="slot")
    op.drop_index(op.f("ix_audit_seal_sealed_at"), table_name="audit_seal")
    op.drop_constraint(op.f("uq_audit_seal_previous"), "audit_seal", type_="unique")
    op.add_column("staff_account", sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "staff_account", sa.Column("failures", sa.SmallInteger(), server_default=sa.text("'0'"), nullable=False)
    )
    op.drop_table("credential_lock")
    op.create_table(
        "credential_lock",
        sa.Column("number_digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number_digest", name=op.f("pk_credential_lock")),
    )
