"""The day's figures go out once, after closing, on days on which the line was open (3-2-L, F-38)."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from booking_core import jobs, outbox, settings
from booking_core.alarms import raise_alarm
from booking_core.clock import real_now, tokyo_day
from booking_core.date_words import date_ja
from booking_core.db import in_transaction
from booking_core.jobs import JobClaim
from booking_core.refusal import Reason, Refusal
from ivr.hours import LineHours, read_hours
from metrics.day_end import days_to_complete, find_unfinished, is_report_due
from metrics.day_figures import figures_of_day
from tasks.delivery import MAIL
from tasks.reports.daily import DailyReport, body, subject
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


def compose(db: Connection, day: date, hours: LineHours, now: datetime) -> DailyReport:
    """Return the report of a day as it stands at `now`."""
    return DailyReport(
        service_name=settings.read_all(db).service_name,
        today=figures_of_day(db, day),
        before=[figures_of_day(db, each) for each in days_to_complete(day, hours)],
        cut_off=now,
        unfinished=find_unfinished(db, day),
    )


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
    report = compose(db, day, read_hours(db, now=now), now)
    recipients = tuple(dict.fromkeys([*wiring.report_to, *settings.read_all(db).report_recipients]))
    for address in recipients:
        content = {"to": address, "subject": subject(report), "body": body(report)}
        outbox.put(db, MAIL, f"{KIND}:{day}:{address}", content, now=real_now())
    if not recipients:
        raise_alarm(
            db, "report.nobody", "日報の送り先がありません。設定で送り先のメールアドレスを登録してください。", now=now
        )
    kept = {
        "cut_off": now.isoformat(),
        "recipients": len(recipients),
        "unfinished": [report.unfinished.calls, report.unfinished.wrap_ups],
        "figures": [json.loads(each.canonical_json()) for each in (*report.before, report.today)],
    }
    return len(recipients) if jobs.finish(db, claim, now=real_now(), outcome=kept) else Refusal(Reason.BUSY)
