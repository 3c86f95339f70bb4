"""Book, move, cancel, settle: with `holds.py`, the only writers of bookings and of slot counters.

Every door calls these functions: the citizen's web, the operator's desk, the telephone keypad, the city's staff, the
importer and the jobs. Each runs inside `db.in_transaction`, reads what decides, asks `rules.py`, and lets the database
say the last no: a conditional UPDATE on the counter, a CHECK under it, a partial unique index for "one live booking a
card".

Lock order of every writer: slots by id, then bookings. A move gains the new place before it gives the old one back, so
a move that fails leaves the old booking standing.

Each command carries a key. The same key returns the first answer and changes nothing more.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from booking_core import audit, holds, settings
from booking_core.actors import Actor
from booking_core.clock import TOKYO
from booking_core.contact import Contact
from booking_core.db import StaleRead
from booking_core.facts import BookingView, EarlierCommand, SlotView, find_booking_view, find_slot_view
from booking_core.models import BookingState, Verb
from booking_core.refusal import Reason, Refusal
from booking_core.rules import (
    promised_change_until,
    refusal_to_book,
    refusal_to_change,
    refusal_to_move_to,
    refusal_to_settle,
)
from booking_core.statement import Statement

LONGEST_KEY = 64
SETTLED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to book.

    Attributes:
        slot_id: the start time.
        service_id: what the visit is for.
        contact: how to reach her, and her name where no card says it.
        card_id: the card to be picked up; needed for services that hang on one.
        purpose: which errand, for services that know several.
        places: how many places the visit takes (F-31).
        hold_owner: whose hold, if any, this booking confirms.
    """

    slot_id: int
    service_id: int
    contact: Contact
    card_id: int | None = None
    purpose: str | None = None
    places: int = 1
    hold_owner: str | None = None


@dataclass(frozen=True, slots=True)
class BookingAnswer:
    """How a booking stands after a command. `repeated` when the command had been carried out before."""

    id: int
    reference: str
    slot_id: int
    state: str
    change_until: datetime
    repeated: bool = False


def book(db: Connection, wish: Wish, *, by: Actor, key: str, now: datetime) -> BookingAnswer | Refusal:
    """Take a place in a slot for a citizen.

    Refused, in this order: not offered here or on this channel (requirements §D), no card or a card that is done, a
    live booking already (3-1-B-viii), past the deadline or beyond the horizon (3-1-A-v), closed, full, busy.
    """
    command_key = scoped_key(by, key)
    view = find_slot_view(db, wish.slot_id, wish.service_id, wish.card_id, command_key=command_key, now=now)
    if view is None:
        return Refusal(Reason.NO_SUCH_SLOT)
    if view.earlier:
        card_id = view.card.id if view.card else None
        same = (view.earlier.verb, view.earlier.to_slot_id, view.earlier.card_id) == (Verb.BOOK, wish.slot_id, card_id)
        return _first_answer(db, view.earlier, same=same)
    refusal = refusal_to_book(
        by, view.slot, view.terms, view.card, calendar=view.calendar, now=now
    ) or _refusal_of_wish(wish, view)
    if refusal:
        return refusal
    return _take_place(db, wish, view, by=by, command_key=command_key, now=now)


def _refusal_of_wish(wish: Wish, view: SlotView) -> Refusal | None:
    if view.terms and view.terms.purposes and wish.purpose not in view.terms.purposes:
        return Refusal(Reason.PURPOSE_NEEDED)
    if view.card is None and not wish.contact.name:
        return Refusal(Reason.NAME_NEEDED)
    return None if wish.contact.phone else Refusal(Reason.CONTACT_NEEDED)


def _take_place(
    db: Connection, wish: Wish, view: SlotView, *, by: Actor, command_key: str, now: datetime
) -> BookingAnswer | Refusal:
    if view.terms is None:
        raise LookupError("a place is taken only under terms")  # refusal_to_book has said so before
    if wish.hold_owner:
        holds.turn_back_into_free(db, wish.hold_owner, also_lock=wish.slot_id)
    elif view.slot.free + view.expired < wish.places:
        return Refusal(Reason.FULL)
    if view.expired:
        holds.reclaim_expired(db, [wish.slot_id], now=now)
    row = _BOOK.one_or_none(
        db,
        {
            "slot_id": wish.slot_id,
            "service_id": wish.service_id,
            "card_id": view.card.id if view.card else None,
            "purpose": wish.purpose if view.terms.purposes else None,
            "name": wish.contact.name,
            "kana": wish.contact.kana,
            "kana_key": wish.contact.kana_key,
            "phone": wish.contact.phone,
            "places": wish.places,
            "reference": new_reference(),
            "promise": promised_change_until(view.slot, view.terms, view.card, calendar=view.calendar),
            **_witness(by, Verb.BOOK, command_key, detail={"slot": wish.slot_id}, now=now, contact=wish.contact),
        },
    )
    if row is None and wish.hold_owner:
        return Refusal(Reason.FULL)
    if row is None:
        raise StaleRead  # filled or closed a moment ago: the next read knows which, and says so
    return _answer(row)


