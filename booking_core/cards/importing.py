"""Card records are taken in from a file: all that can be, in one transaction, with a reason for each line that cannot.

Importing again brings records up to date; a card that was handed over or withdrawn is left alone. A trial run does the
very same work and takes it back.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor
from booking_core.cards.credentials import password_hmac
from booking_core.cards.import_file import CardFile, CardLine, RejectedLine, read_card_file
from booking_core.contact import kana_key
from booking_core.models import VenueKind
from booking_core.refusal import Reason, Refusal

ROWS_AT_ONCE = 5_000
ONE_IMPORT_AT_A_TIME = 0x43415244
LONGEST_FILE_NAME = 200
FINISHED = "このカードは、お渡し済みか、お渡しできない状態です。"
PLACE_UNKNOWN = "保管場所が登録されていません。場所のコードか名前を入れてください。"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of every line: added, updated, unchanged and rejected add up to `rows_read`."""

    rows_read: int
    added: int
    updated: int
    unchanged: int
    rejected: tuple[RejectedLine, ...]


@dataclass(slots=True)
class _Written:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[RejectedLine] = field(default_factory=list)


def import_cards(
    db: Connection,
    content: bytes,
    *,
    file_name: str,
    pepper: bytes,
    by: Actor,
    now: datetime,
    dry_run: bool = False,
) -> ImportReport | Refusal:
    """Take in the card records of a file and return what became of its lines (3-1-B-iv).

    Refused as a whole, with `facts["why"]` saying what to do: a file that cannot be read, one with a column of My
    Numbers, and one that was imported before. A `dry_run` returns the same report and changes nothing.
    """
    read = read_card_file(content)
    if isinstance(read, Refusal):
        return read
    db.execute(_LOCK, {"key": ONE_IMPORT_AT_A_TIME})
    digest = sha256(content).digest()
    if before := db.execute(_BATCH_OF, {"sha256": digest}).scalar_one_or_none():
        said = f"同じ内容のファイルを、すでに取り込んでいます（{before}）。新しいファイルを選んでください。"
        return Refusal(Reason.IMPORT_REJECTED, {"why": said, "line": None})
    trial = db.begin_nested()
    batch_id = _open_batch(db, file_name, digest, read.rows_read, by=by, now=now)
    report = _take_in(db, read, batch_id=batch_id, pepper=pepper)
    if dry_run or len(report.rejected) == report.rows_read:
        trial.rollback()  # a file of which nothing was taken may come again, once what was wrong has been put right
    else:
        _close_batch(db, batch_id, report, by=by, now=now)
        trial.commit()
    return report


def _take_in(db: Connection, read: CardFile, *, batch_id: int, pepper: bytes) -> ImportReport:
    places = _places(db)
    placed = [line for line in read.lines if _folded(line.place) in places]
    unplaced = [RejectedLine(line.line, PLACE_UNKNOWN) for line in read.lines if _folded(line.place) not in places]
    written = _write(db, placed, places, batch_id=batch_id, pepper=pepper)
    rejected = sorted([*read.rejected, *unplaced, *written.rejected], key=lambda rejected: rejected.line)
    return ImportReport(read.rows_read, written.added, written.updated, written.unchanged, tuple(rejected))


def _open_batch(db: Connection, file_name: str, digest: bytes, rows_read: int, *, by: Actor, now: datetime) -> int:
    name = "".join(sign for sign in file_name if sign.isprintable())[-LONGEST_FILE_NAME:]
    values = {"file_name": name, "sha256": digest, "rows_read": rows_read, "now": now, "by": by.id}
    return int(db.execute(_OPEN_BATCH, values).scalar_one())


def _close_batch(db: Connection, batch_id: int, report: ImportReport, *, by: Actor, now: datetime) -> None:
    counts = {"added": report.added, "updated": report.updated}
    db.execute(_CLOSE_BATCH, {"batch_id": batch_id, **counts})
    detail = {"read": report.rows_read, "unchanged": report.unchanged, "rejected": len(report.rejected), **counts}
    audit.record(db, audit.AuditEntry(by, "cards.import", f"import:{batch_id}", detail), now=now)


