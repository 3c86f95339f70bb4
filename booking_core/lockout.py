"""Failed log-ins, counted so that nobody can guess faster by guessing in parallel.

One row for each number or login that was ever tried, known or not, under a digest. A try is counted before it is
judged and holds its row until its transaction ends: tries on one number are judged one after the other, by all doors
together. All instants here are real time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

TRIES = 5
"""So many wrong tries within `WINDOW` lock; each further run of as many doubles the lock (3-1-C-xvi-d(b))."""

WINDOW = timedelta(minutes=15)
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
REMEMBERED = timedelta(hours=24)
"""How long after the last failure a number starts afresh."""


@dataclass(frozen=True, slots=True)
class Tries:
    """What is known of one number when a try on it is judged.

    Attributes:
        recent: instants of the wrong tries that count towards the next lock, oldest first.
        locks: how often it was locked since the last success.
    """

    recent: tuple[datetime, ...] = ()
    locks: int = 0
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until


def after_failure(tries: Tries, now: datetime) -> Tries:
    """Return the state after one more wrong try: locked when it is the fifth within a quarter of an hour."""
    recent = (*(instant for instant in tries.recent if instant > now - WINDOW), now)
    if len(recent) < TRIES:
        return Tries(recent, tries.locks, tries.locked_until)
    return Tries((), tries.locks + 1, now + lock_length(tries.locks))


def lock_length(locks_before: int) -> timedelta:
    """Return how long the next lock lasts: twice the one before, a day at most."""
    doubled = FIRST_LOCK * (1 << min(locks_before, 10))
    return min(doubled, LONGEST_LOCK)


def begin_try(db: Connection, digest: bytes, *, now: datetime) -> Tries:
    """Count a try, as failed until proven otherwise, and return what was known before it.

    The row stays locked until the caller's transaction ends. A try while the number is locked is counted, but does not
    make the lock longer: otherwise a stranger could keep a citizen out for a day within a second.
    """
    row = db.execute(_COUNT, {"digest": digest, "now": now}).one()
    return Tries(tuple(row.recent), row.locks, row.locked_until)


def fail(db: Connection, digest: bytes, tries: Tries, *, now: datetime) -> datetime | None:
    """Keep the wrong try; return until when the number is locked if this try locked it."""
    after = after_failure(tries, now)
    state = {"digest": digest, "recent": list(after.recent), "locks": after.locks, "until": after.locked_until}
    db.execute(_FAIL, state)
    return after.locked_until if after.locks > tries.locks else None


def clear(db: Connection, digest: bytes) -> int:
    """Forget all failures, after a success or when staff lift a lock; return how many tries there had been."""
    return db.execute(_CLEAR, {"digest": digest}).scalar_one_or_none() or 0


def list_locked(db: Connection, digests: Sequence[bytes], *, now: datetime) -> dict[bytes, datetime]:
    """Return until when each of these is locked; those that are not are left out."""
    rows = db.execute(_LOCKED, {"digests": list(digests), "now": now})
    return {bytes(row.digest): row.locked_until for row in rows}


def forget_old(db: Connection, *, now: datetime) -> int:
    """Delete the counters nobody has touched for a day: strangers can make any number of them."""
    return db.execute(_FORGET, {"now": now, "before": now - REMEMBERED}).rowcount


_COUNT = text("""
    INSERT INTO credential_lock AS known (digest, failures, recent, locks, last_failure_at)
    VALUES (:digest, 1, '{}', 0, :now)
    ON CONFLICT (digest) DO UPDATE SET failures = known.failures + 1, last_failure_at = :now
    RETURNING recent, locks, locked_until""")
_FAIL = text("""
    UPDATE credential_lock
    SET recent = CAST(:recent AS timestamptz[]), locks = :locks, locked_until = CAST(:until AS timestamptz)
    WHERE digest = :digest""")
_CLEAR = text("DELETE FROM credential_lock WHERE digest = :digest RETURNING failures")
_LOCKED = text("""
    SELECT digest, locked_until FROM credential_lock WHERE digest = ANY(:digests) AND locked_until > :now""")
_FORGET = text("""
    DELETE FROM credential_lock
    WHERE last_failure_at < :before AND (locked_until IS NULL OR locked_until <= :now)""")
