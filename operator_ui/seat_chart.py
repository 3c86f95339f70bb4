"""The day's seats as a drawing: present and able minute by minute, and the plan. A table beside it says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby

from booking_core.calendar import at
from booking_core.clock import TOKYO, tokyo_day
from ivr.hours import LineHours
from ivr.queue.seat_plan import DayPlan
from metrics.seat_minutes import SeatMinute

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 36, 22, 34, 28
LEAST_TOP = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the grid, with its words."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class SeatChart:
    """The drawing's lines as SVG path data, and the rows of its table: (hour, present, able, planned, enough?)."""

    present: str
    able: str
    planned: str
    hours: Sequence[Mark]
    seats: Sequence[Mark]
    now: float | None
    rows: Sequence[tuple[str, int, int, int, str]]

    @property
    def size(self) -> tuple[int, int]:
        return WIDTH, HEIGHT


def seat_chart(minutes: Sequence[SeatMinute], plan: DayPlan, hours: LineHours, *, now: datetime) -> SeatChart:
    """Return the chart of a day; without a plan and without seats it is empty."""
    since, until = at(plan.day, hours.opens), at(plan.day, hours.closes)
    planned = _plan_steps(plan, since, until)
    most = max([LEAST_TOP, *(m.present for m in minutes), *(seats for _, seats in planned)])
    top = -(-most // LEAST_TOP) * LEAST_TOP

    def x(instant: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * ((instant - since) / (until - since)), 1)

    def y(seats: int) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * seats / top, 1)

    def stairs(points: Sequence[tuple[datetime, int]], end: datetime) -> str:
        if not points:
            return ""
        first, *others = points
        moves = [f"M{x(first[0])} {y(first[1])}", *(f"H{x(moment)}V{y(seats)}" for moment, seats in others)]
        return "".join([*moves, f"H{x(end)}"])

    end = minutes[-1].at + timedelta(minutes=1) if minutes else since
    whole_hours = range(hours.opens.hour + (hours.opens.minute > 0), hours.closes.hour + 1)
    return SeatChart(
        present=stairs(_changes([(m.at, m.present) for m in minutes]), end),
        able=stairs(_changes([(m.at, m.able) for m in minutes]), end),
        planned=stairs(planned, until),
        hours=[Mark(x(at(plan.day, time(hour))), f"{hour}時") for hour in whole_hours],
        seats=[Mark(y(seats), f"{seats}") for seats in range(0, top + 1, LEAST_TOP)],
        now=x(now) if since <= now <= until and tokyo_day(now) == plan.day else None,
        rows=_rows(minutes),
    )


def _plan_steps(plan: DayPlan, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """Return the plan's seats from the opening on, at each step within the hours; none without a plan."""
    if not plan.steps:
        return []
    moments = [since, *(at(plan.day, step.starts) for step in plan.steps)]
    return [(m, plan.at(m.astimezone(TOKYO).time()).seats) for m in sorted(set(moments)) if since <= m < until]


def _changes(points: Sequence[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Leave out the minutes in which nothing changed."""
    return [each for n, each in enumerate(points) if n == 0 or points[n - 1][1] != each[1]]


def _rows(minutes: Sequence[SeatMinute]) -> list[tuple[str, int, int, int, str]]:
    """Return each hour with the fewest seats in it, and in words whether they were enough."""
    hours = [(hour, list(each)) for hour, each in groupby(minutes, key=lambda minute: _hour_of(minute.at))]
    return [
        (
            f"{hour}時台",
            min(m.present for m in each),
            min(m.able for m in each),
            max(m.planned for m in each),
            _enough(each),
        )
        for hour, each in hours
    ]


def _hour_of(instant: datetime) -> int:
    return instant.astimezone(TOKYO).hour


def _enough(minutes: Sequence[SeatMinute]) -> str:
    short = sum(m.able < m.planned for m in minutes)
    return f"{short}分が計画より少ない" if short else "計画どおり"
