"""Places kept aside for a while: while a booking is read back, before a cancelled place reopens, for a waiting list.

A hold is a row that counts in `slot.held`. Whoever writes here locks the slots first, by id, as every writer of the
book does. A hold that has run out keeps counting until somebody who needs the place, or the job, reclaims it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor
from booking_core.db import StaleRead
from booking_core.facts import find_slot_view
from booking_core.models import HoldKind
from booking_core.refusal import Reason, Refusal
from booking_core.rules import refusal_to_move_to

RECLAIMED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands: `places` of `slot_id` are kept for `owner` until `expires_at`."""

    slot_id: int
    owner: str
    places: int
    expires_at: datetime


def hold(
    db: Connection,
    slot_id: int,
    service_id: int,
    *,
    owner: str,
    until: datetime,
    by: Actor,
    now: datetime,
    kind: HoldKind = HoldKind.READ_BACK,
    card_id: int | None = None,
    places: int = 1,
) -> Hold | Refusal:
    """Keep `places` of a slot for `owner` until `until`. One hold an owner: an earlier one elsewhere is given back.

    A live booking of the same card does not stand in the way, so that a new place can be held while the old booking
    stands. Refused: not offered here, past its deadline, closed, full.
    """
    view = find_slot_view(db, slot_id, service_id, card_id, now=now)
    if view is None:
        return Refusal(Reason.NO_SUCH_SLOT)
    if refusal := refusal_to_move_to(by, view.slot, view.terms, view.card, calendar=view.calendar, now=now):
        return refusal
    turn_back_into_free(db, owner, also_lock=slot_id)
    reclaim_expired(db, [slot_id], now=now)
    if not db.execute(_HOLD, {"slot_id": slot_id, "places": places}).rowcount:
        return Refusal(Reason.FULL)
    _keep_row(db, slot_id, owner=owner, kind=kind, places=places, until=until)
    audit.record(db, audit.AuditEntry(by, "hold", f"slot:{slot_id}", {"kind": kind, "until": until}), now=now)
    return Hold(slot_id, owner, places, until)


def release(db: Connection, owner: str) -> bool:
    """Give back what is held for `owner`; tell whether there was anything."""
    return turn_back_into_free(db, owner)


def find_hold(db: Connection, owner: str) -> Hold | None:
    row = db.execute(_HOLD_OF, {"owner": owner}).one_or_none()
    return Hold(row.slot_id, row.owner, row.places, row.expires_at) if row else None


def list_expired_slots(db: Connection, *, now: datetime, limit: int = RECLAIMED_AT_ONCE) -> list[int]:
    """Return the ids of slots that still count holds which have run out."""
    return list(db.execute(_EXPIRED_SLOTS, {"now": now, "limit": limit}).scalars())


def reclaim_expired(db: Connection, slot_ids: Iterable[int], *, now: datetime) -> int:
    """Give back the run-out holds of these slots; return how many places came free."""
    ids = sorted(set(slot_ids))
    lock_slots(db, ids)
    return sum(db.execute(_RECLAIM, {"slot_id": slot_id, "now": now}).scalar_one() for slot_id in ids)


def turn_back_into_free(
    db: Connection, owner: str, *, also_lock: int | None = None, and_also: int | None = None
) -> bool:
    """Lock the owner's slot together with the other slots the caller needs, in order, and free what she holds there.

    The caller takes the place in the same transaction, so nobody else can come in between: held becomes booked.
    """
    before = find_hold(db, owner)
    lock_slots(db, [slot_id for slot_id in (before and before.slot_id, also_lock, and_also) if slot_id])
    held = db.execute(_DELETE_HOLD, {"owner": owner}).one_or_none()
    if held is None:
        return False
    if before is None or held.slot_id != before.slot_id:
        raise StaleRead
    db.execute(_UNHOLD, {"slot_id": held.slot_id, "places": held.places})
    return True


def keep_closed_until(db: Connection, slot_id: int, booking_id: int, places: int, until: datetime) -> None:
    """Hold the place of a cancelled booking, whose slot the caller has locked, so that it reopens later.

    A slot that was closed in the meantime reopens to nobody and needs no hold.
    """
    if db.execute(_HOLD, {"slot_id": slot_id, "places": places}).rowcount:
        owner = f"reopening:{booking_id}"
        _keep_row(db, slot_id, owner=owner, kind=HoldKind.REOPENING_DELAY, places=places, until=until)


def lock_slots(db: Connection, slot_ids: Iterable[int]) -> None:
    """Lock slots in the order of their ids: the first half of the lock order."""
    if ids := sorted(set(slot_ids)):
        db.execute(_LOCK_SLOTS, {"ids": ids})


def _keep_row(db: Connection, slot_id: int, *, owner: str, kind: HoldKind, places: int, until: datetime) -> None:
    db.execute(_INSERT_HOLD, {"slot_id": slot_id, "owner": owner, "kind": kind, "places": places, "until": until})


# NO KEY: a change row that refers to a slot must not wait for its lock, or a settlement and a cancellation, which come
# from the other side, would deadlock.
_LOCK_SLOTS = text("SELECT id FROM slot WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
_HOLD = text("""
    UPDATE slot SET held = held + :places
    WHERE id = :slot_id AND open AND booked + held + :places <= capacity""")
_UNHOLD = text("UPDATE slot SET held = held - :places WHERE id = :slot_id")
_INSERT_HOLD = text("""
    INSERT INTO slot_hold (slot_id, owner, kind, places, expires_at)
    VALUES (:slot_id, :owner, :kind, :places, :until)""")
_HOLD_OF = text("SELECT slot_id, owner, places, expires_at FROM slot_hold WHERE owner = :owner")
_DELETE_HOLD = text("DELETE FROM slot_hold WHERE owner = :owner RETURNING slot_id, places")
_EXPIRED_SLOTS = text("""
    SELECT DISTINCT slot_id FROM slot_hold WHERE expires_at <= :now ORDER BY slot_id LIMIT :limit""")
_RECLAIM = text("""
    WITH gone AS (
        DELETE FROM slot_hold WHERE slot_id = :slot_id AND expires_at <= :now RETURNING places
    ), freed AS (
        UPDATE slot SET held = held - (SELECT coalesce(sum(places), 0) FROM gone)
        WHERE id = :slot_id AND EXISTS (SELECT FROM gone)
    )
    SELECT coalesce(sum(places), 0) FROM gone""")
