"""Rows for tests, with sensible defaults: plain functions, one a noun."""

from datetime import date, datetime, time
from hashlib import sha256
from itertools import count
from typing import TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from booking_core import settings
from booking_core.actors import Actor, IdentifiedBy, card_key
from booking_core.booking import BookingAnswer, Wish, book
from booking_core.calendar import at
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.recount import list_miscounts
from booking_core.refusal import Refusal

T = TypeVar("T")

PHONE = "+81751234567"
_numbers = count(1)


def operator_for(card_id: int, account_id: int = 1) -> Actor:
    """Return an operator who has identified the citizen of this card on the telephone."""
    return Actor.operator(account_id, on_behalf_of=card_key(card_id), identified_by=IdentifiedBy.NUMBER_AND_PASSWORD)


def done(answer: T | Refusal) -> T:
    """Return an answer that must not be a refusal."""
    assert not isinstance(answer, Refusal), answer.reason
    return answer


def refused(answer: object) -> str:
    """Return the reason of an answer that must be a refusal."""
    assert isinstance(answer, Refusal), answer
    return str(answer.reason)


def service_id(engine: Engine, code: str) -> int:
    with engine.connect() as db:
        return int(db.execute(text("SELECT id FROM service WHERE code = :code"), {"code": code}).scalar_one())


def venue_id(engine: Engine, code: str) -> int:
    with engine.connect() as db:
        return int(db.execute(text("SELECT id FROM venue WHERE code = :code"), {"code": code}).scalar_one())


def add_card(db: Connection, number: str | None = None, *, lies_at: str = "center-ukyo") -> int:
    """Add a card that was imported; nobody can log in with it (its password is no hash of anything)."""
    number = number or f"T{next(_numbers):09d}"
    statement = text("""
        INSERT INTO card (number, password_hmac, kana, kana_key, state, lies_at)
        SELECT :number, :hmac, 'テスト', 'テスト', 'notice_sent', id FROM venue WHERE code = :lies_at
        RETURNING id""")
    return int(
        db.execute(
            statement, {"number": number, "hmac": sha256(number.encode()).digest(), "lies_at": lies_at}
        ).scalar_one()
    )


def new_card(engine: Engine, *, lies_at: str = "center-ukyo") -> int:
    with engine.begin() as db:
        return add_card(db, lies_at=lies_at)


def slot_at(
    engine: Engine,
    day: date,
    start: time,
    *,
    venue: str = "kita",
    service: str = "delivery",
    capacity: int | None = None,
) -> int:
    """Return the id of a slot of the seeded book; with `capacity`, that many places are left in it."""
    with engine.begin() as db:
        found = db.execute(
            text("""
            SELECT s.id FROM slot s JOIN venue v ON v.id = s.venue_id JOIN pool p ON p.id = s.pool_id
            WHERE v.code = :venue AND p.code = :service AND s.starts_at = :starts_at"""),
            {"venue": venue, "service": service, "starts_at": at(day, start)},
        ).scalar_one()
        if capacity is not None:
            db.execute(text("UPDATE slot SET capacity = :capacity WHERE id = :id"), {"capacity": capacity, "id": found})
        return int(found)


def booked(engine: Engine, card_id: int, slot_id: int, *, now: datetime, key: str = "first") -> BookingAnswer:
    """Book delivery for a card on the web and return the answer, which must not be a refusal."""
    wish = Wish(slot_id, service_id(engine, "delivery"), Contact(PHONE), card_id=card_id)
    return done(in_transaction(engine, lambda db: book(db, wish, by=Actor.citizen(card_id), key=key, now=now)))


def counters(engine: Engine, slot_id: int) -> tuple[int, int]:
    """Return `booked` and `held` of a slot."""
    with engine.connect() as db:
        row = db.execute(text("SELECT booked, held FROM slot WHERE id = :id"), {"id": slot_id}).one()
        return int(row.booked), int(row.held)


def owner_of(engine: Engine) -> Engine:
    """Return an engine with the owner's rights on the same database, which keeps no connection open."""
    return create_engine(engine.url, poolclass=NullPool)


def change_terms(engine: Engine, venue: str, service: str, **columns: object) -> None:
    """Change one cell of the service matrix, as the city's staff would: `…, "kita", "delivery", on_web=False)`."""
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    statement = text(f"""
        UPDATE service_at_venue sv SET {assignments} FROM venue w, service v
        WHERE sv.venue_id = w.id AND sv.service_id = v.id AND w.code = :venue AND v.code = :service""")  # noqa: S608 - column names from the tests
    with engine.begin() as db:
        assert db.execute(statement, columns | {"venue": venue, "service": service}).rowcount == 1


def close_day(engine: Engine, venue: str, day: date, *, starts: time | None = None, ends: time | None = None) -> None:
    """Write down that a venue, or the storehouse, rests on a day or during some of its hours."""
    statement = text("""
        INSERT INTO closure (venue_id, day, starts, ends, reason)
        SELECT id, :day, :starts, :ends, 'maintenance' FROM venue WHERE code = :venue""")
    with engine.begin() as db:
        db.execute(statement, {"venue": venue, "day": day, "starts": starts, "ends": ends})


def balanced(engine: Engine) -> bool:
    """Tell whether every counter equals its rows."""
    with engine.connect() as db:
        return not list_miscounts(db)


def delay_reopening(engine: Engine, minutes: int, *, now: datetime) -> None:
    """Let the city set how long a cancelled place stays closed."""
    done(
        in_transaction(
            engine, lambda db: settings.change(db, "reopening_delay_minutes", minutes, by=Actor.clerk(1), now=now)
        )
    )
