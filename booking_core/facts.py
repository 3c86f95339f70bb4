"""What the rules need to know of a slot, its terms, a card and a booking: read in one round trip, before any lock."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from booking_core.calendar import Lead, WorkingDays
from booking_core.rules import CardFacts, SlotFacts, Terms
from booking_core.statement import Statement

TERMS_COLUMNS = """
    sv.service_id, v.needs_card, v.purposes, sv.on_web, sv.by_phone, sv.by_keypad,
    sv.accept_lead_days, sv.accept_until_time, sv.change_lead_days, sv.change_until_time,
    sv.near_lead_days, sv.near_until_time, sv.horizon_days"""

WITHIN_RECEPTION = """h.weekday = extract(isodow FROM s.day) - 1
    AND CAST(s.starts_at AT TIME ZONE 'Asia/Tokyo' AS time) BETWEEN h.opens AND h.last_reception"""
"""Services that share a pool keep their own hours (requirements §A): its slots run from the first opening to the last
reception of them all."""

STOREHOUSE_CLOSED = """
    ARRAY(SELECT c.day FROM closure c JOIN venue w ON w.id = c.venue_id
          WHERE w.kind = 'storehouse' AND c.starts IS NULL)"""

_SLOT_COLUMNS = """
    s.id AS slot_id, s.venue_id, s.day, s.starts_at, s.minutes, s.open,
    s.capacity - s.booked - s.held AS free,
    CASE WHEN s.held = 0 THEN 0 ELSE coalesce((SELECT sum(h.places) FROM slot_hold h
         WHERE h.slot_id = s.id AND h.expires_at <= :now), 0) END AS expired"""


_DONE_COLUMNS = """
    done.booking_id AS done_booking_id, done.verb AS done_verb, done.to_slot_id AS done_to_slot_id,
    done.state AS done_state, (SELECT b0.card_id FROM booking b0 WHERE b0.id = done.booking_id) AS done_card_id"""


@dataclass(frozen=True, slots=True)
class EarlierCommand:
    """A command that was already carried out under the same key."""

    booking_id: int
    card_id: int | None
    verb: str
    to_slot_id: int | None
    state: str


@dataclass(frozen=True, slots=True)
class SlotView:
    """Everything that decides about one slot for one service and, perhaps, one card.

    Attributes:
        terms: None where the service is not received in this slot's pool.
        card: None where the service hangs on none, whatever card was named: other visits of the same citizen are apart.
        expired: places of holds that have run out but still count; whoever needs them may reclaim them first.
        earlier: set when this very command was carried out before.
    """

    slot: SlotFacts
    terms: Terms | None
    card: CardFacts | None
    expired: int
    calendar: WorkingDays
    earlier: EarlierCommand | None


_SLOT_VIEW = Statement(f"""
    SELECT {_SLOT_COLUMNS}, {TERMS_COLUMNS},
           k.id AS card_id, k.state AS card_state, k.lies_at, live.id AS live_booking_id,
           {_DONE_COLUMNS},
           {STOREHOUSE_CLOSED} AS storehouse_closed
    FROM slot s
    LEFT JOIN service_at_venue sv ON sv.pool_id = s.pool_id AND sv.service_id = :service_id
         AND EXISTS (SELECT FROM reception_hours h WHERE h.service_at_venue_id = sv.id AND {WITHIN_RECEPTION})
    LEFT JOIN service v ON v.id = sv.service_id
    LEFT JOIN card k ON k.id = CAST(:card_id AS bigint)
    LEFT JOIN booking live ON live.card_id = k.id AND live.state = 'booked'
    LEFT JOIN booking_change done ON done.command_key = :command_key
    WHERE s.id = :slot_id
