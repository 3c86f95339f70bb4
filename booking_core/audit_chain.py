"""The tamper-evident chain over the audit trail (3-1-C-ix): sealed by a job, so that no booking waits for it.

A seal lists the ids of its rows, hashes them, and includes the digest of the seal before. Whoever alters or removes a
row, or a seal in between, breaks the chain from there on. Personal values take part only by the salted hash in their
row: they may be erased, and not changed. Cutting off the newest seals together with their rows shows only against a
digest that is kept elsewhere: print `newest_digest` where the city reads it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, text

from booking_core.audit import personal_digest

ROWS_A_SEAL = 500
SEALS_AT_ONCE = 500
"""How many seals the check reads together: 720,000 rows lie under some 100,000 of them."""

SETTLED_SEALS = 1_000
"""Among so many seals, older than a day, the highest id is looked for. One a minute at most, and a row shows itself
within seconds of its id: the highest lies among the newest few."""

FIRST_LINK = bytes(32)
ONE_SEALER_AT_A_TIME = 0x5345414C
LATE = timedelta(days=1)
"""How long a transaction may at most take to show its rows after its id was drawn. Real ones live for seconds."""


class Fault(StrEnum):
    ROWS_GONE = "rows_gone"
    ROWS_ALTERED = "rows_altered"
    PERSONAL_ALTERED = "personal_altered"
    CHAIN_CUT = "chain_cut"
    NEVER_SEALED = "never_sealed"  # a row slipped in under an old id


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """Where the chain does not hold. `audit_ids` are the rows concerned; of altered ones, all of their seal."""

    fault: Fault
    seal_id: int | None
    audit_ids: tuple[int, ...]


def seal(db: Connection, *, now: datetime) -> int:
    """Seal every audit row that can be seen and is not sealed yet; return how many. `now` is real time.

    Rows of transactions that are still running get their seal the next time, in whatever order their ids were drawn.
    """
    db.execute(_LOCK, {"key": ONE_SEALER_AT_A_TIME})
    sealed = 0
    while rows := db.execute(_UNSEALED, {"late": LATE, "seals": SETTLED_SEALS, "limit": ROWS_A_SEAL}).all():
        previous = newest_digest(db) or FIRST_LINK
        ids = [row.id for row in rows]
        link = {"ids": ids, "previous": previous, "digest": _digest(previous, rows), "now": now}
        db.execute(_SEAL, link)
        sealed += len(rows)
    return sealed


def newest_digest(db: Connection) -> bytes | None:
    """Return the digest at the end of the chain, None while nothing was sealed."""
    found = db.execute(_NEWEST).scalar_one_or_none()
    return None if found is None else bytes(found)


def verify(db: Connection) -> list[BrokenLink]:
    """Return every place at which the chain does not hold; an empty list says that nothing was tampered with."""
    broken: list[BrokenLink] = []
    previous = FIRST_LINK
    for link, rows in _read_links(db):
        if bytes(link.previous) != previous:
            broken.append(BrokenLink(Fault.CHAIN_CUT, link.id, ()))
        broken += _faults_of(link, rows)
        previous = bytes(link.digest)
    slipped_in = tuple(db.execute(_SLIPPED_IN, {"late": LATE, "seals": SETTLED_SEALS}).scalars())
    return [*broken, BrokenLink(Fault.NEVER_SEALED, None, slipped_in)] if slipped_in else broken


def _read_links(db: Connection) -> Iterator[tuple[Row[Any], list[Row[Any]]]]:
    """Return every seal in order with those of its rows that are there, some hundred seals to a question."""
    after = 0
    while links := db.execute(_SEALS, {"after": after, "limit": SEALS_AT_ONCE}).all():
        after = links[-1].id
        ids = sorted({each for link in links for each in link.audit_ids})
        found = {row.id: row for row in db.execute(_ROWS, {"ids": ids})}
        for link in links:
            yield link, [found[each] for each in sorted(set(link.audit_ids)) if each in found]


def _faults_of(link: Row[Any], rows: Sequence[Row[Any]]) -> Iterator[BrokenLink]:
    if gone := set(link.audit_ids) - {row.id for row in rows}:
        yield BrokenLink(Fault.ROWS_GONE, link.id, tuple(sorted(gone)))
    elif _digest(bytes(link.previous), rows) != bytes(link.digest):
        yield BrokenLink(Fault.ROWS_ALTERED, link.id, tuple(link.audit_ids))
    if changed := _with_changed_values(rows):
        yield BrokenLink(Fault.PERSONAL_ALTERED, link.id, changed)


def _with_changed_values(rows: Iterable[Row[Any]]) -> tuple[int, ...]:
    """Return the rows whose personal values are there and are not those that were recorded."""
    kept = [row for row in rows if row.salt is not None]
    return tuple(
        row.id
        for row in kept
        if row.personal_digest is None or personal_digest(bytes(row.salt), row.content) != bytes(row.personal_digest)
    )


def _digest(previous: bytes, rows: Sequence[Row[Any]]) -> bytes:
    hashed = sha256(previous)
    for row in rows:
        hashed.update(_canonical(row))
    return hashed.digest()


def _canonical(row: Row[Any]) -> bytes:
    """Return an audit row as it is hashed: one line of JSON, the same on every machine and release."""
    values = [
        row.id,
        row.at.astimezone(UTC).isoformat(),
        row.actor_kind,
        row.actor_id,
        row.on_behalf_of,
        row.channel,
        row.identified_by,
        row.source,
        row.verb,
        row.target,
        row.detail,
        bytes(row.personal_digest).hex() if row.personal_digest is not None else None,
    ]
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


_HASHED = """
    a.id, a.at, a.actor_kind, a.actor_id, a.on_behalf_of, a.channel, a.identified_by, a.source,
    a.verb, a.target, a.detail::text AS detail, a.personal_digest"""

# Ids below `settled` were looked through again a day after rows above them had been sealed: nothing is missing there.
_SETTLED = """
    newest AS (SELECT max(sealed_at) AS at FROM audit_seal),
    settled AS (
        SELECT coalesce(max(old.last), 0) AS id FROM (
            SELECT audit_ids[cardinality(audit_ids)] AS last FROM audit_seal, newest
            WHERE sealed_at <= newest.at - CAST(:late AS interval) ORDER BY audit_seal.id DESC LIMIT :seals) AS old)"""

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_UNSEALED = text(f"""
    WITH {_SETTLED}, recent AS (
        SELECT unnest(audit_ids) AS id FROM audit_seal, newest WHERE sealed_at > newest.at - CAST(:late AS interval))
    SELECT {_HASHED} FROM audit a, settled
    WHERE a.id > settled.id AND NOT EXISTS (SELECT FROM recent WHERE recent.id = a.id)
    ORDER BY a.id LIMIT :limit""")  # noqa: S608 - constants of this file
_SEAL = text("""
    INSERT INTO audit_seal (audit_ids, previous, digest, sealed_at) VALUES (:ids, :previous, :digest, :now)""")
_NEWEST = text("SELECT digest FROM audit_seal ORDER BY id DESC LIMIT 1")
_SEALS = text("""
    SELECT id, audit_ids, previous, digest FROM audit_seal WHERE id > :after ORDER BY id LIMIT :limit""")
_ROWS = text(f"""
    SELECT {_HASHED}, p.salt, p.content FROM audit a LEFT JOIN audit_personal p ON p.audit_id = a.id
    WHERE a.id = ANY(:ids) ORDER BY a.id""")  # noqa: S608 - constants of this file
_SLIPPED_IN = text(f"""
    WITH {_SETTLED}
    SELECT a.id FROM audit a, settled WHERE a.id <= settled.id
    EXCEPT SELECT unnest(audit_ids) FROM audit_seal
    ORDER BY id""")  # noqa: S608 - constants of this file
