"""What the board shows at one moment, read once a second for all boards of a process.

Ten boards that ask every few seconds cost one reading a second at most: they share it, and the words made of it. What
moves slowly (the month before today, the plan, the outlook) is read less often still.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import Connection

from booking_core.alarms import OpenAlarm, list_open
from booking_core.clock import TOKYO, real_now, tokyo_day
from ivr.health import Signs, newest_sign
from ivr.hours import LineHours, read_hours
from ivr.queue.roster import RosterLine, list_roster
from ivr.queue.seat_plan import DayPlan, plan_of_day
from metrics.answer_rate import strict_rate
from metrics.booking_counts import BookingCount, list_booking_counts
from metrics.call_counts import CallCounts, add_up, count_calls
from metrics.call_facts import oldest_waiting_since
from metrics.definition import Rate
from metrics.goal import GoalStanding
from metrics.open_seats import OpenSeats, count_open_seats
from metrics.outlook import Outlook, outlook
from metrics.period import month_start, span_of_day
from metrics.seat_load import seat_load
from metrics.seat_minutes import SeatMinute, seat_minutes
from web.wiring import Wiring

T = TypeVar("T")

LIVES_SECONDS = 1.0
SLOW_SECONDS = 15.0
WINDOW = timedelta(minutes=15)
LOAD_SPAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Slow:
    """What is read every quarter of a minute.

    Attributes:
        before_today: the calls of the month before today.
        load: seat load of the last hour.
    """

    at: datetime
    hours: LineHours
    plan: DayPlan
    minutes: Sequence[SeatMinute]
    load: Rate
    outlook: Outlook
    before_today: CallCounts


@dataclass(frozen=True)
class Snapshot:
    """The line at one moment of business time.

    Attributes:
        at: business time.
        real_at: real time, by which the line process is judged.
        waiting: callers in the queue or being connected.
        oldest: since when the one waits who has waited longest.
        recent: the answer rate of the last 15 minutes, by arrival.
        drawn: the page's part made of it, by what its reader may do.
    """

    at: datetime
    real_at: datetime
    today: CallCounts
    waiting: int
    oldest: datetime | None
    recent: Rate
    day: GoalStanding
    month: GoalStanding
    roster: Sequence[RosterLine]
    seats: OpenSeats
    signs: Signs
    alarms: Sequence[OpenAlarm]
    bookings: Sequence[BookingCount]
    slow: Slow
    drawn: dict[object, str] = field(default_factory=dict)

    @property
    def today_date(self) -> date:
        return tokyo_day(self.at)

    @property
    def is_open(self) -> bool:
        return self.slow.hours.open_at(self.at)

    @property
    def planned_now(self) -> int:
        """Seats of the plan at this minute; none outside the line's hours."""
        return self.slow.plan.at(self.at.astimezone(TOKYO).time()).seats if self.is_open else 0

    @property
    def line_lives(self) -> bool:
        return self.signs.line_lives(self.real_at)

    @property
    def provider_answers(self) -> bool:
        return self.signs.provider_answers(self.real_at)


@dataclass
class Kept(Generic[T]):
    """Something read at most so often, however many ask at once; and afresh where business time has been set back."""

    seconds: float
    read: Callable[[datetime], T]
    _value: tuple[float, datetime, T] | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def value(self, now: datetime, *, afresh: bool = False) -> T:
        with self._lock:
            kept, moment = self._value, time.monotonic()
            if kept and not afresh and moment - kept[0] < self.seconds and kept[1] <= now < kept[1] + self._longest:
                return kept[2]
            found = self.read(now)
            self._value = (moment, now, found)
            return found

    def forget(self) -> None:
        """Read afresh at the next question."""
        with self._lock:
            self._value = None

    @property
    def _longest(self) -> timedelta:
        return timedelta(seconds=2 * self.seconds)


class Snapshots:
    """The snapshots of one process."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._slow = Kept(SLOW_SECONDS, self._read_slow)
        self._live = Kept(LIVES_SECONDS, self._read)

    def recent(self) -> Snapshot:
        """Return one at most a second old: what polls are answered from."""
        return self._live.value(self._wiring.clock.now())

    def afresh(self) -> Snapshot:
        """Return one taken now: what somebody sees who opens the page, or has just changed something."""
        return self._live.value(self._wiring.clock.now(), afresh=True)

    def forget(self) -> None:
        """Let this process show what was just set; the others follow within a quarter of a minute."""
        self._slow.forget()
        self._live.forget()

    def _read(self, now: datetime) -> Snapshot:
        slow = self._slow.value(now)
        with self._wiring.reading() as db:
            return _snapshot(db, slow, now=now)

    def _read_slow(self, now: datetime) -> Slow:
        with self._wiring.reading() as db:
            return _slow(db, now=now)


def _snapshot(db: Connection, slow: Slow, *, now: datetime) -> Snapshot:
    today = count_calls(db, *span_of_day(tokyo_day(now)))
    at_work = real_now()
    return Snapshot(
        at=now,
        real_at=at_work,
        today=today,
        waiting=today.waiting,
        oldest=oldest_waiting_since(db),
        recent=strict_rate(count_calls(db, now - WINDOW, now)),
        day=GoalStanding(strict_rate(today)),
        month=GoalStanding(strict_rate(add_up((slow.before_today, today)))),
        roster=list_roster(db, real_now=at_work),
        seats=count_open_seats(db),
        signs=newest_sign(db),
        alarms=list_open(db),
        bookings=list_booking_counts(db, tokyo_day(now)),
        slow=slow,
    )


def _slow(db: Connection, *, now: datetime) -> Slow:
    day, hours = tokyo_day(now), read_hours(db, now=now)
    return Slow(
        at=now,
        hours=hours,
        plan=plan_of_day(db, day, hours),
        minutes=seat_minutes(db, day, hours, now=now),
        load=seat_load(db, max(span_of_day(day)[0], now - LOAD_SPAN), now),
        outlook=outlook(db, hours, now=now),
        before_today=count_calls(db, month_start(day), span_of_day(day)[0]),
    )
