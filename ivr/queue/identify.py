"""Who is calling: the number and password of the letter, asked by the operator (F-35). A shown number proves nobody."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core import audit, holds, settings
from booking_core.actors import Actor, Channel, IdentifiedBy
from booking_core.cards.credentials import Identified, identify, identify_by_items, lift_lock, normalise_number
from booking_core.refusal import Reason, Refusal
from booking_core.settings import CallerItem
from booking_core.visit import CardView
from ivr.queue.calls import hold_owner, lock_in_hand


def identify_caller(
    db: Connection,
    call_id: int,
    number: str,
    password: str,
    *,
    account_id: int,
    by: Actor,
    pepper: bytes,
    real_now: datetime,
    now: datetime,
) -> Identified | Refusal:
    """Recognise the caller by number and password, through the same check and the same lock as the web (F-35).

    A refusal because of a wrong pair tells the operator, and her alone, whether the number exists: `number_known` among
    its facts (F-06).
    """
    call = lock_in_hand(db, call_id, account_id)
    if isinstance(call, Refusal):
        return call
    answer = identify(
        db,
        number,
        password,
        pepper=pepper,
        by_source=by.source,
        now=real_now,
        business_now=now,
        channel=Channel.PHONE,
    )
    if isinstance(answer, Refusal):
        return _with_the_cause(db, answer, number)
    return _recognise(db, call_id, answer, IdentifiedBy.NUMBER_AND_PASSWORD, by=by, now=now)


def identify_caller_by_items(
    db: Connection,
    call_id: int,
    number: str,
    answers: Mapping[CallerItem, str],
    *,
    account_id: int,
    by: Actor,
    pepper: bytes,
    real_now: datetime,
    now: datetime,
) -> Identified | Refusal:
    """Recognise a caller who lacks her password by the items the city has set, if it has set any (F-35)."""
    call = lock_in_hand(db, call_id, account_id)
    if isinstance(call, Refusal):
        return call
    items = [CallerItem(item) for item in settings.read_all(db).caller_items]
    answer = identify_by_items(
        db, number, answers, items=items, pepper=pepper, by_source=by.source, now=real_now, business_now=now
    )
    if isinstance(answer, Refusal):
        return _with_the_cause(db, answer, number)
    return _recognise(db, call_id, answer, IdentifiedBy.CITY_QUESTIONS, by=by, now=now)


def forget_caller(db: Connection, call_id: int, *, account_id: int, by: Actor, now: datetime) -> Refusal | None:
    """Let the next person in the same call be recognised: one of a family calls for all of them.

    What was booked for the person before stays with the call; a place kept aside for her and not booked is free again.
    """
    holds.release(db, hold_owner(call_id))
    call = lock_in_hand(db, call_id, account_id)
    if isinstance(call, Refusal):
        return call
    if call.identified_card_id is not None:
        db.execute(_FORGOTTEN, {"call_id": call_id})
        entry = audit.AuditEntry(by, "call.next_person", f"call:{call_id}", {"card_before": call.identified_card_id})
        audit.record(db, entry, now=now)
    return None


def lift_lock_in_call(
    db: Connection, call_id: int, number: str, *, account_id: int, by: Actor, pepper: bytes, now: datetime
) -> bool | Refusal:
    """Let a locked number be tried again at once, for the caller of this call; tell whether it was."""
    call = lock_in_hand(db, call_id, account_id)
    return call if isinstance(call, Refusal) else lift_lock(db, number, pepper=pepper, by=by, now=now)


def _recognise(
    db: Connection, call_id: int, who: Identified, how: IdentifiedBy, *, by: Actor, now: datetime
) -> Identified:
    db.execute(_IDENTIFIED, {"call_id": call_id, "card_id": who.card_id, "how": how})
    entry = audit.AuditEntry(by, "call.identify", f"call:{call_id}", {"card": who.card_id, "how": how})
    audit.record(db, entry, now=now)
    return who


def find_identified_card(db: Connection, card_id: int | None) -> CardView | None:
    """Return the card of a caller who has been identified, None before that."""
    row = db.execute(_CARD, {"card_id": card_id}).one_or_none() if card_id is not None else None
    return CardView(*row) if row else None


def _with_the_cause(db: Connection, refusal: Refusal, number: str) -> Refusal:
    if refusal.reason is not Reason.NOT_REGISTERED:
        return refusal
    known = db.execute(_KNOWN, {"number": normalise_number(number)}).one_or_none() is not None
    return Refusal(refusal.reason, {**refusal.facts, "number_known": known}, keeps_count=refusal.keeps_count)


_IDENTIFIED = text("UPDATE call SET identified_card_id = :card_id, identified_by = :how WHERE id = :call_id")
_FORGOTTEN = text("UPDATE call SET identified_card_id = NULL, identified_by = NULL WHERE id = :call_id")
_CARD = text("""
    SELECT k.id, k.number, k.kana, k.lies_at, b.id
    FROM card k LEFT JOIN booking b ON b.card_id = k.id AND b.state = 'booked'
    WHERE k.id = :card_id""")
_KNOWN = text("SELECT id FROM card WHERE number = :number")
