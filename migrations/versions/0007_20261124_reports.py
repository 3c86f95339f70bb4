"""Reports that were made; faults that go on; whose doing it is that a seat closes after the call; the provider's sign"""

from alembic import op

revision = "0007"
down_revision = "0006"
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
        CONSTRAINT uq_report_day UNIQUE (day));
    CREATE TABLE alarm_latch (
        kind text NOT NULL,
        noticed_at timestamptz NOT NULL,
        raised_at timestamptz,
        CONSTRAINT pk_alarm_latch PRIMARY KEY (kind));
    ALTER TABLE operator_state ADD COLUMN next_by integer, ADD COLUMN next_why text;
    ALTER TABLE line_process ADD COLUMN provider_at timestamptz"""


def upgrade() -> None:
    for statement in TABLES.split(";"):
        op.execute(statement)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON report FROM madoguchi_app")


def downgrade() -> None:
    op.execute("ALTER TABLE line_process DROP COLUMN provider_at")
    op.execute("ALTER TABLE operator_state DROP COLUMN next_why, DROP COLUMN next_by")
    op.execute("DROP TABLE alarm_latch, report")
