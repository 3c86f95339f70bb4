"""Passwords of staff: what is asked of them (3-1-C-xvi-c(a)) and how they are kept (Argon2id, 3-1-C-xvi-c(c)).

Citizens' passwords are the city's and follow other rules: see `cards/credentials.py` (F-07).
"""

import string
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from booking_core.refusal import Reason, Refusal

SHORTEST = 8
LONGEST = 128

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's floor for Argon2id: 19 MiB, two passes. About 0.05 s, so that a morning's sign-ins do not queue."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password was right; `new_hash` is set when the kept hash is weaker than today's."""

    matches: bool
    new_hash: str | None = None


def refusal_of_password(password: str, *, shortest: int = SHORTEST) -> Refusal | None:
    """Return why this password may not be set, or None: long enough, with upper, lower, digit and symbol.

    `shortest` can be raised by the city, never below 8.
    """
    plain = _plain(password)
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, string.punctuation)
    if max(shortest, SHORTEST) <= len(plain) <= LONGEST and all(set(kind) & set(plain) for kind in kinds):
        return None
    return Refusal(Reason.PASSWORD_TOO_WEAK, {"shortest": max(shortest, SHORTEST)})


def hash_password(password: str, *, hasher: PasswordHasher = HASHER) -> str:
    """Return the Argon2id hash to keep, with its salt and parameters."""
    return hasher.hash(_plain(password))


def verify(kept: str | None, password: str, *, hasher: PasswordHasher = HASHER) -> Verdict:
    """Compare a typed password with the kept hash. Without one (unknown login) the same work is done for nothing."""
    plain = _plain(password[: LONGEST + 1])
    try:
        hasher.verify(kept or _nobodys_hash(hasher), plain)
    except (VerificationError, InvalidHashError):
        return Verdict(matches=False)
    if not kept:
        return Verdict(matches=False)
    return Verdict(matches=True, new_hash=hasher.hash(plain) if hasher.check_needs_rehash(kept) else None)


@lru_cache(maxsize=8)
def _nobodys_hash(hasher: PasswordHasher) -> str:
    return hasher.hash("nobody has this password")


def _plain(password: str) -> str:
    """Read full-width letters, which a Japanese keyboard produces unasked, as the ASCII they stand for."""
    return unicodedata.normalize("NFKC", password)
