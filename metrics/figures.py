"""Every number of calls at once, for a span: what reports, comparisons and programs from outside read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from booking_core.clock import TOKYO
from metrics.abandonment import abandonment
from metrics.answer_rate import (
    SHORT_WAITS,
    queue_based_rate,
    rate_with_call_backs,
    rate_without_short_waits,
    strict_rate,
)
from metrics.call_counts import NO_CALLS, CallCounts, PeriodCounts, count_calls
from metrics.definition import Mean, Rate
from metrics.handling import handling
from metrics.service_level import service_levels
from metrics.settled_rate import settled_rate
from metrics.waiting import LONGEST, PERCENTILES, wait_percentiles, waiting


class Figures(NamedTuple):
    """The counts of a span with every rate and mean that is made from them, each under its definition."""

    calls: CallCounts
    rates: Sequence[Rate]
    means: Sequence[Mean]
    longest_wait_seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "counts": self.calls._asdict(),
            "rates": {
                str(each.definition): {
                    "numerator": each.numerator,
                    "denominator": each.denominator,
                    "percent": each.percent,
                }
                for each in self.rates
            },
            "means": {
                str(each.definition): {"calls": each.calls, "total_us": each.total_us, "seconds": each.seconds}
                for each in self.means
            },
            str(LONGEST): self.longest_wait_seconds,
        }


def figures_of(calls: CallCounts) -> Figures:
    """Return every rate and mean of these counts."""
    return NOTHING if calls == NO_CALLS else _figures_of(calls)


def _figures_of(calls: CallCounts) -> Figures:
    waits, work, gone = waiting(calls), handling(calls), abandonment(calls)
    rates = (
        strict_rate(calls),
        queue_based_rate(calls),
        *(rate_without_short_waits(calls, seconds) for seconds in SHORT_WAITS),
        rate_with_call_backs(calls),
        settled_rate(calls),
        *service_levels(calls),
        gone.in_ivr,
        gone.in_queue,
        gone.while_ringing,
        gone.all,
        gone.of_queue,
        gone.lost_by_the_line,
    )
    means = (waits.speed_of_answer, waits.abandon_time, work.talk, work.wrap_up, work.all)
    return Figures(calls, rates, means, waits.longest_seconds)


NOTHING = _figures_of(NO_CALLS)


def figures_between(db: Connection, since: datetime, until: datetime) -> dict[str, Any]:
    """Return every figure of a span as JSON knows it, percentiles of waits included."""
    percentiles = wait_percentiles(db, since, until)
    return figures_of(count_calls(db, since, until)).as_json() | {
        str(PERCENTILES): {f"{percent}": seconds for percent, seconds in percentiles.items()}
    }


def period_as_json(period: PeriodCounts) -> dict[str, Any]:
    span = {
        "since": f"{period.since.astimezone(TOKYO).isoformat()}",
        "until": period.until.astimezone(TOKYO).isoformat(),
    }
    return span | figures_of(period.calls).as_json()
