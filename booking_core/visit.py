"""A booking as its reader sees it: where, when, what for, and until when it may be changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core.facts import find_booking_view
from booking_core.models import BookingState
from booking_core.statement import Statement


@dataclass(frozen=True, slots=True)
class Visit:
    """One booking with the names of its venue and service."""

    id: int
    reference: str
    state: str
    slot_id: int
    starts_at: datetime
    minutes: int
    venue_code: str
    venue_name: str
    venue_address: str
    service_code: str
    service_name: str
    purpose: str | None
    card_id: int | None
    card_number: str | None
    name: str | None
    phone: str | None
    channel: str
    change_until: datetime

    @property
    def is_live(self) -> bool:
        return self.state == BookingState.BOOKED


def find_visit(db: Connection, booking_id: int, *, now: datetime) -> Visit | None:
    """Return a booking by its id, with the last moment for changing it as the rules stand at `now`."""
    view = find_booking_view(db, booking_id, command_key="", now=now)
    if view is None:
        return None
    row = db.execute(_VISIT, {"booking_id": booking_id}).one()
    purposes: Mapping[str, str] = row.purposes
    return Visit(
        id=view.id,
        reference=view.reference,
        state=view.state,
        slot_id=view.slot.id,
        starts_at=view.slot.starts_at,
        minutes=view.slot.minutes,
        venue_code=row.venue_code,
        venue_name=row.venue_name,
        venue_address=row.address,
        service_code=row.service_code,
        service_name=row.service_name,
        purpose=purposes.get(row.purpose) if row.purpose else None,
        card_id=view.card_id,
        card_number=row.card_number,
        name=row.name or row.kana or row.card_kana,
        phone=row.phone,
        channel=row.channel,
        change_until=view.change_until,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """When and where a booking stands, and no more: what every step of a move shows of it."""

    starts_at: datetime
    venue_name: str


def find_standing(db: Connection, booking_id: int) -> Standing | None:
    """Return when and where a booking stands: one statement, because every step of a move asks."""
    row = _STANDING.one_or_none(db, {"booking_id": booking_id})
    return Standing(row.starts_at, row.venue_name) if row else None


@dataclass(frozen=True, slots=True)
class CardView:
    """The card of a citizen who has been identified."""

    id: int
    number: str
    kana: str
    lies_at: int
    live_booking_id: int | None
    standing: Standing | None = None  # of that booking, where it was read along


_STANDING = Statement("""
    SELECT s.starts_at, w.name AS venue_name
    FROM booking b JOIN slot s ON s.id = b.slot_id JOIN venue w ON w.id = s.venue_id
    WHERE b.id = :booking_id""")
_VISIT = text("""
    SELECT w.code AS venue_code, w.name AS venue_name, w.address, v.code AS service_code, v.name AS service_name,
           v.purposes, b.purpose, b.name, b.kana, b.phone, b.channel, k.number AS card_number, k.kana AS card_kana
    FROM booking b
    JOIN slot s ON s.id = b.slot_id
    JOIN venue w ON w.id = s.venue_id
    JOIN service v ON v.id = b.service_id
    LEFT JOIN card k ON k.id = b.card_id
    WHERE b.id = :booking_id""")