def move(
    db: Connection,
    booking_id: int,
    to_slot_id: int,
    *,
    by: Actor,
    key: str,
    now: datetime,
    hold_owner: str | None = None,
) -> BookingAnswer | Refusal:
    """Move a booking to another slot, at the same or another venue, in one step (3-1-A-vii).

    Needs both deadlines: the old booking's change-until and the new slot's accept-until (F-03). Refused otherwise, or
    when the new slot is full: then the old booking stands as it was.
    """
    command_key = scoped_key(by, key)
    old = find_booking_view(db, booking_id, command_key=command_key, now=now)
    if old is None:
        return Refusal(Reason.NO_SUCH_BOOKING)
    if old.earlier:
        return _first_answer(db, old.earlier, same=_same(old, Verb.MOVE) and old.earlier.to_slot_id == to_slot_id)
    if refusal := _refusal_to_change(by, old, now):
        return refusal
    if to_slot_id == old.slot.id:
        return Refusal(Reason.SAME_SLOT)
    if hold_owner:
        holds.turn_back_into_free(db, hold_owner, also_lock=old.slot.id, and_also=to_slot_id)
    else:
        holds.lock_slots(db, [old.slot.id, to_slot_id])
    _lock_booking(db, old)
    return _move_locked(db, old, to_slot_id, by=by, command_key=command_key, now=now)


def _move_locked(
    db: Connection, old: BookingView, to_slot_id: int, *, by: Actor, command_key: str, now: datetime
) -> BookingAnswer | Refusal:
    new = find_slot_view(db, to_slot_id, old.terms.service_id, old.card_id, now=now)
    if new is None:
        return Refusal(Reason.NO_SUCH_SLOT)
    if refusal := refusal_to_move_to(by, new.slot, new.terms, new.card, calendar=new.calendar, now=now):
        return refusal
    if new.terms is None:
        raise LookupError("a booking moves only under terms")  # refusal_to_move_to has said so before
    if new.slot.free + new.expired < old.places:
        return Refusal(Reason.FULL)
    if new.expired:
        holds.reclaim_expired(db, [to_slot_id], now=now)
    row = _MOVE.one(
        db,
        {
            "booking_id": old.id,
            "from_slot_id": old.slot.id,
            "to_slot_id": to_slot_id,
            "places": old.places,
            "promise": promised_change_until(new.slot, new.terms, new.card, calendar=new.calendar),
            **_witness(by, Verb.MOVE, command_key, detail={"from": old.slot.id, "to": to_slot_id}, now=now),
        },
    )
    return _answer(row)


def cancel(db: Connection, booking_id: int, *, by: Actor, key: str, now: datetime) -> BookingAnswer | Refusal:
    """Cancel a booking and give its place back, once however often it is asked (3-1-A-vii).

    Where the city has set a reopening delay, the place stays held so long, and nobody can lie in wait for it.
    """
    command_key = scoped_key(by, key)
    old = find_booking_view(db, booking_id, command_key=command_key, now=now)
    if old is None:
        return Refusal(Reason.NO_SUCH_BOOKING)
    if old.earlier:
        return _first_answer(db, old.earlier, same=_same(old, Verb.CANCEL))
    refusal = _refusal_to_change(by, old, now)
    if old.state == BookingState.CANCELLED and (refusal is None or refusal.reason is Reason.BOOKING_OVER):
        return _standing(db, old.id)
    if refusal:
        return refusal
    holds.lock_slots(db, [old.slot.id])
    _lock_booking(db, old)
    row = _CANCEL.one(
        db,
        {
            "booking_id": old.id,
            "from_slot_id": old.slot.id,
            "places": old.places,
            **_witness(by, Verb.CANCEL, command_key, detail={"from": old.slot.id}, now=now),
        },
    )
    if delay := settings.read_all(db).reopening_delay_minutes:
        holds.keep_closed_until(db, old.slot.id, old.id, old.places, now + timedelta(minutes=delay))
    return _answer(row)


