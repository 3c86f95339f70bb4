"""What the line says beyond its prompts, for a while: closures with their reason, and notices heard while waiting."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor
from booking_core.refusal import Reason, Refusal
from ivr.queue.models import NoticeKind

LONGEST_WORDS = 200
"""Signs: some twenty-five seconds of speech, which the caller pays for (3-2-D)."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A closure or a notice, in force from `starts_at` until `ends_at`."""

    id: int
    kind: NoticeKind
    words: str
    starts_at: datetime
    ends_at: datetime
    created_by: str | None

    def is_in_force(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


def add_notice(
    db: Connection, kind: NoticeKind, words: str, *, starts_at: datetime, ends_at: datetime, by: Actor, now: datetime
) -> int | Refusal:
    """Close the line, or let callers hear something, for a while; return its id.

    Refused: no words or more than fit, an end that lies before the start or in the past.
    """
    said = " ".join(words.split())
    if not said or len(said) > LONGEST_WORDS:
        return Refusal(Reason.NOTICE_WORDS, {"longest": LONGEST_WORDS})
    if ends_at <= starts_at or ends_at <= now:
        return Refusal(Reason.NOTICE_TIME)
    values = {"kind": kind, "words": said, "starts_at": starts_at, "ends_at": ends_at, "now": now, "by": by.id}
    notice_id = int(db.execute(_ADD, values).scalar_one())
    detail = {"kind": kind, "words": said, "from": starts_at, "until": ends_at}
    audit.record(db, audit.AuditEntry(by, "line_notice.add", f"line_notice:{notice_id}", detail), now=now)
    return notice_id


def end_notice(db: Connection, notice_id: int, *, by: Actor, now: datetime) -> bool:
    """Let a closure or a notice end now, or not begin at all; tell whether it was in force or to come.

    What was in force stays on record with the time it really ended: reports count the calls of that time as closed.
    """
    gone = (
        db.execute(_DROP, {"id": notice_id, "now": now}).rowcount
        + db.execute(_END, {"id": notice_id, "now": now}).rowcount
    )
    if gone:
        audit.record(db, audit.AuditEntry(by, "line_notice.end", f"line_notice:{notice_id}"), now=now)
    return bool(gone)


def list_notices(db: Connection, *, now: datetime) -> list[Notice]:
    """Return what is in force or to come, in order."""
    return [Notice(row[0], NoticeKind(row[1]), *row[2:]) for row in db.execute(_LIST, {"now": now})]


def words_in_force(db: Connection, *, now: datetime) -> list[str]:
    """Return what callers hear at this moment while they wait."""
    return list(db.execute(_IN_FORCE, {"now": now}).scalars())


_ADD = text("""
    INSERT INTO line_notice (kind, words, starts_at, ends_at, created_at, created_by)
    VALUES (:kind, :words, :starts_at, :ends_at, :now, :by) RETURNING id""")
_DROP = text("DELETE FROM line_notice WHERE id = :id AND starts_at >= :now")
_END = text("UPDATE line_notice SET ends_at = :now WHERE id = :id AND starts_at < :now AND ends_at > :now")
_LIST = text("""
    SELECT n.id, n.kind, n.words, n.starts_at, n.ends_at, a.display_name
    FROM line_notice n LEFT JOIN staff_account a ON a.id = n.created_by
    WHERE n.ends_at > :now ORDER BY n.starts_at, n.id""")
_IN_FORCE = text("""
    SELECT words FROM line_notice WHERE kind = 'notice' AND starts_at <= :now AND ends_at > :now ORDER BY id""")
