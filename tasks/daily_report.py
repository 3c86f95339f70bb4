"""The day's figures go out once, after closing, on days on which the line was open (3-2-L, F-38)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from booking_core import jobs, settings
from booking_core.alarms import raise_alarm
from booking_core.clock import real_now, tokyo_day
from booking_core.date_words import date_ja
from booking_core.db import in_transaction
from booking_core.jobs import JobClaim
from booking_core.refusal import Reason, Refusal
from ivr.hours import LineHours, read_hours
from metrics.day_end import find_unfinished, is_report_due
from reports import archive
from reports.content import DailyContent
from reports.daily import compose
from reports.files import list_possible
from tasks.wiring import JobWiring

KIND = "daily_report"
LEASE = timedelta(minutes=5)
LOOKED_BACK_DAYS = 31
"""A report that could not be made (everything was down) is made later, up to so many days after its day; longer than
the rest at the year's end. What is given up is told in an alarm."""


def send_daily_report(wiring: JobWiring) -> Mapping[str, int]:
    """Put the reports that are due and not yet made into the outbox; usually none, once a working day one."""
    now = wiring.clock.now()
    with wiring.engine.connect() as db:
        hours = read_hours(db, now=now)
        days = _list_due(db, hours, now)
        given_up = _list_given_up(db, hours, now) if days else []
    if given_up:
        in_transaction(wiring.engine, lambda db: _tell_given_up(db, given_up, now))
    return {"mails": sum(_report(wiring, day, now) for day in days)}


def _list_due(db: Connection, hours: LineHours, now: datetime) -> Sequence[date]:
    """Return the days whose report is due, oldest first. A line that has never reported begins today."""
    today = tokyo_day(now)
    earliest = today - timedelta(days=LOOKED_BACK_DAYS)
    done = jobs.list_done(db, KIND, since=f"{earliest}")
    begin = max(earliest, date.fromisoformat(done[0])) if done else today
    days = (begin + timedelta(days=n) for n in range((today - begin).days + 1))
    return [
        day for day in days if f"{day}" not in done and is_report_due(day, hours, find_unfinished(db, day), now=now)
    ]


def _list_given_up(db: Connection, hours: LineHours, now: datetime) -> Sequence[date]:
    """Return the days too long ago to be made up for: told once, since a report that is made closes the gap."""
    earliest = tokyo_day(now) - timedelta(days=LOOKED_BACK_DAYS)
    done = jobs.list_done(db, KIND, since=f"{earliest}")
    if not done or date.fromisoformat(done[-1]) >= earliest:
        return []
    newest = date.fromisoformat(done[-1])
    missed = (newest + timedelta(days=n) for n in range(1, (earliest - newest).days))
    return [day for day in missed if hours.open_on(day)]


def _tell_given_up(db: Connection, days: Sequence[date], now: datetime) -> None:
    message = (
        f"{date_ja(days[0])}から{date_ja(days[-1])}までの日報{len(days)}日分は、日がたちすぎたため作りませんでした。"
        "必要なときは、集計を依頼してください。"
    )
    raise_alarm(db, "report.given_up", message, now=now)


def _report(wiring: JobWiring, day: date, now: datetime) -> int:
    """Make one day's report, if nobody else is at it; return how many mails it became."""
    claim = in_transaction(wiring.engine, lambda db: jobs.claim_period(db, KIND, f"{day}", now=real_now(), lease=LEASE))
    if claim is None or isinstance(claim, Refusal):
        return 0
    mails = in_transaction(wiring.engine, lambda db: _put_mails(db, wiring, day, claim, now))
    return 0 if isinstance(mails, Refusal) else mails


def _put_mails(db: Connection, wiring: JobWiring, day: date, claim: JobClaim, now: datetime) -> int | Refusal:
    report = compose(db, day, read_hours(db, now=now), now=now)
    report_id = archive.keep(db, report, now=real_now())
    to = settings.list_report_recipients(db, wiring.report_to)
    mails = archive.put_mails(
        db, report_id, report, to, key=f"{KIND}:{day}", files=_files(db, report, now), now=real_now()
    )
    if not to:
        raise_alarm(
            db, "report.nobody", "日報の送り先がありません。設定で送り先のメールアドレスを登録してください。", now=now
        )
    kept = {"report": report_id, "cut_off": now.isoformat(), "recipients": len(to)}
    return mails if jobs.finish(db, claim, now=real_now(), outcome=kept) else Refusal(Reason.BUSY)


def _files(db: Connection, report: DailyContent, now: datetime) -> Sequence[str]:
    possible, why_not = list_possible(report)
    if why_not:
        raise_alarm(db, "report.pdf", f"日報のPDFを作れませんでした。CSVだけを送ります。理由：{why_not}", now=now)
    return possible
