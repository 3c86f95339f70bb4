"""The whole schedule. Beat only ticks, in real time; each job asks business time and its ledger whether it is due.

So nothing is lost when a tick is: the next one finds what is left. Two schedulers, or two workers, do no harm.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.daily_report import send_daily_report
from tasks.delivery import deliver_outbox
from tasks.upkeep import (
    cut_slots,
    drop_sessions,
    expire_holds,
    forget_failures,
    recount,
    seal_audit,
    settle_visits,
    verify_audit,
)
from tasks.watch import watch_line
from tasks.wiring import JobWiring


@dataclass(frozen=True, slots=True)
class Job:
    """A name, how often it is looked at in seconds, what it calls, and what it is good for."""

    name: str
    every_seconds: int
    run: Callable[[JobWiring], Mapping[str, int]]
    purpose: str


SCHEDULE = (
    Job("deliver_outbox", 10, deliver_outbox, "mail that is due leaves"),
    Job(
        "watch_line",
        15,
        watch_line,
        "somebody hears of a missed target, of long waits, of a line that stopped (3-2-J)",
    ),
    Job("expire_holds", 15, expire_holds, "places of run-out holds can be booked again"),
    Job("seal_audit", 60, seal_audit, "the audit trail shows tampering (3-1-C-ix)"),
    Job("settle_visits", 60, settle_visits, "visits nobody marked are settled at the end of the venue's day"),
    Job("daily_report", 60, send_daily_report, "the day's figures, once, after closing (3-2-L)"),
    Job("cut_slots", 600, cut_slots, "slots reach beyond the horizon, or an alarm says they do not"),
    Job("recount", 600, recount, "once a night: every counter equals its rows, or an alarm names the slots"),
    Job("verify_audit", 600, verify_audit, "once a night: the audit chain holds, or an alarm says where not"),
    Job("drop_sessions", 900, drop_sessions, "sessions that can not be used any more are gone"),
    Job("forget_failures", 900, forget_failures, "failed log-ins of which nothing follows any more are gone"),
)
