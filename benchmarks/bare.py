"""The other side of every comparison: psycopg alone, sending the very statements that the product sends.

The statements are not written down here. They are recorded while the product makes one booking (rolled back), text and
values, so that a change of the product is a change of what it is measured against.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Self

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from benchmarks.stage import ANYBODY
from booking_core.actors import Actor
from booking_core.availability import list_offered_days, list_receptions
from booking_core.booking import Wish, book, new_reference
from booking_core.cards.sessions import find_session
from booking_core.catalogue import find_venue
from booking_core.clock import real_now
from booking_core.contact import Contact
from booking_core.db import APP_ROLE, in_transaction
from booking_core.refusal import Reason, Refusal

PHONE = "+81751234567"
SOURCE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver was given it."""

    query: bytes
    values: Mapping[str, Any]


def recorded(engine: Engine, work: Callable[[Connection], object]) -> list[Statement]:
    """Return what `work` sends to the database. Whatever it changes is rolled back."""
    heard: list[Statement] = []

    class Heard(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:  # noqa: ANN401 - the driver's own
            heard.append(Statement(query if isinstance(query, bytes) else query.encode(), dict(params)))
            return super().execute(query, params, **options)

    def listen(driver: Any, *_: object) -> None:  # noqa: ANN401 - likewise
        driver.cursor_factory = Heard

    def work_and_refuse(db: Connection) -> Refusal:
        answer = work(db)
        assert not isinstance(answer, Refusal), f"the booking to be recorded was refused: {answer}"
        return Refusal(Reason.BUSY)

    listening = create_engine(engine.url, poolclass=NullPool, isolation_level="READ COMMITTED")
    event.listen(listening, "checkout", listen)
    in_transaction(listening, work_and_refuse)
    return heard


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


def connect(url: str, *, autocommit: bool = False) -> "psycopg.Connection[Any]":
    """Return a plain connection with the application's rights."""
    db = psycopg.connect(url, options="-c timezone=UTC")
    db.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APP_ROLE)))
    db.commit()
    db.autocommit = autocommit
    return db


@dataclass(frozen=True, slots=True)
class BareBooking:
    """A booking's transaction on a plain connection: the recorded statements with the values of another booking."""

    statements: list[Statement]

    def __call__(self, db: "psycopg.Connection[Any]", *, slot_id: int, card_id: int, key: str, phone: str) -> int:
        """Book and return the booking's id; 0 when the slot was full."""
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
