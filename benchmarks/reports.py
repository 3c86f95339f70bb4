"""How fast reports are: a day, a month and 1.5 million calls, beside one bare SQL aggregation of the same rows.

`python3 run.py bench reports [--json] [--rounds N]`. The product's side is what every report calls: all counts of every
period, and all rates and means made from them. The bare side is one statement through psycopg, written by hand for the
same counts on the ledger's table alone. Both must give the same counts, or there are no figures.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine

from benchmarks.stage import sqlalchemy_url
from booking_core.db import in_transaction, make_engine
from booking_core.refusal import Refusal
from engines.postgres import Postgres
from engines.supervisor import Stopped, stop_on_signals
from metrics.call_counts import PeriodCounts, count_calls_by
from metrics.figures import figures_of
from metrics.period import Period
from migrations.upgrade import upgrade

ROOT = Path(__file__).resolve().parent.parent
MOST_TIMES_AS_LONG = 2.0
FIRST_DAY = datetime(2025, 3, 31, 15, tzinfo=UTC)
"""Midnight of 1 April 2025 in Tokyo."""

CALLS_A_DAY = 750
QUICK_DAYS = 31
WARM_UP = 6
"""Rounds before it counts: after five, the driver has either side's statement prepared."""

MONTH_CALLS, MANY_CALLS = 15_480, 1_500_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    many: int = MANY_CALLS
    rounds: int = 5
    quick_rounds: int = 25  # of reports that take some milliseconds


