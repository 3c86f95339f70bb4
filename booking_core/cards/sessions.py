"""Citizens who are logged in with number and password. All instants here are real time.

The cookie holds a random token; the database holds only its digest, so that a copy of the database opens no session.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, text

from booking_core.statement import Statement
from booking_core.visit import CardView, Standing

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=4)
TOUCHED_EVERY = timedelta(minutes=1)
"""How exactly the last request is remembered: reading a session must not cost a write each time."""

LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True)
class CitizenSessionView:
    """A session that is still good, whose it is, and until when if nothing more is done in it."""

    card: CardView
    expires_at: datetime


def open_session(db: Connection, card_id: int, *, now: datetime) -> str:
    """Log a card's citizen in and return the token for her cookie: 256 random bits."""
    token = secrets.token_urlsafe(32)
    db.execute(_OPEN, {"digest": token_digest(token), "card_id": card_id, "now": now})
    return token


def find_session(db: Connection, token: str, *, now: datetime) -> CitizenSessionView | None:
    """Return the session of this token, or None when there is none, it was idle for 30 minutes or is 4 hours old.

    One statement, the card and where its booking stands included, and no write; once a minute one write more. Made for
    a connection in autocommit.
    """
    if not token or len(token) > LONGEST_TOKEN:
        return None
    limits = {"digest": token_digest(token), "seen_after": now - IDLE, "created_after": now - LONGEST}
    row = _FIND.one_or_none(db, limits)
    if row is None:
        return None
    seen_at = row.seen_at
    if now - seen_at >= TOUCHED_EVERY:
        db.execute(_TOUCH, {"digest": limits["digest"], "now": now})
        seen_at = now
    standing = Standing(row.starts_at, row.venue_name) if row.live_booking_id else None
    card = CardView(row.card_id, row.number, row.kana, row.lies_at, row.live_booking_id, standing)
    return CitizenSessionView(card, min(seen_at + IDLE, row.created_at + LONGEST))


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
_FIND = Statement("""
    SELECT s.card_id, s.created_at, s.seen_at, k.number, k.kana, k.lies_at, b.id AS live_booking_id,
           t.starts_at, w.name AS venue_name
    FROM citizen_session s
    JOIN card k ON k.id = s.card_id
    LEFT JOIN booking b ON b.card_id = k.id AND b.state = 'booked'
    LEFT JOIN slot t ON t.id = b.slot_id
    LEFT JOIN venue w ON w.id = t.venue_id
    WHERE s.token_digest = :digest AND s.seen_at > :seen_after AND s.created_at > :created_after""")
_TOUCH = text("UPDATE citizen_session SET seen_at = :now WHERE token_digest = :digest AND seen_at < :now")
_CLOSE = text("DELETE FROM citizen_session WHERE token_digest = :digest")
_DROP = text("DELETE FROM citizen_session WHERE seen_at <= :seen_before OR created_at <= :created_before")
