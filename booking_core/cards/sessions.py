"""Citizens who are logged in with number and password. All instants here are real time.

The cookie holds a random token; the database holds only its digest, so that a copy of the database opens no session.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, text

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=4)
TOUCHED_EVERY = timedelta(minutes=1)
"""How exactly the last request is remembered: reading a session must not cost a write each time."""

LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True)
class CitizenSessionView:
    """A session that is still good, and until when if nothing more is done in it."""

    card_id: int
    expires_at: datetime


def open_session(db: Connection, card_id: int, *, now: datetime) -> str:
    """Log a card's citizen in and return the token for her cookie: 256 random bits."""
    token = secrets.token_urlsafe(32)
    db.execute(_OPEN, {"digest": token_digest(token), "card_id": card_id, "now": now})
    return token


def find_session(db: Connection, token: str, *, now: datetime) -> CitizenSessionView | None:
    """Return the session of this token, or None when there is none, it was idle for 30 minutes or is 4 hours old.

    One statement and no write, once a minute one write more; made for a connection in autocommit.
    """
    if not token or len(token) > LONGEST_TOKEN:
        return None
    limits = {"digest": token_digest(token), "seen_after": now - IDLE, "created_after": now - LONGEST}
    row = db.execute(_FIND, limits).one_or_none()
    if row is None:
        return None
    seen_at = row.seen_at
    if now - seen_at >= TOUCHED_EVERY:
        db.execute(_TOUCH, {"digest": limits["digest"], "now": now})
        seen_at = now
    return CitizenSessionView(row.card_id, min(seen_at + IDLE, row.created_at + LONGEST))


def close_session(db: Connection, token: str) -> None:
    """Log out. A token that is not known any more is none the worse."""
    db.execute(_CLOSE, {"digest": token_digest(token)})


def drop_expired(db: Connection, *, now: datetime) -> int:
    """Delete sessions that can not be used any more; return how many."""
    return db.execute(_DROP, {"seen_before": now - IDLE, "created_before": now - LONGEST}).rowcount


def token_digest(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()


_OPEN = text("""
    INSERT INTO citizen_session (token_digest, card_id, created_at, seen_at) VALUES (:digest, :card_id, :now, :now)""")
_FIND = text("""
    SELECT card_id, created_at, seen_at FROM citizen_session
    WHERE token_digest = :digest AND seen_at > :seen_after AND created_at > :created_after""")
_TOUCH = text("UPDATE citizen_session SET seen_at = :now WHERE token_digest = :digest AND seen_at < :now")
_CLOSE = text("DELETE FROM citizen_session WHERE token_digest = :digest")
_DROP = text("DELETE FROM citizen_session WHERE seen_at <= :seen_before OR created_at <= :created_before")