def settle(
    db: Connection, booking_id: int, state: BookingState, *, by: Actor, key: str, now: datetime
) -> BookingAnswer | Refusal:
    """Record how a visit ended. A settled visit may be corrected by a clerk; a cancelled one stays cancelled.

    The place stays counted: it was used, or kept free for nothing. A card that was handed over takes no more bookings.

    Raises:
        ValueError: `state` is not an outcome of a visit.
    """
    if state in {BookingState.BOOKED, BookingState.CANCELLED}:
        raise ValueError(f"{state} is no outcome of a visit")
    command_key = scoped_key(by, key)
    old = find_booking_view(db, booking_id, command_key=command_key, now=now)
    if old is None:
        return Refusal(Reason.NO_SUCH_BOOKING)
    if old.earlier:
        return _first_answer(db, old.earlier, same=_same(old, Verb.SETTLE) and old.earlier.state == state)
    if refusal := refusal_to_settle(
        by, state, state=old.state, visit_day=old.slot.day, card=old.card, booking_id=old.id, now=now
    ):
        return refusal
    _lock_booking(db, old)
    row = _SETTLE.one(
        db,
        {
            "booking_id": old.id,
            "state": state,
            **_witness(by, Verb.SETTLE, command_key, detail={"state": state, "was": old.state}, now=now),
        },
    )
    if old.card_id:
        _follow_with_card(db, old.card_id, was=old.state, now_is=state)
    return _answer(row)


def settle_unmarked(db: Connection, *, by: Actor, now: datetime, limit: int = SETTLED_AT_ONCE) -> int:
    """Settle the visits that nobody had marked when their venue closed for the day; return how many it settled.

    Whoever missed her visit can so book again the same evening.
    """
    local = now.astimezone(TOKYO)
    due = db.execute(_UNMARKED, {"today": local.date(), "moment": local.time(), "limit": limit}).scalars().all()
    answers = [
        settle(db, booking_id, BookingState.NOT_RECORDED, by=by, key=f"unmarked:{booking_id}:{now:%Y%m%d}", now=now)
        for booking_id in due
    ]
    return sum(not isinstance(answer, Refusal) for answer in answers)


def scoped_key(by: Actor, key: str) -> str:
    """Return the command key as it is stored: nobody can ask for another's answer by guessing a key.

    A key that is long or not plain is stored as its digest, so that two keys never become one.
    """
    plain = key.isascii() and key.isprintable() and len(key) <= LONGEST_KEY
    return f"{by.kind}:{by.id or 0}:{key if plain else sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def new_reference() -> str:
    """Return a fresh booking reference: nine random digits and a check digit, easy to say and to key in."""
    digits = f"{secrets.randbelow(10**9):09d}"
    return digits + str(sum(int(d) * (1 + i % 2 * 2) for i, d in enumerate(digits)) % 10)


def _refusal_to_change(by: Actor, old: BookingView, now: datetime) -> Refusal | None:
    return refusal_to_change(
        by,
        booking_card_id=old.card_id,
        state=old.state,
        change_until=old.change_until,
        starts_at=old.slot.starts_at,
        now=now,
    )


def _lock_booking(db: Connection, old: BookingView) -> None:
    """Lock the booking's row after its slots, and start afresh if it is not any more what was read before."""
    row = db.execute(_LOCK_BOOKING, {"booking_id": old.id}).one()
    if (row.slot_id, row.state, row.places) != (old.slot.id, old.state, old.places):
        raise StaleRead


def _follow_with_card(db: Connection, card_id: int, *, was: str, now_is: str) -> None:
    if now_is == BookingState.HANDED_OVER:
        db.execute(_HAND_CARD_OVER, {"card_id": card_id})
    elif was == BookingState.HANDED_OVER:
        db.execute(_TAKE_CARD_BACK, {"card_id": card_id})


def _same(old: BookingView, verb: Verb) -> bool:
    return old.earlier is not None and (old.earlier.verb, old.earlier.booking_id) == (verb, old.id)


def _first_answer(db: Connection, earlier: EarlierCommand, *, same: bool) -> BookingAnswer | Refusal:
    """Answer a repeated command as the first time; a key that was used for something else answers for nothing."""
    return _standing(db, earlier.booking_id) if same else Refusal(Reason.COMMAND_KEY_USED)


def _standing(db: Connection, booking_id: int) -> BookingAnswer:
    return _answer(db.execute(_STANDING, {"booking_id": booking_id}).one(), repeated=True)


def _answer(row: Any, *, repeated: bool = False) -> BookingAnswer:  # noqa: ANN401 - a row of RETURNED
    return BookingAnswer(row.id, row.reference, row.slot_id, row.state, row.change_until, repeated)


def _witness(
    by: Actor, verb: Verb, command_key: str, *, detail: dict[str, Any], now: datetime, contact: Contact | None = None
) -> dict[str, Any]:
    """Return the bound values of the change row and the audit row that every write carries along."""
    personal = {"phone": contact.phone, "name": contact.name, "kana": contact.kana} if contact else {}
    return {
        "now": now,
        "command_key": command_key,
        **audit.AuditEntry(by, verb, detail=detail, personal=personal).parameters(now),
    }


# --- The statements: each writes the counter first, then the booking, then its witnesses, in one round trip ----------

RETURNED = "id, reference, slot_id, state, change_until"


