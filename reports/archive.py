"""Where reports are kept: written once, found again, sent again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from booking_core import audit, outbox
from booking_core.actors import Actor
from booking_core.refusal import Reason, Refusal
from reports.content import FORM, DailyContent, DayRow, canonical, digest, read
from reports.daily_text import body, subject
from reports.files import list_possible

MAIL = "mail"
COMPLETED_WITHIN = timedelta(days=31)
"""How long after a day the report can be that completes it."""


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as it was made."""

    id: int
    day: date
    cut_off: datetime
    made_at: datetime
    digest: str
    content: DailyContent


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report in the list of the archive, with how many of its mails are sent, wait and were given up."""

    id: int
    day: date
    cut_off: datetime
    sent: int
    waiting: int
    given_up: int


def keep(db: Connection, content: DailyContent, *, now: datetime) -> int:
    """Keep a day's report and return its id. There is one a day, and the database says no to a second."""
    kept = canonical(content)
    values = {
        "day": date.fromisoformat(content["today"]["day"]),
        "cut_off": datetime.fromisoformat(content["cut_off"]),
        "now": now,
        "form": FORM,
        "content": kept,
        "digest": digest(kept),
    }
    return int(db.execute(_KEEP, values).scalar_one())


def find_report(db: Connection, day: date) -> KeptReport | None:
    row = db.execute(_FIND, {"day": day}).one_or_none()
    return _report(row) if row else None


def get_report(db: Connection, report_id: int) -> KeptReport:
    """Return a report that a row refers to."""
    return _report(db.execute(_GET, {"id": report_id}).one())


def list_reports(db: Connection, *, limit: int) -> Sequence[ReportLine]:
    """Return the newest reports, newest first."""
    return [ReportLine(*row) for row in db.execute(_LIST, {"limit": limit})]


def list_months(db: Connection) -> Sequence[date]:
    """Return the first days of the months with reports, newest first."""
    return list(db.execute(_MONTHS).scalars())


def list_day_rows(db: Connection, first: date, last: date) -> dict[date, tuple[DayRow, bool]]:
    """Return what reports last said of each day, and whether that is complete: a later report told it again."""
    known: dict[date, tuple[DayRow, bool]] = {}
    for row in db.execute(_BETWEEN, {"first": first, "last": last + COMPLETED_WITHIN}):
        content = read(row.content)
        for day in content["before"]:
            known[date.fromisoformat(day["day"])] = (day, True)
        known.setdefault(date.fromisoformat(content["today"]["day"]), (content["today"], False))
    return {day: known[day] for day in sorted(known) if first <= day <= last}


def put_mails(
    db: Connection,
    report_id: int,
    content: DailyContent,
    to: Iterable[str],
    *,
    key: str,
    files: Sequence[str],
    now: datetime,
) -> int:
    """Leave a report to be sent to each address once for a `key`; return to how many it is new.

    The mail names the report and the kinds of its files; they are rendered when it is sent.
    """
    mail = {"subject": subject(content), "body": body(content), "report": report_id, "files": list(files)}
    return sum(outbox.put(db, MAIL, f"{key}:{address}", mail | {"to": address}, now=now) for address in to)


def send_again(
    db: Connection, report: KeptReport, to: Sequence[str], *, key: str, by: Actor, now: datetime, real_now: datetime
) -> int | Refusal:
    """Send a kept report once more to each address; return how many mails that is. The same key sends nothing twice."""
    if not to:
        return Refusal(Reason.NO_RECIPIENTS)
    files, _ = list_possible(report.content)
    mails = put_mails(
        db, report.id, report.content, to, key=f"report:{report.day}:again:{key}", files=files, now=real_now
    )
    if mails:
        detail = {"day": f"{report.day}", "mails": mails}
        audit.record(db, audit.AuditEntry(by, "report.resend", f"report:{report.id}", detail), now=now)
    return mails


def _report(row: Row[Any]) -> KeptReport:
    return KeptReport(row.id, row.day, row.cut_off, row.made_at, row.digest, read(row.content))


_COLUMNS = "id, day, cut_off, made_at, digest, content"
_KEEP = text("""
    INSERT INTO report (day, cut_off, made_at, form, content, digest)
    VALUES (:day, :cut_off, :now, :form, :content, :digest) RETURNING id""")
_FIND = text(f"SELECT {_COLUMNS} FROM report WHERE day = :day")  # noqa: S608 - the columns above
_GET = text(f"SELECT {_COLUMNS} FROM report WHERE id = :id")  # noqa: S608 - likewise
_LIST = text("""
    SELECT r.id, r.day, r.cut_off, count(m.sent_at),
           count(*) FILTER (WHERE m.id IS NOT NULL AND m.sent_at IS NULL AND m.failed_at IS NULL), count(m.failed_at)
    FROM (SELECT id, day, cut_off FROM report ORDER BY day DESC LIMIT :limit) r
    LEFT JOIN outbox m ON m.kind = 'mail' AND m.content ->> 'report' = CAST(r.id AS text)
    GROUP BY r.id, r.day, r.cut_off
    ORDER BY r.day DESC""")
_MONTHS = text("SELECT DISTINCT CAST(date_trunc('month', day) AS date) AS month FROM report ORDER BY month DESC")
_BETWEEN = text("SELECT content FROM report WHERE day >= :first AND day <= :last ORDER BY day")