def _places(db: Connection) -> dict[str, int]:
    """Return where cards may lie, by code and by name; "" is the storehouse, where they lie if nothing else is said."""
    places: dict[str, int] = {}
    for venue in db.execute(_VENUES):
        places |= {_folded(venue.code): venue.id, _folded(venue.name): venue.id}
        if venue.kind == VenueKind.STOREHOUSE:
            places.setdefault("", venue.id)
    if "" not in places:
        raise LookupError("no storehouse is on record: the city's venues must be loaded first")
    return places


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _write(
    db: Connection, lines: Sequence[CardLine], places: dict[str, int], *, batch_id: int, pepper: bytes
) -> _Written:
    written = _Written()
    remaining = iter(lines)
    while some := list(islice(remaining, ROWS_AT_ONCE)):
        row = db.execute(
            _WRITE, _columns(some, places, pepper) | {"batch_id": batch_id, "storehouse": places[""]}
        ).one()
        finished = set(row.finished)
        written.rejected += [RejectedLine(line.line, FINISHED) for line in some if line.number in finished]
        written.added += row.added
        written.updated += row.updated
        written.unchanged += len(some) - row.added - row.updated - len(finished)
    return written


def _columns(lines: Sequence[CardLine], places: dict[str, int], pepper: bytes) -> dict[str, object]:
    return {
        "numbers": [line.number for line in lines],
        "hmacs": [password_hmac(pepper, line.number, line.password) for line in lines],
        "kanas": [line.kana or None for line in lines],
        "kana_keys": [kana_key(line.kana) if line.kana else None for line in lines],
        "places": [places[_folded(line.place)] if line.place else None for line in lines],
    }


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_BATCH_OF = text("SELECT file_name FROM import_batch WHERE sha256 = :sha256")
_OPEN_BATCH = text("""
    INSERT INTO import_batch (file_name, sha256, rows_read, rows_added, rows_updated, imported_at, imported_by)
    VALUES (:file_name, :sha256, :rows_read, 0, 0, :now, :by) RETURNING id""")
_CLOSE_BATCH = text("UPDATE import_batch SET rows_added = :added, rows_updated = :updated WHERE id = :batch_id")
_VENUES = text("SELECT id, code, name, kind FROM venue ORDER BY position, id")
_WRITE = text("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:numbers AS text[]), CAST(:hmacs AS bytea[]), CAST(:kanas AS text[]),
                             CAST(:kana_keys AS text[]), CAST(:places AS integer[]))
                      AS line (number, password_hmac, kana, kana_key, lies_at)
    ), changed AS (
        UPDATE card
        SET password_hmac = given.password_hmac, kana = coalesce(given.kana, card.kana),
            kana_key = coalesce(given.kana_key, card.kana_key), lies_at = coalesce(given.lies_at, card.lies_at),
            batch_id = :batch_id
        FROM given
        WHERE card.number = given.number AND card.state NOT IN ('handed_over', 'withdrawn')
          AND (card.password_hmac, card.kana, card.lies_at) IS DISTINCT FROM
              (given.password_hmac, coalesce(given.kana, card.kana), coalesce(given.lies_at, card.lies_at))
        RETURNING card.number
    ), added AS (
        INSERT INTO card (number, password_hmac, kana, kana_key, state, lies_at, batch_id)
        SELECT number, password_hmac, coalesce(kana, ''), coalesce(kana_key, ''), 'imported',
               coalesce(lies_at, :storehouse), :batch_id
        FROM given
        WHERE NOT EXISTS (SELECT FROM card WHERE card.number = given.number)
        RETURNING number
    )
    SELECT (SELECT count(*) FROM added) AS added, (SELECT count(*) FROM changed) AS updated,
           ARRAY(SELECT card.number FROM card JOIN given USING (number)
                 WHERE card.state IN ('handed_over', 'withdrawn')) AS finished""")