def _witnessed(writers: str, *, from_slot: str, to_slot: str) -> Statement:  # pragma: no mutate block - runs at import
    """Return `writers`, whose last CTE is `done`, together with the change row and the audit row it leaves."""
    return Statement(f"""
    WITH {writers}, changed AS (
        INSERT INTO booking_change (booking_id, command_key, verb, from_slot_id, to_slot_id, state,
                                    actor_kind, actor_id, channel, at)
        SELECT id, :command_key, :audit_verb, {from_slot}, {to_slot}, state,
               :actor_kind, CAST(:actor_id AS bigint), :channel, CAST(:now AS timestamptz)
        FROM done
    ), {audit.insert_sql(target="'booking:' || done.id", rows="FROM done")}
    SELECT {RETURNED} FROM done
    """)  # noqa: S608 - assembled from constants of this file


_BOOK = _witnessed(
    f"""
    taken AS (
        UPDATE slot SET booked = booked + :places
        WHERE id = :slot_id AND open AND booked + held + :places <= capacity
        RETURNING id
    ), done AS (
        INSERT INTO booking (reference, slot_id, service_id, card_id, purpose, name, kana, kana_key, phone,
                             places, state, channel, change_until, created_at, changed_at)
        SELECT :reference, taken.id, :service_id, CAST(:card_id AS bigint), CAST(:purpose AS text),
               CAST(:name AS text), CAST(:kana AS text), CAST(:kana_key AS text), CAST(:phone AS text),
               :places, 'booked', :channel, CAST(:promise AS timestamptz),
               CAST(:now AS timestamptz), CAST(:now AS timestamptz)
        FROM taken
        RETURNING {RETURNED}
    )""",  # noqa: S608 - constants
    from_slot="CAST(NULL AS bigint)",
    to_slot="slot_id",
)

_MOVE = _witnessed(
    """
    gained AS (
        UPDATE slot SET booked = booked + :places
        WHERE id = :to_slot_id AND open AND booked + held + :places <= capacity
        RETURNING id
    ), released AS (
        UPDATE slot SET booked = booked - :places
        WHERE id = :from_slot_id AND EXISTS (SELECT FROM gained)
        RETURNING id
    ), done AS (
        UPDATE booking SET slot_id = gained.id, change_until = CAST(:promise AS timestamptz),
                           changed_at = CAST(:now AS timestamptz)
        FROM gained, released
        WHERE booking.id = :booking_id AND booking.state = 'booked' AND booking.slot_id = released.id
        RETURNING booking.id, booking.reference, booking.slot_id, booking.state, booking.change_until
    )""",
    from_slot="CAST(:from_slot_id AS bigint)",
    to_slot="slot_id",
)

_CANCEL = _witnessed(
    """
    freed AS (
        UPDATE slot SET booked = booked - :places WHERE id = :from_slot_id RETURNING id
    ), done AS (
        UPDATE booking SET state = 'cancelled', changed_at = CAST(:now AS timestamptz)
        FROM freed
        WHERE booking.id = :booking_id AND booking.state = 'booked' AND booking.slot_id = freed.id
        RETURNING booking.id, booking.reference, booking.slot_id, booking.state, booking.change_until
    )""",
    from_slot="CAST(:from_slot_id AS bigint)",
    to_slot="CAST(NULL AS bigint)",
)

_SETTLE = _witnessed(
    f"""
    done AS (
        UPDATE booking SET state = :state, changed_at = CAST(:now AS timestamptz)
        WHERE id = :booking_id AND state <> 'cancelled'
        RETURNING {RETURNED}
    )""",  # noqa: S608 - constants
    from_slot="slot_id",
    to_slot="slot_id",
)

_LOCK_BOOKING = text("SELECT slot_id, state, places FROM booking WHERE id = :booking_id FOR NO KEY UPDATE")
_STANDING = text(f"SELECT {RETURNED} FROM booking WHERE id = :booking_id")  # noqa: S608 - constants
_HAND_CARD_OVER = text("UPDATE card SET state = 'handed_over' WHERE id = :card_id AND state <> 'withdrawn'")
_TAKE_CARD_BACK = text("UPDATE card SET state = 'notice_sent' WHERE id = :card_id AND state = 'handed_over'")
_UNMARKED = text("""
    SELECT b.id FROM booking b JOIN slot s ON s.id = b.slot_id
    WHERE b.state = 'booked' AND s.day <= :today
      AND (s.day < :today OR CAST(:moment AS time) >= (
           SELECT max(h.closes) FROM reception_hours h JOIN service_at_venue sv ON sv.id = h.service_at_venue_id
           WHERE sv.venue_id = s.venue_id AND h.weekday = extract(isodow FROM s.day) - 1))
    ORDER BY b.id LIMIT :limit""")
