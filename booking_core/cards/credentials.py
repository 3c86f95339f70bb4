"""Is this the number and the password of the letter? The same answer for a wrong and for an unknown one (F-06).

Numbers and passwords are set by the city and short, so they are kept as HMACs under a pepper that lies outside the
database: a copy of the database alone lets nobody guess.
"""

import hmac
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from booking_core import audit, lockout
from booking_core.actors import Actor, ActorKind, Channel
from booking_core.contact import kana_key
from booking_core.phone import normalise_phone
from booking_core.refusal import Reason, Refusal
from booking_core.settings import CallerItem

LONGEST_NUMBER = 32
LONGEST_PASSWORD = 64
LONGEST_TYPED = 256
_NOT_TYPED_ON_PURPOSE = {"Pd", "Zs", "Zl", "Zp", "Cc", "Cf"}  # dashes, spaces, line ends, invisible signs
_DASHES_OF_OTHER_KINDS = frozenset("ー−─━⁃﹣")  # long mark, minus, box lines: what keyboards and print make of a hyphen
_NOBODYS = bytes(32)


@dataclass(frozen=True, slots=True)
class Identified:
    """The card whose number and password were given."""

    card_id: int


def normalise_number(typed: str) -> str:
    """Return a reservation number as it is kept: half-width, upper case, without dashes and spaces.

    What is longer than a number can be comes back one character too long, so that it never equals one.
    """
    return _bare(typed).upper()[: LONGEST_NUMBER + 1]


def normalise_password(typed: str) -> str:
    """Return a password as it is hashed: half-width, without dashes and spaces; small and capital letters differ."""
    return _bare(typed)[: LONGEST_PASSWORD + 1]


def _bare(typed: str) -> str:
    plain = unicodedata.normalize("NFKC", typed[:LONGEST_TYPED])
    return "".join(
        sign
        for sign in plain
        if sign not in _DASHES_OF_OTHER_KINDS and unicodedata.category(sign) not in _NOT_TYPED_ON_PURPOSE
    )


def password_hmac(pepper: bytes, number: str, password: str) -> bytes:
    """Return what is kept of a password: HMAC-SHA-256 over the normalised number and password.

    The number takes part, so that equal passwords of two cards do not look alike.
    """
    return hmac.digest(pepper, f"password\0{number}\0{password}".encode(), "sha256")


def lock_digest(pepper: bytes, number: str) -> bytes:
    """Return the name under which failures on a number are counted: it says nothing about the number."""
    return hmac.digest(pepper, f"lock\0{number}".encode(), "sha256")


def identify(
    db: Connection,
    number: str,
    password: str,
    *,
    pepper: bytes,
    by_source: str | None,
    now: datetime,
    business_now: datetime,
    channel: Channel = Channel.WEB,
) -> Identified | Refusal:
    """Return the card with this number and password, as typed, or why nobody is let in (3-1-A-iv).

    Wrong and unknown get one answer for the same work. After five failures within a quarter of an hour the number is
    locked, for every door and even for the right password; see `lockout.py`. Refusals keep the count.

    `now` is real time, by which failures are counted; `business_now` is the time under which a lock goes on record.
    """
    given = password_hmac(pepper, normalise_number(number), normalise_password(password))
    who = _Who(number, pepper, by_source, channel, now, business_now)
    return _judge(db, who, lambda card: hmac.compare_digest(given, bytes(card.password_hmac) if card else _NOBODYS))


def identify_by_items(
    db: Connection,
    number: str,
    answers: Mapping[CallerItem, str],
    *,
    items: Collection[CallerItem],
    pepper: bytes,
    by_source: str | None,
    now: datetime,
    business_now: datetime,
) -> Identified | Refusal:
    """Return the card with this number whose holder could answer every item the city asks instead of a password (F-35).

    Counts failures with those of the password, under the same lock. Refused as well while the city asks for nothing.
    """
    if not items:
        return Refusal(Reason.NOT_ALLOWED)
    who = _Who(number, pepper, by_source, Channel.PHONE, now, business_now)
    return _judge(
        db, who, lambda card: card is not None and all(_fits(item, answers.get(item, ""), card) for item in items)
    )


def _fits(item: CallerItem, answer: str, card: Row[Any]) -> bool:
    """Compare an answer with the record; what the record does not hold fits nothing."""
    match item:
        case CallerItem.KANA:
            return bool(card.kana_key) and kana_key(answer) == card.kana_key
        case CallerItem.PHONE:
            return bool(card.phone) and normalise_phone(answer) == card.phone


@dataclass(frozen=True, slots=True)
class _Who:
    """Who tries which number, from where and when."""

    number: str
    pepper: bytes
    source: str | None
    channel: Channel
    now: datetime
    business_now: datetime


def _judge(db: Connection, who: _Who, fits: Callable[[Row[Any] | None], bool]) -> Identified | Refusal:
    """Judge one try under the number's lock; unknown numbers cost the same work as known ones."""
    number = normalise_number(who.number)
    digest = lock_digest(who.pepper, number)
    tries = lockout.begin_try(db, digest, now=who.now)
    card = db.execute(_CARD, {"number": number}).one_or_none()
    matches = fits(card)
    if tries.is_locked(who.now):
        return Refusal(Reason.LOCKED, {"until": tries.locked_until}, keeps_count=True)
    if matches and card:
        lockout.clear(db, digest)
        return Identified(card.id)
    until = lockout.fail(db, digest, tries, now=who.now)
    if until is None:
        return Refusal(Reason.NOT_REGISTERED, keeps_count=True)
    known = card.id if card else None
    _record_lock(db, digest, known, until, channel=who.channel, source=who.source, now=who.business_now)
    return Refusal(Reason.LOCKED, {"until": until}, keeps_count=True)


def lift_lock(db: Connection, number: str, *, pepper: bytes, by: Actor, now: datetime) -> bool:
    """Let a number be tried again at once, for a caller whom staff have recognised; tell whether it was counted.

    The number of tries goes on record: five are a forgotten password, five hundred somebody who guesses. `now` is
    business time, of the audit row.
    """
    number = normalise_number(number)
    digest = lock_digest(pepper, number)
    failures = lockout.clear(db, digest)
    if failures:
        card = db.execute(_CARD, {"number": number}).one_or_none()
        target = _target(digest, card.id if card else None)
        audit.record(db, audit.AuditEntry(by, "credential.unlock", target, {"failures": failures}), now=now)
    return failures > 0


def _record_lock(
    db: Connection,
    digest: bytes,
    card_id: int | None,
    until: datetime,
    *,
    channel: Channel,
    source: str | None,
    now: datetime,
) -> None:
    kind = ActorKind.KEYPAD if channel is Channel.KEYPAD else ActorKind.CITIZEN
    nobody_known = Actor(kind, None, channel, source=source)
    entry = audit.AuditEntry(nobody_known, "credential.lock", _target(digest, card_id), {"until": until})
    audit.record(db, entry, now=now)


def _target(digest: bytes, card_id: int | None) -> str:
    """Name the card, or an unknown number by the beginning of its digest: no number stands in the audit trail."""
    return f"card:{card_id}" if card_id else f"unknown_number:{digest[:8].hex()}"


_CARD = text("""
    SELECT k.id, k.password_hmac, k.kana_key, b.phone
    FROM card k LEFT JOIN booking b ON b.card_id = k.id AND b.state = 'booked'
    WHERE k.number = :number""")
