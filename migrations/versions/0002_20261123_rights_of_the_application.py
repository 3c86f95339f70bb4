"""The application's role: it works on the book, and cannot rewrite what it recorded

The role exists once in a cluster, however many databases use it. Whoever may not create roles (a managed database) asks
the administrator for it and for membership in it beforehand; the step then only hands out the rights.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("audit", "audit_personal", "audit_seal", "booking_change")


def upgrade() -> None:
    op.execute("""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'madoguchi_app') THEN
                CREATE ROLE madoguchi_app NOLOGIN;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database's step was quicker
        END $$""")
    op.execute("""
        DO $$ BEGIN
            IF NOT pg_has_role('madoguchi_app', 'MEMBER') THEN
                GRANT madoguchi_app TO CURRENT_USER;
            END IF;
        END $$""")
    op.execute("GRANT USAGE ON SCHEMA public TO madoguchi_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO madoguchi_app")
    op.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO madoguchi_app")
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO madoguchi_app"
    )
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO madoguchi_app")
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(APPEND_ONLY)} FROM madoguchi_app")
    op.execute("REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM madoguchi_app")


def downgrade() -> None:
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM madoguchi_app"
    )
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE, SELECT ON SEQUENCES FROM madoguchi_app")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM madoguchi_app")
    op.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM madoguchi_app")
    op.execute("REVOKE USAGE ON SCHEMA public FROM madoguchi_app")
