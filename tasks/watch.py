"""Watches the line: a person is told when the target is missed, when callers wait, when nobody minds the queue.

Each fault is told once, however long it lasts, and again only after it was over in between (hysteresis).
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from booking_core import settings
from booking_core.alarms import raise_once, rearm
from booking_core.clock import real_now
from booking_core.db import in_transaction
from ivr.health import SILENT_AFTER, newest_sign
from metrics.answer_rate import GOAL_PERCENT, strict_rate
from metrics.call_counts import count_calls
from metrics.call_facts import oldest_waiting_since
from tasks.wiring import JobWiring

WINDOW = timedelta(minutes=15)
REARM_PERCENT = 87
"""A rate has to come back above the goal by so much before it can alarm again: else it would at each call around it."""

CONFIRMED_AFTER = timedelta(seconds=15)
"""A line that starts together with the jobs is not yet seen at their first look."""

BELOW_TARGET, LONG_WAIT, LINE_SILENT = "line.below_target", "line.long_wait", "line.silent"


def watch_line(wiring: JobWiring) -> Mapping[str, int]:
    """Look once; return how many alarms are new."""
    looks = (_watch_rate, _watch_waits, _watch_process)
    return {"alarms": sum(in_transaction(wiring.engine, partial(look, wiring)) is True for look in looks)}


def _watch_rate(wiring: JobWiring, db: Connection) -> bool:
    """Below 85 % over the last 15 minutes, with enough calls to say so; over at 87 % and above."""
    now = wiring.clock.now()
    rate = strict_rate(count_calls(db, now - WINDOW, now))
    if rate.denominator < settings.read_all(db).alarm_least_calls:
        return False
    told = f"直近15分の応答率は{rate.percent}%（{rate.numerator}／{rate.denominator}）です。"
    if rate.numerator * 100 < GOAL_PERCENT * rate.denominator:
        message = f"応答率が目標の{GOAL_PERCENT}%を下回っています。{told}席を増やせるか確かめてください。"
        return raise_once(db, BELOW_TARGET, message, now=now, business_now=now)
    if rate.numerator * 100 >= REARM_PERCENT * rate.denominator:
        rearm(
            db,
            BELOW_TARGET,
            f"応答率が目標の{GOAL_PERCENT}%を下回りましたが、その後、戻りました。{told}",
            business_now=now,
        )
    return False


def _watch_waits(wiring: JobWiring, db: Connection) -> bool:
    """Somebody waits longer than is set; over when nobody does."""
    now, longest = wiring.clock.now(), timedelta(seconds=settings.read_all(db).alarm_wait_seconds)
    since = oldest_waiting_since(db)
    if since is not None and now - since > longest:
        waited = int((now - since).total_seconds()) // 60
        message = f"長くお待ちの方がいます（最長{waited}分）。受付可の席を増やせるか確かめてください。"
        return raise_once(db, LONG_WAIT, message, now=now, business_now=now)
    rearm(db, LONG_WAIT, "長くお待ちの方がいましたが、今はいません。", business_now=now)
    return False


def _watch_process(wiring: JobWiring, db: Connection) -> bool:
    """A line has run and none gives a sign of life any more; over at the next sign. One that never ran is no fault."""
    now, business_now, sign = real_now(), wiring.clock.now(), newest_sign(db)
    if sign.line is not None and now - sign.line > SILENT_AFTER:
        message = "電話をつなぐプログラムが動いていません。電話がオペレーターにつながりません。すぐに確かめてください。"
        return raise_once(db, LINE_SILENT, message, now=now, after=CONFIRMED_AFTER, business_now=business_now)
    message = "電話をつなぐプログラムが止まっていましたが、また動いています。"
    rearm(db, LINE_SILENT, message, business_now=business_now)
    return False