@dataclass(frozen=True, slots=True)
class Comparison:
    """One report on both sides, in seconds, round by round."""

    name: str
    calls: int
    periods: int
    product: Sequence[float]
    bare: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times as long the product takes: the median over the rounds of one round's two times."""
        return statistics.median(mine / other for mine, other in zip(self.product, self.bare, strict=True))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "calls": self.calls,
            "periods": self.periods,
            "product_ms": round(statistics.median(self.product) * 1000, 2),
            "bare_ms": round(statistics.median(self.bare) * 1000, 2),
            "ratio": round(self.ratio, 3),
            "target": MOST_TIMES_AS_LONG,
            "holds": round(self.ratio, 3) <= MOST_TIMES_AS_LONG,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A report to measure: its span, cut into periods."""

    name: str
    period: Period
    days: int


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """Run everything once and return the figures.

    Raises:
        AssertionError: the two sides counted differently; there are no figures then.
    """
    days = -(-size.many // CALLS_A_DAY)
    reports = (
        Report("a day by half hours", Period.HALF_HOUR, 1),
        Report("a month by days", Period.DAY, round(MONTH_CALLS / CALLS_A_DAY)),
        Report("a month by half hours", Period.HALF_HOUR, round(MONTH_CALLS / CALLS_A_DAY)),
        Report("everything by days", Period.DAY, days),
        Report("everything by months", Period.MONTH, days),
    )
    try:
        folder.mkdir(parents=True)
        with ExitStack() as stack:
            url = stack.enter_context(Postgres(folder / "postgres")).url()
            upgrade(sqlalchemy_url(url))
            engine = make_engine(sqlalchemy_url(url), statement_timeout_ms=600_000)
            stack.callback(engine.dispose)
            bare = stack.enter_context(psycopg.connect(url, autocommit=True))
            bare.execute(FILL, {"first": FIRST_DAY, "many": size.many, "a_day": CALLS_A_DAY})
            bare.execute("VACUUM ANALYZE")
            found = [_compare(each, engine, bare, _rounds(each, size)) for each in reports]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "calls": size.many,
        "rounds": size.rounds,
        "comparisons": [each.as_json() for each in found],
    }


def _rounds(report: Report, size: Size) -> int:
    return size.quick_rounds if report.days <= QUICK_DAYS else size.rounds


def _compare(report: Report, engine: Engine, bare: "psycopg.Connection[Any]", rounds: int) -> Comparison:
    until = FIRST_DAY + timedelta(days=report.days)
    mine: list[float] = []
    others: list[float] = []
    for _ in range(rounds + WARM_UP):
        seconds, counted = _timed(lambda: _product(engine, report.period, until))
        mine.append(seconds)
        seconds, rows = _timed(lambda: _bare(bare, report.period, until))
        others.append(seconds)
        _require_same(counted, rows)
    calls = sum(each.calls.received + each.calls.received_closed for each in counted)
    return Comparison(report.name, calls, len(rows), mine[WARM_UP:], others[WARM_UP:])


def _product(engine: Engine, period: Period, until: datetime) -> list[PeriodCounts]:
    counted = in_transaction(engine, lambda db: count_calls_by(db, period, FIRST_DAY, until))
    assert not isinstance(counted, Refusal)
    for each in counted:
        figures_of(each.calls)
    return counted


def _bare(bare: "psycopg.Connection[Any]", period: Period, until: datetime) -> list[tuple[Any, ...]]:
    with bare.transaction():
        return bare.execute(_BARE[period], {"since": FIRST_DAY, "until": until}).fetchall()


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def _require_same(counted: Sequence[PeriodCounts], rows: Sequence[tuple[Any, ...]]) -> None:
    mine = {
        each.since: (
            each.calls.received, each.calls.answered, each.calls.abandoned, each.calls.gave_up_in_20s,
            each.calls.answered_in_time, each.calls.answered_wait_us, each.calls.handled_talk_us,
        )
        for each in counted
        if each.calls.received
    }  # fmt: skip
    others = {row[0]: (row[1], row[3], row[4] + row[5] + row[6], row[10], row[12], row[15], row[19]) for row in rows}
    assert mine == others, "the product and the bare statement counted differently"


FILL = """
    INSERT INTO call_facts (call_sid, received_at, in_hours, enqueued_at, first_offered_at, offers, answered_at,
                            ended_at, outcome, place, wait_us, talk_us, wrap_up_us, self_served)
    SELECT 'bench:' || n, arrived, kind <> 'closed', CASE WHEN kind <> 'ivr' AND kind <> 'closed' THEN arrived + a END,
        CASE WHEN kind = 'answered' THEN arrived + a + w END, CASE WHEN kind = 'answered' THEN 1 ELSE 0 END,
        CASE WHEN kind = 'answered' THEN arrived + a + w END, arrived + a + w + t,
        CASE kind WHEN 'ivr' THEN 'abandoned_ivr' WHEN 'queue' THEN 'abandoned_queue'
                  WHEN 'ringing' THEN 'abandoned_queue' ELSE kind END,
        CASE WHEN kind IN ('ivr', 'queue', 'ringing') THEN kind END,
        CASE WHEN kind <> 'ivr' AND kind <> 'closed' THEN wait END,
        CASE WHEN kind = 'answered' THEN talk END, CASE WHEN kind = 'answered' THEN talk / 4 END, false
    FROM (
        SELECT n, kind, wait, talk, interval '8 seconds' AS a,
            wait * interval '1 microsecond' AS w,
            CASE WHEN kind = 'answered' THEN talk * interval '1 microsecond' ELSE interval '0' END AS t,
            CAST(%(first)s AS timestamptz) + (n / %(a_day)s) * interval '1 day'
                + interval '9 hours' + (n %% %(a_day)s) * interval '38.4 seconds' AS arrived
        FROM (
            SELECT n, CAST(20000000 * -ln(1 - random()) AS bigint) AS wait,
                CAST(300000000 * -ln(1 - random()) AS bigint) AS talk,
                (ARRAY['answered', 'answered', 'answered', 'answered', 'answered', 'answered', 'answered', 'answered',
                       'answered', 'answered', 'answered', 'answered', 'answered', 'answered', 'answered', 'answered',
                       'queue', 'ivr', 'ringing', 'closed'])[1 + CAST(floor(random() * 20) AS integer)] AS kind
            FROM generate_series(0, %(many)s - 1) AS n) dice) calls"""
_COUNTS = """
    count(*) FILTER (WHERE in_hours), count(*) FILTER (WHERE NOT in_hours),
    count(answered_at) FILTER (WHERE in_hours), count(*) FILTER (WHERE in_hours AND place = 'ivr'),
    count(*) FILTER (WHERE in_hours AND place = 'queue'), count(*) FILTER (WHERE in_hours AND place = 'ringing'),
    count(*) FILTER (WHERE in_hours AND outcome = 'failed'),
    count(*) FILTER (WHERE in_hours AND outcome = 'abandoned_queue' AND wait_us <= 5000000),
    count(*) FILTER (WHERE in_hours AND outcome = 'abandoned_queue' AND wait_us <= 10000000),
    count(*) FILTER (WHERE in_hours AND outcome = 'abandoned_queue' AND wait_us <= 20000000),
    count(*) FILTER (WHERE in_hours AND outcome = 'abandoned_queue' AND wait_us <= 30000000),
    count(*) FILTER (WHERE in_hours AND answered_at IS NOT NULL AND wait_us <= 20000000),
    count(*) FILTER (WHERE in_hours AND wait_us <= 20000000), count(enqueued_at) FILTER (WHERE in_hours),
    sum(wait_us) FILTER (WHERE in_hours AND answered_at IS NOT NULL),
    sum(wait_us) FILTER (WHERE in_hours AND outcome = 'abandoned_queue'),
    max(wait_us) FILTER (WHERE in_hours),
    count(*) FILTER (WHERE in_hours AND talk_us IS NOT NULL AND wrap_up_us IS NOT NULL),
    sum(talk_us) FILTER (WHERE in_hours AND wrap_up_us IS NOT NULL),
    sum(wrap_up_us) FILTER (WHERE in_hours AND talk_us IS NOT NULL),
    sum(offers) FILTER (WHERE in_hours)"""
_STARTS = {
    Period.HALF_HOUR: "date_bin('30 minutes', received_at, '1999-12-31 15:00+00')",
    Period.DAY: "date_bin('1 day', received_at, '1999-12-31 15:00+00')",
    Period.MONTH: "date_trunc('month', received_at, 'Asia/Tokyo')",
}
_BARE = {
    period: f"""SELECT {start}, {_COUNTS} FROM call_facts
                WHERE received_at >= %(since)s AND received_at < %(until)s GROUP BY 1"""  # noqa: S608 - constants
    for period, start in _STARTS.items()
}


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{'':26}{'calls':>10}{'product':>12}{'bare':>12}{'ratio':>8}   (milliseconds, medians of rounds)")
    for each in figures["comparisons"]:
        verdict = "" if each["holds"] else f"   MISSED: more than {each['target']:g}"
        print(
            f"{each['name']:<26}{each['calls']:>10}{each['product_ms']:>12.1f}{each['bare_ms']:>12.1f}"
            f"{each['ratio']:>8.2f}{verdict}"
        )


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="run.py bench reports", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print every figure as one JSON object")
    parser.add_argument("--rounds", type=int, default=Size().rounds, help="how often each pair is measured")
    parser.add_argument("--calls", type=int, default=Size().many, help="how many calls there are in all")
    chosen = parser.parse_args(argv)
    stop_on_signals()
    try:
        figures = measure(Size(many=chosen.calls, rounds=chosen.rounds), ROOT / ".run" / f"bench-{os.getpid()}")
    except Stopped:
        return 130
    if chosen.json:
        print(json.dumps(figures, ensure_ascii=False, indent=1))
    else:
        show(figures)
    return 0 if all(each["holds"] for each in figures["comparisons"]) else 1
