"""The other side of a booking: psycopg alone, sending the very statements that the product sends (`recording.py`)."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import psycopg
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Engine

from benchmarks.recording import Statement, recorded
from benchmarks.stage import ANYBODY
from booking_core.actors import Actor
from booking_core.availability import list_offered_days, list_receptions
from booking_core.booking import Wish, book, new_reference
from booking_core.cards.sessions import find_session
from booking_core.catalogue import find_venue
from booking_core.clock import real_now
from booking_core.contact import Contact

PHONE = "+81751234567"
SOURCE = "127.0.0.1"


def wish_of(slot_id: int, service_id: int, card_id: int) -> Wish:
    return Wish(slot_id, service_id, Contact(PHONE), card_id=card_id)


def record_booking(engine: Engine, *, slot_id: int, service_id: int, card_id: int, now: datetime) -> list[Statement]:
    """Return the statements of one booking by a citizen on the web."""
    by = Actor.citizen(card_id, source=SOURCE)
    wish = wish_of(slot_id, service_id, card_id)
    return recorded(engine, lambda db: book(db, wish, by=by, key=secrets.token_urlsafe(16), now=now))


def record_session(engine: Engine, token: str) -> list[Statement]:
    """Return the statement by which a door knows its citizen again."""
    return recorded(engine, lambda db: find_session(db, token, now=real_now()))


def record_days(engine: Engine, *, service_id: int, venue: str, now: datetime) -> Statement:
    """Return the one statement behind the free-days page of a venue, for somebody who is not logged in."""

    def work(db: Connection) -> None:
        place = find_venue(db, venue)
        assert place is not None
        (reception,) = list_receptions(db, service_id, by=ANYBODY, venue_id=place.id)
        list_offered_days(db, reception, by=ANYBODY, now=now)

    return recorded(engine, work)[-1]


@dataclass(frozen=True, slots=True)
class BareBooking:
    """A booking's transaction on a plain connection: the recorded statements with the values of another booking."""

    statements: list[Statement]

    def __call__(self, db: "psycopg.Connection[Any]", *, slot_id: int, card_id: int, key: str, phone: str) -> int:
        """Book and return the booking's id; 0 when the slot was full.

        A reference that is given already is drawn again, as the product does: among 40,000 of a run two may be alike.
        """
        while True:
            try:
                return self._book(db, slot_id=slot_id, card_id=card_id, key=key, phone=phone)
            except UniqueViolation:
                db.rollback()

    def _book(self, db: "psycopg.Connection[Any]", *, slot_id: int, card_id: int, key: str, phone: str) -> int:
        salt, content = secrets.token_bytes(16), json.dumps({"phone": phone})
        own = {
            "slot_id": slot_id,
            "card_id": card_id,
            "actor_id": card_id,
            "command_key": f"citizen:{card_id}:{key}",
            "reference": new_reference(),
            "phone": phone,
            "audit_detail": json.dumps({"slot": slot_id}),
            "personal_salt": salt,
            "personal_content": content,
            "personal_digest": sha256(salt + content.encode()).digest(),
        }
        row = None
        for each in self.statements:
            row = db.execute(each.query, {name: own.get(name, value) for name, value in each.values.items()}).fetchone()
        if row is None:
            db.rollback()
            return 0
        db.commit()
        return int(row[0])
