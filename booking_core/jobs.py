"""The ledger of periodic work: each period of each job is done once, however many schedulers start it.

Claim, commit, work, finish. A worker that dies leaves its claim behind; after the lease the period may be taken over.
All instants here are real time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam


@dataclass(frozen=True, slots=True)
class JobClaim:
    """The right to do one period of a job until the lease ends; `claimed_at` tells this claim from a later one."""

    id: int
    kind: str
    period: str
    claimed_at: datetime


def claim_period(db: Connection, kind: str, period: str, *, now: datetime, lease: timedelta) -> JobClaim | None:
    """Take a period of a job, such as `("daily_report", "2025-04-07")`.

    None when it is done, or when somebody is at it whose lease has not ended.
    """
    values = {"kind": kind, "period": period, "now": now, "abandoned": now - lease}
    row = db.execute(_CLAIM, values).one_or_none()
    return JobClaim(row.id, kind, period, row.claimed_at) if row else None


def finish(db: Connection, claim: JobClaim, *, now: datetime, outcome: Mapping[str, Any] | None = None) -> bool:
    """Say that the work is done, in the transaction that does it where that is possible.

    False when the claim was taken over or somebody else has finished: the caller rolls back what it did.
    """
    values = {"id": claim.id, "claimed_at": claim.claimed_at, "now": now, "outcome": dict(outcome or {})}
    return db.execute(_FINISH, values).rowcount > 0


def is_done(db: Connection, kind: str, period: str) -> bool:
    return db.execute(_IS_DONE, {"kind": kind, "period": period}).one_or_none() is not None


def list_done(db: Connection, kind: str, *, since: str) -> list[str]:
    """Return the periods of a job that are done, in order: the newest before `since`, and all from there on."""
    return list(db.execute(_DONE, {"kind": kind, "since": since}).scalars())


_CLAIM = text("""
    INSERT INTO job_run AS run (kind, period, claimed_at) VALUES (:kind, :period, :now)
    ON CONFLICT (kind, period) DO UPDATE SET claimed_at = :now
    WHERE run.done_at IS NULL AND run.claimed_at <= :abandoned
    RETURNING id, claimed_at""")
_FINISH = text("""
    UPDATE job_run SET done_at = :now, outcome = :outcome
    WHERE id = :id AND claimed_at = :claimed_at AND done_at IS NULL""").bindparams(bindparam("outcome", type_=JSONB))
_IS_DONE = text("SELECT id FROM job_run WHERE kind = :kind AND period = :period AND done_at IS NOT NULL")
_DONE = text("""
    (SELECT period FROM job_run WHERE kind = :kind AND period < :since AND done_at IS NOT NULL
     ORDER BY period DESC LIMIT 1)
    UNION ALL SELECT period FROM job_run WHERE kind = :kind AND period >= :since AND done_at IS NOT NULL
    ORDER BY period""")
