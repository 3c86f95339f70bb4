"""Reports that were made, kept as they were said"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
    CREATE TABLE report (
        id bigint GENERATED ALWAYS AS IDENTITY,
        day date NOT NULL,
        cut_off timestamptz NOT NULL,
        made_at timestamptz NOT NULL,
        form smallint NOT NULL,
        content text NOT NULL,
        digest text NOT NULL,
        CONSTRAINT pk_report PRIMARY KEY (id),
        CONSTRAINT uq_report_day UNIQUE (day))"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON report FROM madoguchi_app")


def downgrade() -> None:
    op.execute("DROP TABLE report")