""")  # noqa: S608 - the inserted parts are constants of this file


def find_slot_view(
    db: Connection, slot_id: int, service_id: int, card_id: int | None, *, now: datetime, command_key: str = ""
) -> SlotView | None:
    """Return what decides about a slot, or None if there is no such slot; with `command_key`, what it did before."""
    row = _SLOT_VIEW.one_or_none(
        db, {"slot_id": slot_id, "service_id": service_id, "card_id": card_id, "command_key": command_key, "now": now}
    )
    if row is None:
        return None
    slot = SlotFacts(row.slot_id, row.venue_id, row.day, row.starts_at, row.minutes, row.open, row.free)
    card = CardFacts(row.card_id, row.card_state, row.lies_at, row.live_booking_id) if row.card_id else None
    card = card if row.needs_card else None
    calendar = calendar_of(row.storehouse_closed)
    return SlotView(slot, read_terms(row), card, int(row.expired), calendar, _earlier(row))


def _earlier(row: Any) -> EarlierCommand | None:  # noqa: ANN401 - a row that carries _DONE_COLUMNS
    if row.done_booking_id is None:
        return None
    return EarlierCommand(row.done_booking_id, row.done_card_id, row.done_verb, row.done_to_slot_id, row.done_state)


def read_terms(row: Row[Any]) -> Terms | None:
    """Return the terms that a row selected by TERMS_COLUMNS carries, None where the outer join found none."""
    if row.service_id is None:
        return None
    return Terms(
        service_id=row.service_id,
        needs_card=row.needs_card,
        purposes=row.purposes,
        on_web=row.on_web,
        by_phone=row.by_phone,
        by_keypad=row.by_keypad,
        accept=Lead(row.accept_lead_days, row.accept_until_time),
        change=Lead(row.change_lead_days, row.change_until_time),
        near=Lead(row.near_lead_days, row.near_until_time),
        horizon_days=row.horizon_days,
    )


def calendar_of(closed: list[date]) -> WorkingDays:
    return WorkingDays(frozenset(closed))


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking as it was read, before any lock, with the slot and terms it stands on."""

    id: int
    reference: str
    slot: SlotFacts
    terms: Terms
    card: CardFacts | None
    state: str
    places: int
    promised_until: datetime
    calendar: WorkingDays
    earlier: EarlierCommand | None

    @property
    def card_id(self) -> int | None:
        return self.card.id if self.card else None

    @property
    def change_until(self) -> datetime:
        """The moment until which the citizen may change: the promise, or today's rule where that is later."""
        here = self.card is not None and self.card.lies_at == self.slot.venue_id
        today = self.terms.change_lead(card_is_here=here).deadline(self.slot.day, self.calendar)
        return max(self.promised_until, min(today, self.slot.starts_at))


_BOOKING_VIEW = text(f"""
    SELECT b.id, b.reference, b.state, b.places, b.card_id, b.change_until, k.lies_at,
           {_SLOT_COLUMNS}, {TERMS_COLUMNS},
           k.state AS card_state, live.id AS live_booking_id, {_DONE_COLUMNS},
           {STOREHOUSE_CLOSED} AS storehouse_closed
    FROM booking b
    JOIN slot s ON s.id = b.slot_id
    JOIN service_at_venue sv ON sv.venue_id = s.venue_id AND sv.service_id = b.service_id
    JOIN service v ON v.id = sv.service_id
    LEFT JOIN card k ON k.id = b.card_id
    LEFT JOIN booking live ON live.card_id = k.id AND live.state = 'booked'
    LEFT JOIN booking_change done ON done.command_key = :command_key
    WHERE b.id = :booking_id
""")  # noqa: S608 - the inserted parts are constants of this file


def find_booking_view(db: Connection, booking_id: int, *, command_key: str, now: datetime) -> BookingView | None:
    """Return what decides about a change of this booking, or None if there is no such booking."""
    row = db.execute(_BOOKING_VIEW, {"booking_id": booking_id, "command_key": command_key, "now": now}).one_or_none()
    if row is None:
        return None
    terms = read_terms(row)
    if terms is None:
        raise LookupError(f"booking {booking_id} stands on a service without terms")  # inner join: cannot be
    return BookingView(
        id=row.id,
        reference=row.reference,
        slot=SlotFacts(row.slot_id, row.venue_id, row.day, row.starts_at, row.minutes, row.open, row.free),
        terms=terms,
        card=CardFacts(row.card_id, row.card_state, row.lies_at, row.live_booking_id) if row.card_id else None,
        state=row.state,
        places=row.places,
        promised_until=row.change_until,
        calendar=calendar_of(row.storehouse_closed),
        earlier=_earlier(row),
    )
