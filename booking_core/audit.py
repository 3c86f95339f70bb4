"""The audit trail: written in the transaction of what it records, sealed afterwards into a tamper-evident chain.

An audit row holds no personal value. What a person typed lies in a side table that can be erased; the row keeps a
salted hash of it, so that the chain still holds after the erasure.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from booking_core.actors import Actor


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One recorded act.

    Attributes:
        verb: what was done, such as `book`, `sign_in`, `settings.change`.
        target: to what, such as `booking:17`; None while the statement that writes it still has to make the row.
        detail: figures that are no personal values. What was done in a telephone call carries its id as `call`, too.
        personal: values of the citizen, kept apart from the row.
    """

    by: Actor
    verb: str
    target: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, str | None] = field(default_factory=dict)

    def parameters(self, now: datetime) -> dict[str, Any]:
        """Return the bound values of `insert_sql`."""
        salt, content, digest = _sealed_apart(self.personal)
        in_call = {} if self.by.call_id is None else {"call": self.by.call_id}
        return {
            "audit_at": now,
            "actor_kind": self.by.kind,
            "actor_id": self.by.id,
            "on_behalf_of": self.by.on_behalf_of,
            "channel": self.by.channel,
            "identified_by": self.by.identified_by,
            "source": self.by.source,
            "audit_verb": self.verb,
            "audit_target": self.target,
            "audit_detail": json.dumps({**in_call, **self.detail}, ensure_ascii=False, default=str),
            "personal_salt": salt,
            "personal_content": content,
            "personal_digest": digest,
        }


def _sealed_apart(personal: Mapping[str, str | None]) -> tuple[bytes | None, str | None, bytes | None]:
    known = {key: value for key, value in personal.items() if value}
    if not known:
        return None, None, None
    salt = secrets.token_bytes(16)
    content = json.dumps(known, ensure_ascii=False, sort_keys=True)
    return salt, content, personal_digest(salt, content)


def personal_digest(salt: bytes, content: str) -> bytes:
    return sha256(salt + content.encode()).digest()


def insert_sql(*, target: str = "CAST(:audit_target AS text)", rows: str = "") -> str:
    """Return two CTEs, `logged` and `kept_apart`, that write one audit row for each row of `rows`.

    Args:
        target: SQL for what was acted on; it may name columns of `rows`.
        rows: a FROM clause, so that a writer's own statement can carry its audit row along in one round trip.
    """
    return f"""
    logged AS (
        INSERT INTO audit (at, actor_kind, actor_id, on_behalf_of, channel, identified_by, source,
                           verb, target, detail, personal_digest)
        SELECT CAST(:audit_at AS timestamptz), :actor_kind, CAST(:actor_id AS bigint), CAST(:on_behalf_of AS text),
               :channel, :identified_by, CAST(:source AS text), :audit_verb, {target},
               CAST(:audit_detail AS jsonb), CAST(:personal_digest AS bytea)
        {rows}
        RETURNING id
    ), kept_apart AS (
        INSERT INTO audit_personal (audit_id, salt, content)
        SELECT id, CAST(:personal_salt AS bytea), CAST(:personal_content AS text)
        FROM logged WHERE CAST(:personal_content AS text) IS NOT NULL
    )"""  # noqa: S608 - both arguments are written in this program, never read from input


_RECORD = text(f"WITH {insert_sql()} SELECT id FROM logged")  # noqa: S608 - see insert_sql


def record(db: Connection, entry: AuditEntry, *, now: datetime) -> int:
    """Write one audit row in the caller's transaction and return its id."""
    return int(db.execute(_RECORD, entry.parameters(now)).scalar_one())


def newest_instant(db: Connection) -> datetime | None:
    """Return the latest business instant the book knows of: a demo's clock must never start before it."""
    found: datetime | None = db.execute(text("SELECT max(at) FROM audit")).scalar_one()
    return found
