"""Accounts of the call centre's and the city's staff: one a person, never shared (3-1-C-xvi-a)."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from argon2 import PasswordHasher
from sqlalchemy import Connection, text

from booking_core import audit, lockout
from booking_core.actors import Actor, ActorKind, Channel
from booking_core.models import Role
from booking_core.refusal import Reason, Refusal
from booking_core.staff.passwords import HASHER, SHORTEST, hash_password, refusal_of_password, verify
from booking_core.staff.roles import staff_actor
from booking_core.staff.sessions import close_all_of, open_session

_LOGIN_SHAPE = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")
LONGEST_NAME = 60
LONGEST_TYPED = 200


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Somebody who is to get an account. `venue_id` is given for clerks who work at one counter."""

    login: str
    display_name: str
    role: Role
    password: str
    venue_id: int | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A member of staff who has just signed in, and the token for her cookie."""

    account_id: int
    role: str
    display_name: str
    token: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as the list shows it. `locked_until` is real time, None when it can be used."""

    id: int
    login: str
    display_name: str
    role: str
    venue_id: int | None
    active: bool
    locked_until: datetime | None


def normalise_login(typed: str) -> str:
    return unicodedata.normalize("NFKC", typed[:LONGEST_TYPED]).strip().lower()


def lock_digest(login: str) -> bytes:
    """Return the name under which failures on a login are counted, beside those of reservation numbers."""
    return sha256(f"staff\0{login}".encode(errors="replace")).digest()


def create_account(
    db: Connection,
    new: NewAccount,
    *,
    by: Actor,
    now: datetime,
    shortest_password: int = SHORTEST,
    hasher: PasswordHasher = HASHER,
) -> int | Refusal:
    """Make an account and return its id. Refused: a login that is misshapen or taken, a weak password."""
    login, name = normalise_login(new.login), " ".join(new.display_name.split())
    if not _LOGIN_SHAPE.fullmatch(login):
        return Refusal(Reason.LOGIN_INVALID)
    if not name or len(name) > LONGEST_NAME:
        return Refusal(Reason.TEXT_TOO_LONG if name else Reason.CONTACT_NEEDED)
    if refusal := refusal_of_password(new.password, shortest=shortest_password):
        return refusal
    values = {"login": login, "name": name, "role": Role(new.role), "venue_id": new.venue_id, "now": now}
    account_id = db.execute(
        _CREATE, values | {"password_hash": hash_password(new.password, hasher=hasher)}
    ).scalar_one_or_none()
    if account_id is None:
        return Refusal(Reason.LOGIN_TAKEN)
    detail = {"role": new.role, "venue": new.venue_id}
    personal = {"login": login, "display_name": name}
    audit.record(db, audit.AuditEntry(by, "account.create", f"account:{account_id}", detail, personal), now=now)
    return int(account_id)


def sign_in(
    db: Connection,
    login: str,
    password: str,
    *,
    door: str,
    source: str | None,
    now: datetime,
    business_now: datetime,
    lets_in: Callable[[str], bool] = lambda _: True,
    hasher: PasswordHasher = HASHER,
) -> SignedIn | Refusal:
    """Open a session for a login and password, as typed, or say why not (3-1-C-xvi-d(b)).

    Wrong, unknown and deactivated get one answer for the same work. Five failures within a quarter of an hour lock the
    login, known or not, even for the right password; see `lockout.py`. Refusals keep the count. Whose role the door
    does not let in (`lets_in`) is refused as not allowed, with no session and no sign-in on record. `now` is real time;
    `business_now` is the time under which it goes on record.
    """
    login = normalise_login(login)
    digest = lock_digest(login)
    tries = lockout.begin_try(db, digest, now=now)
    if tries.is_locked(now):
        return Refusal(Reason.SIGN_IN_LOCKED, {"until": tries.locked_until}, keeps_count=True)
    account = db.execute(_BY_LOGIN, {"login": login}).one_or_none()
    verdict = verify(account.password_hash if account else None, password, hasher=hasher)
    if account is None or not verdict.matches or not account.active:
        refusal = _failed(db, digest, tries, now=now)
        if refusal.reason is Reason.SIGN_IN_LOCKED:
            target = f"account:{account.id}" if account else f"unknown_login:{digest[:8].hex()}"
            _record_lock(db, target, {"door": door, **refusal.facts}, source=source, now=business_now)
        return refusal
    lockout.clear(db, digest)
    if verdict.new_hash:
        db.execute(_SET_PASSWORD, {"account_id": account.id, "password_hash": verdict.new_hash})
    if not lets_in(account.role):
        return Refusal(Reason.NOT_ALLOWED, keeps_count=True)
    token = open_session(db, account.id, door=door, source=source, now=now)
    by = staff_actor(account.role, account.id, source=source)
    audit.record(db, audit.AuditEntry(by, "sign_in", f"account:{account.id}", {"door": door}), now=business_now)
    return SignedIn(account.id, account.role, account.display_name, token)


def set_password(
    db: Connection,
    account_id: int,
    password: str,
    *,
    by: Actor,
    now: datetime,
    shortest_password: int = SHORTEST,
    hasher: PasswordHasher = HASHER,
) -> Refusal | None:
    """Give an account a new password and sign it out everywhere. Refused: a weak one, no such account."""
    if refusal := refusal_of_password(password, shortest=shortest_password):
        return refusal
    values = {"account_id": account_id, "password_hash": hash_password(password, hasher=hasher)}
    if not db.execute(_SET_PASSWORD, values).rowcount:
        return Refusal(Reason.NO_SUCH_ACCOUNT)
    close_all_of(db, account_id)
    audit.record(db, audit.AuditEntry(by, "account.password", f"account:{account_id}"), now=now)
    return None


