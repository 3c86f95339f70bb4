"""Alembic's entry: runs the numbered steps on the connection that `migrations/upgrade.py` hands over."""

from alembic import context

import ivr.ledger.models
import ivr.queue.models  # noqa: F401 - the line's tables stand in the same catalogue as the book's
from booking_core.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
