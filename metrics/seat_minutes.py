"""着座数 by the minute against the plan (3-2-C, F-34): what proves how many seats were staffed.

Present: seats at which somebody sat, on a break or not. Able: of these, those whose operator took calls (talking and
writing up included). A minute counts with the fewest there were at any instant in it, so that no gap hides in it.
Short: a minute of the line's hours with fewer present than the contract's least; short_able likewise with the able,
which is the stricter reading and leads until it is agreed which one counts.
Source: `seat_event` and `operator_event`, which can only be added to; the plan as it stood on that day.
Excluded: minutes outside the line's hours, and minutes that have not ended yet.
Known flaw: an operator who just leaves stays present until somebody, or the end of her session, closes her seat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import Connection, text

from booking_core.calendar import at
from booking_core.clock import TOKYO, tokyo_day
from ivr.hours import LineHours
from ivr.queue.seat_plan import DayPlan, plan_of_day
from metrics.definition import Definition
from metrics.period import day_start

SEAT_MINUTES = Definition("seat_minutes", 1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SeatMinute:
    """One minute: how many seats were staffed at least, and how many should have been."""

    at: datetime
    present: int
    able: int
    planned: int
    least: int

    @property
    def short(self) -> bool:
        return self.present < self.least

    @property
    def short_able(self) -> bool:
        return self.able < self.least


@dataclass(frozen=True, slots=True)
class Staffed:
    """How many seats were staffed from an instant on, until the next one."""

    at: datetime
    present: int
    able: int


def seat_minutes(db: Connection, day: date, hours: LineHours, *, now: datetime) -> list[SeatMinute]:
    """Return the minutes of the line's hours of a day that have ended by `now`, in order; none where it is closed."""
    plan = plan_of_day(db, day, hours)
    since, until = at(day, hours.opens), min(at(day, hours.closes), now)
    if not plan.steps or until <= since:
        return []
    return list(by_minute(list_staffed(db, until=until), plan, since, until))


def by_minute(staffed: Sequence[Staffed], plan: DayPlan, since: datetime, until: datetime) -> Iterator[SeatMinute]:
    """Yield each whole minute from `since` to `until`: the fewest seats in it, beside the plan. Pure."""
    now_staffed, coming, minute = Staffed(since, 0, 0), 0, since
    while minute + MINUTE <= until:
        while coming < len(staffed) and staffed[coming].at <= minute:
            now_staffed, coming = staffed[coming], coming + 1
        present, able = now_staffed.present, now_staffed.able
        while coming < len(staffed) and staffed[coming].at < minute + MINUTE:
            now_staffed, coming = staffed[coming], coming + 1
            present, able = min(present, now_staffed.present), min(able, now_staffed.able)
        step = plan.at(minute.astimezone(TOKYO).time())
        yield SeatMinute(minute, present, able, step.seats, step.least)
        minute += MINUTE


def list_staffed(db: Connection, *, until: datetime) -> list[Staffed]:
    """Return how many seats were staffed from the beginning of the day of `until` on, at each change before `until`."""
    bounds = {"since": day_start(tokyo_day(until)), "until": until}
    sits: dict[int, bool] = {}
    takes: dict[int, bool] = {}
    found = []
    for instant, changes in groupby(db.execute(_CHANGES, bounds), key=lambda row: row.at):
        for change in changes:
            (takes if change.about_calls else sits)[change.account_id] = change.begins
        able = sum(takes.get(account_id, False) for account_id, here in sits.items() if here)
        found.append(Staffed(instant, sum(sits.values()), able))
    return found


# How everybody stood when the day began, told as a change at that instant, and what changed since.
_CHANGES = text("""
    SELECT at, account_id, about_calls, begins FROM (
        (SELECT DISTINCT ON (account_id) CAST(:since AS timestamptz) AS at, id, account_id, false AS about_calls,
                change = 'opened' AS begins FROM seat_event WHERE at < :since ORDER BY account_id, at DESC, id DESC)
        UNION ALL
        (SELECT DISTINCT ON (account_id) CAST(:since AS timestamptz), id, account_id, true, status = 'available'
         FROM operator_event WHERE at < :since ORDER BY account_id, at DESC, id DESC)
        UNION ALL
        SELECT at, id, account_id, false, change = 'opened' FROM seat_event WHERE at >= :since AND at < :until
        UNION ALL
        SELECT at, id, account_id, true, status = 'available' FROM operator_event WHERE at >= :since AND at < :until
    ) told ORDER BY at, id""")