def change_own_password(
    db: Connection,
    account_id: int,
    old: str,
    new: str,
    *,
    by: Actor,
    now: datetime,
    business_now: datetime,
    shortest_password: int = SHORTEST,
    hasher: PasswordHasher = HASHER,
) -> Refusal | None:
    """Let a member of staff change her own password at any time (3-1-C-xvi-c(b)); she is signed out everywhere.

    The old one is asked for, and a wrong one counts towards the lock of her login as at sign-in: whoever finds her
    desk unattended may not guess. `now` is real time; `business_now` is the time under which it goes on record.
    """
    if refusal := refusal_of_password(new, shortest=shortest_password):
        return refusal
    account = db.execute(_BY_ID, {"account_id": account_id}).one()
    digest = lock_digest(account.login)
    tries = lockout.begin_try(db, digest, now=now)
    if tries.is_locked(now):
        return Refusal(Reason.SIGN_IN_LOCKED, {"until": tries.locked_until}, keeps_count=True)
    if not verify(account.password_hash, old, hasher=hasher).matches:
        refusal = _failed(db, digest, tries, now=now)
        if refusal.reason is not Reason.SIGN_IN_LOCKED:
            return Refusal(Reason.OLD_PASSWORD_WRONG, keeps_count=True)
        _record_lock(db, f"account:{account_id}", dict(refusal.facts), source=by.source, now=business_now)
        return refusal
    lockout.clear(db, digest)
    return set_password(
        db, account_id, new, by=by, now=business_now, shortest_password=shortest_password, hasher=hasher
    )


def unlock(db: Connection, account_id: int, *, by: Actor, now: datetime) -> Refusal | None:
    """Let a locked account sign in again at once; how many tries had failed goes on record."""
    login = db.execute(_LOGIN_OF, {"account_id": account_id}).scalar_one_or_none()
    if login is None:
        return Refusal(Reason.NO_SUCH_ACCOUNT)
    if failures := lockout.clear(db, lock_digest(login)):
        audit.record(
            db, audit.AuditEntry(by, "account.unlock", f"account:{account_id}", {"failures": failures}), now=now
        )
    return None


def deactivate(db: Connection, account_id: int, *, by: Actor, now: datetime) -> Refusal | None:
    """End an account, and its sessions with it. The row stays: the audit trail names it.

    Refused for one's own: so there is always somebody left who can let the others in.
    """
    if by.id == account_id and by.kind in {ActorKind.CLERK, ActorKind.OPERATOR}:
        return Refusal(Reason.OWN_ACCOUNT)
    return _set_active(db, account_id, active=False, by=by, now=now)


def reactivate(db: Connection, account_id: int, *, by: Actor, now: datetime) -> Refusal | None:
    return _set_active(db, account_id, active=True, by=by, now=now)


def list_accounts(db: Connection, *, now: datetime) -> list[AccountView]:
    """Return all accounts by login, deactivated ones too. `now` is real time."""
    rows = db.execute(_LIST).all()
    locked = lockout.list_locked(db, [lock_digest(row.login) for row in rows], now=now)
    return [
        AccountView(
            row.id, row.login, row.display_name, row.role, row.venue_id, row.active, locked.get(lock_digest(row.login))
        )
        for row in rows
    ]


def find_account(db: Connection, account_id: int, *, now: datetime) -> AccountView | None:
    """Return one account. `now` is real time."""
    return next((each for each in list_accounts(db, now=now) if each.id == account_id), None)


def _set_active(db: Connection, account_id: int, *, active: bool, by: Actor, now: datetime) -> Refusal | None:
    if not db.execute(_SET_ACTIVE, {"account_id": account_id, "active": active}).rowcount:
        return Refusal(Reason.NO_SUCH_ACCOUNT)
    if not active:
        close_all_of(db, account_id)
    verb = "account.reactivate" if active else "account.deactivate"
    audit.record(db, audit.AuditEntry(by, verb, f"account:{account_id}"), now=now)
    return None


def _failed(db: Connection, digest: bytes, tries: lockout.Tries, *, now: datetime) -> Refusal:
    until = lockout.fail(db, digest, tries, now=now)
    if until is None:
        return Refusal(Reason.SIGN_IN_FAILED, keeps_count=True)
    return Refusal(Reason.SIGN_IN_LOCKED, {"until": until}, keeps_count=True)


def _record_lock(db: Connection, target: str, detail: dict[str, object], *, source: str | None, now: datetime) -> None:
    stranger = Actor(ActorKind.CLERK, None, Channel.SYSTEM, source=source)
    audit.record(db, audit.AuditEntry(stranger, "account.lock", target, detail), now=now)


_CREATE = text("""
    INSERT INTO staff_account (login, display_name, role, venue_id, password_hash, created_at)
    VALUES (:login, :name, :role, :venue_id, :password_hash, :now)
    ON CONFLICT (login) DO NOTHING RETURNING id""")
_BY_LOGIN = text("SELECT id, role, display_name, password_hash, active FROM staff_account WHERE login = :login")
_BY_ID = text("SELECT login, password_hash FROM staff_account WHERE id = :account_id")
_LOGIN_OF = text("SELECT login FROM staff_account WHERE id = :account_id")
_SET_PASSWORD = text("UPDATE staff_account SET password_hash = :password_hash WHERE id = :account_id")
_SET_ACTIVE = text("UPDATE staff_account SET active = :active WHERE id = :account_id AND active <> :active")
_LIST = text("SELECT id, login, display_name, role, venue_id, active FROM staff_account ORDER BY login")
