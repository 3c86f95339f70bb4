"""Things to be sent once the transaction that wrote them stands: a write leaves a row, a worker claims the row.

A worker that dies leaves its claim behind; after the lease somebody else takes it. So a message is sent at least once,
and twice only if a worker dies between sending and saying so. All instants here are real time, but for `business_now`:
under that the alarm stands, as all alarms do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from booking_core.alarms import raise_alarm

MOST_ATTEMPTS = 8
LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that is this worker's to send until the lease ends. `attempt` counts from 1 and tells claims apart."""

    id: int
    kind: str
    content: Mapping[str, Any]
    attempt: int


def put(
    db: Connection,
    kind: str,
    dedup_key: str,
    content: Mapping[str, Any],
    *,
    now: datetime,
    due_at: datetime | None = None,
) -> bool:
    """Leave something to be sent, now or from `due_at` on; tell whether it is new. One key is sent once, for ever."""
    values = {"kind": kind, "dedup_key": dedup_key, "content": dict(content), "due_at": due_at or now}
    return db.execute(_PUT, values).rowcount > 0


def claim_due(
    db: Connection,
    *,
    now: datetime,
    business_now: datetime,
    limit: int,
    lease_seconds: float,
    kind: str | None = None,
) -> list[ClaimedMessage]:
    """Take up to `limit` messages that are due and nobody else's, oldest first.

    The caller commits before it sends. Messages whose last claim ran out with no attempts left are given up here.
    """
    abandoned = now - timedelta(seconds=lease_seconds)
    for row in db.execute(_GIVE_UP_ABANDONED, {"now": now, "abandoned": abandoned, "most": MOST_ATTEMPTS}):
        _alarm(db, row.kind, "送信の途中で、プログラムが繰り返し止まりました。", now=business_now)
    rows = db.execute(_CLAIM, {"now": now, "abandoned": abandoned, "limit": limit, "kind": kind})
    return sorted((ClaimedMessage(*row) for row in rows), key=lambda message: message.id)


def mark_sent(db: Connection, message: ClaimedMessage, *, now: datetime) -> bool:
    """Say that a message was sent; tell whether that was news. True whoever holds the claim now: it is out."""
    return db.execute(_SENT, {"id": message.id, "now": now}).rowcount > 0


def mark_failed(
    db: Connection,
    message: ClaimedMessage,
    error: str,
    *,
    retry_at: datetime | None,
    now: datetime,
    business_now: datetime,
) -> bool:
    """Say that a message could not be sent; tell whether it will be tried again.

    `retry_at` is None when trying again is of no use. A message is given up then, or after the last attempt, and an
    alarm is raised. A claim that somebody else has taken over meanwhile changes nothing.
    """
    again = retry_at is not None and message.attempt < MOST_ATTEMPTS
    values = {
        "id": message.id,
        "attempt": message.attempt,
        "error": error[:LONGEST_ERROR],
        "retry_at": retry_at if again else None,
        "now": now,
    }
    ours = db.execute(_FAILED, values).rowcount > 0
    if ours and not again:
        _alarm(db, message.kind, f"{message.attempt}回試して、送れませんでした。", now=business_now)
    return ours and again


def _alarm(db: Connection, kind: str, why: str, *, now: datetime) -> None:
    raise_alarm(db, f"outbox.{kind}", f"送信（{kind}）をあきらめました。{why}送り先と設定を確かめてください。", now=now)


_PUT = text("""
    INSERT INTO outbox (kind, dedup_key, content, due_at) VALUES (:kind, :dedup_key, :content, :due_at)
    ON CONFLICT (dedup_key) DO NOTHING""").bindparams(bindparam("content", type_=JSONB))
_GIVE_UP_ABANDONED = text("""
    UPDATE outbox SET failed_at = :now, last_error = coalesce(last_error, 'the claim ran out')
    WHERE sent_at IS NULL AND failed_at IS NULL AND attempts >= :most AND claimed_at <= :abandoned
    RETURNING kind""")
_CLAIM = text("""
    UPDATE outbox SET claimed_at = :now, attempts = attempts + 1
    WHERE id IN (
        SELECT id FROM outbox
        WHERE sent_at IS NULL AND failed_at IS NULL AND due_at <= :now
          AND (claimed_at IS NULL OR claimed_at <= :abandoned)
          AND (CAST(:kind AS text) IS NULL OR kind = :kind)
        ORDER BY due_at, id LIMIT :limit
        FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, content, attempts""")
_SENT = text("UPDATE outbox SET sent_at = :now, last_error = NULL WHERE id = :id AND sent_at IS NULL")
_FAILED = text("""
    UPDATE outbox
    SET claimed_at = NULL, last_error = :error, due_at = coalesce(CAST(:retry_at AS timestamptz), due_at),
        failed_at = CASE WHEN CAST(:retry_at AS timestamptz) IS NULL THEN CAST(:now AS timestamptz) END
    WHERE id = :id AND attempts = :attempt AND sent_at IS NULL AND failed_at IS NULL""")
