"""Members of staff who are signed in, each at one door. All instants here are real time."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, text

IDLE = timedelta(minutes=60)
LONGEST = timedelta(hours=12)
TOUCHED_EVERY = timedelta(minutes=1)
LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True)
class StaffSessionView:
    """A session that is still good, and who is in it. `venue_id` is None for those who belong to no single venue."""

    account_id: int
    role: str
    display_name: str
    venue_id: int | None
    venue_name: str | None
    expires_at: datetime


def open_session(db: Connection, account_id: int, *, door: str, source: str | None, now: datetime) -> str:
    """Sign an account in at a door and return the token for its cookie: 256 random bits."""
    token = secrets.token_urlsafe(32)
    values = {"digest": token_digest(token), "account_id": account_id, "door": door, "source": source, "now": now}
    db.execute(_OPEN, values)
    return token


def find_session(db: Connection, token: str, *, door: str, now: datetime, touch: bool) -> StaffSessionView | None:
    """Return the session of this token at this door, or None: unknown, idle for an hour, 12 hours old, deactivated.

    `touch` says whether this request is the person's own doing. A screen that polls passes False, so that a desk left
    alone signs itself out.
    """
    if not token or len(token) > LONGEST_TOKEN:
        return None
    digest = token_digest(token)
    limits = {"digest": digest, "door": door, "seen_after": now - IDLE, "created_after": now - LONGEST}
    row = db.execute(_FIND, limits).one_or_none()
    if row is None:
        return None
    seen_at = row.seen_at
    if touch and now - seen_at >= TOUCHED_EVERY:
        db.execute(_TOUCH, {"digest": digest, "now": now})
        seen_at = now
    ends = min(seen_at + IDLE, row.created_at + LONGEST)
    return StaffSessionView(row.account_id, row.role, row.display_name, row.venue_id, row.venue_name, ends)


def list_at_door(db: Connection, door: str, *, now: datetime) -> set[int]:
    """Return the accounts that have a session at a door which is still good."""
    limits = {"door": door, "seen_after": now - IDLE, "created_after": now - LONGEST}
    return set(db.execute(_AT_DOOR, limits).scalars())


def close_session(db: Connection, token: str) -> None:
    """Sign out. A token that is not known any more is none the worse."""
    db.execute(_CLOSE, {"digest": token_digest(token)})


def close_all_of(db: Connection, account_id: int) -> int:
    """Sign an account out at every door; return how many sessions there were."""
    return db.execute(_CLOSE_ALL, {"account_id": account_id}).rowcount


def drop_expired(db: Connection, *, now: datetime) -> int:
    """Delete sessions that can not be used any more; return how many."""
    return db.execute(_DROP, {"seen_before": now - IDLE, "created_before": now - LONGEST}).rowcount


def token_digest(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()


_OPEN = text("""
    INSERT INTO staff_session (token_digest, account_id, door, source, created_at, seen_at)
    VALUES (:digest, :account_id, :door, :source, :now, :now)""")
_FIND = text("""
    SELECT s.account_id, s.created_at, s.seen_at, a.role, a.display_name, a.venue_id, v.name AS venue_name
    FROM staff_session s
    JOIN staff_account a ON a.id = s.account_id AND a.active
    LEFT JOIN venue v ON v.id = a.venue_id
    WHERE s.token_digest = :digest AND s.door = :door
      AND s.seen_at > :seen_after AND s.created_at > :created_after""")
_AT_DOOR = text("""
    SELECT account_id FROM staff_session
    WHERE door = :door AND seen_at > :seen_after AND created_at > :created_after""")
_TOUCH = text("UPDATE staff_session SET seen_at = :now WHERE token_digest = :digest AND seen_at < :now")
_CLOSE = text("DELETE FROM staff_session WHERE token_digest = :digest")
_CLOSE_ALL = text("DELETE FROM staff_session WHERE account_id = :account_id")
_DROP = text("DELETE FROM staff_session WHERE seen_at <= :seen_before OR created_at <= :created_before")
