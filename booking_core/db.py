"""Engine and unit of work: the one place that opens, commits, rolls back and tries again."""

from collections.abc import Callable
from typing import TypeVar

from psycopg import errors
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from booking_core.refusal import Reason, Refusal

T = TypeVar("T")

APP_ROLE = "madoguchi_app"
"""The database role of every running process. It cannot update or delete audit rows, call events or booking changes."""

ATTEMPTS = 5
"""How often a unit of work is run before the answer is "busy"."""

_RERUN = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
"""After these the whole work runs again: its first reads now see what the other party did, and answer from that."""


class StaleRead(Exception):  # noqa: N818 - it reports an event, and never reaches anyone but `in_transaction`
    """What was read before a lock was not true any more under it; the work must start afresh, holding nothing."""


def make_engine(
    url: str,
    *,
    role: str | None = APP_ROLE,
    pool_size: int = 10,
    lock_timeout_ms: int = 4_000,
    statement_timeout_ms: int = 20_000,
) -> Engine:
    """Return an engine whose every connection is READ COMMITTED, short of patience and, by default, of few rights.

    Args:
        url: `postgresql+psycopg://…`
        role: the database role each connection takes on; None keeps the log-in's own (migrations, seeds).
        pool_size: connections kept open; half as many more may be opened under load.
        lock_timeout_ms: how long a statement waits for a lock; then the answer is "busy".
        statement_timeout_ms: how long one statement may run at all.
    """
    options = {
        "lock_timeout": lock_timeout_ms,
        "statement_timeout": statement_timeout_ms,
        "idle_in_transaction_session_timeout": 30_000,
        "timezone": "UTC",
    } | ({"role": role} if role else {})
    return create_engine(
        url,
        isolation_level="READ COMMITTED",
        hide_parameters=True,  # an error goes to the log, and what a citizen typed must not go with it
        pool_size=pool_size,
        max_overflow=pool_size // 2,
        pool_timeout=10,
        pool_recycle=1_800,
        connect_args={"options": " ".join(f"-c {name}={value}" for name, value in options.items())},
    )


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T | Refusal:
    """Run `work` in one transaction and return its answer, committed.

    A `Refusal` rolls everything back, unless it says that what it counted must stay. When another transaction got in
    between (a unique index said no, a stale read, a deadlock) the whole work is run again from its first read, holding
    no lock. A lock time-out, and work that never gets through, end as the refusal "busy".

    Raises:
        DBAPIError: any other database error, and a unique index that goes on saying no although the work read afresh:
            both are bugs, and must not be dressed up as "busy".
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with engine.connect() as db, db.begin() as transaction:
                answer = work(db)
                if isinstance(answer, Refusal) and not answer.keeps_count:
                    transaction.rollback()
                return answer
        except StaleRead:
            continue
        except DBAPIError as error:
            if isinstance(error.orig, errors.LockNotAvailable):
                return Refusal(Reason.BUSY)
            given_up = attempt == ATTEMPTS and isinstance(error.orig, errors.UniqueViolation)
            if given_up or not isinstance(error.orig, _RERUN):
                raise
    return Refusal(Reason.BUSY)
