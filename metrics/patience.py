"""How long callers are ready to wait, how long calls take, and how well that is known: what staffing rests on.

Mean patience is total waiting time, of the answered as well, ÷ callers who hung up in the queue: the likeliest value
where patience is exponential, since an answered caller is one of whom only the least patience is known. The curve
(Kaplan and Meier) assumes nothing and shows whether that fits.
Mean handling is talk and wrap-up over the answered calls whose both are over.

Few calls tell little. A figure rests on today once at least 30 calls were handled, 10 callers hung up, respectively;
else on the last four weeks with today; else it is an assumption, and says so. Its relative error is about one over the
square root of its calls.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from booking_core.clock import tokyo_day
from metrics.call_counts import CallCounts, add_up, count_calls
from metrics.definition import MICROS, Definition
from metrics.period import day_start

PATIENCE = Definition("patience", 1)
ASSUMED_HANDLING_SECONDS = 480.0
ASSUMED_PATIENCE_SECONDS = 120.0
FEWEST_HANDLED = 30
FEWEST_GIVEN_UP = 10
LOOK_BACK = timedelta(days=28)
SHORTEST_PATIENCE_SECONDS = 1.0


class Basis(StrEnum):
    """What a figure rests on."""

    TODAY = "today"
    RECENT = "recent"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, what it rests on, and over how many calls."""

    seconds: float
    basis: Basis
    calls: int


def estimate_handling(today: CallCounts, recent: CallCounts) -> Estimate:
    """Return the mean handling of a call, from today or else from the last weeks and today."""
    for basis, calls in ((Basis.TODAY, today), (Basis.RECENT, recent)):
        if calls.handled >= FEWEST_HANDLED:
            seconds = (calls.handled_talk_us + calls.wrap_up_us) / calls.handled / MICROS
            return Estimate(max(1.0, seconds), basis, calls.handled)
    return Estimate(ASSUMED_HANDLING_SECONDS, Basis.ASSUMED, recent.handled)


def estimate_patience(today: CallCounts, recent: CallCounts) -> Estimate:
    """Return the mean patience of a caller, from today or else from the last weeks and today."""
    for basis, calls in ((Basis.TODAY, today), (Basis.RECENT, recent)):
        if calls.abandoned_waiting >= FEWEST_GIVEN_UP:
            seconds = (calls.answered_wait_us + calls.abandoned_wait_us) / calls.abandoned_waiting / MICROS
            return Estimate(max(SHORTEST_PATIENCE_SECONDS, seconds), basis, calls.abandoned_waiting)
    return Estimate(ASSUMED_PATIENCE_SECONDS, Basis.ASSUMED, recent.abandoned_waiting)


def count_recent(db: Connection, *, now: datetime) -> tuple[CallCounts, CallCounts]:
    """Return the counts of today so far, and of the last four weeks with today."""
    began = day_start(tokyo_day(now))
    today = count_calls(db, began, began + timedelta(days=1))
    if today.handled >= FEWEST_HANDLED and today.abandoned_waiting >= FEWEST_GIVEN_UP:
        return today, today
    return today, add_up((count_calls(db, began - LOOK_BACK, began), today))


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """After so many seconds of waiting that share of callers would still be there, were nobody answered."""

    seconds: float
    still_waiting: float


def patience_curve(waits: Iterable[tuple[float, bool]]) -> Sequence[CurvePoint]:
    """Return Kaplan and Meier's curve from waits in seconds, each with whether the caller hung up then. Pure.

    Somebody who was answered at the very second at which another hung up counts as still patient there.
    """
    at_each: dict[float, list[bool]] = {}
    for seconds, gave_up in sorted(waits):
        at_each.setdefault(seconds, []).append(gave_up)
    at_risk, share, points = sum(map(len, at_each.values())), 1.0, []
    for seconds, left in at_each.items():
        if any(left):
            share *= 1 - sum(left) / at_risk
            points.append(CurvePoint(seconds, share))
        at_risk -= len(left)
    return points
