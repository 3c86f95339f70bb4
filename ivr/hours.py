"""When the line is open: its calendar, the hours the city has set, and closures beyond both (3-2-B)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, text

from booking_core import settings
from booking_core.calendar import at, is_public_rest_day
from booking_core.clock import TOKYO
from booking_core.date_words import time_ja
from booking_core.settings import Settings

SATURDAY = 5
LONGEST_SEARCH_DAYS = 60
"""A guard for the search of the next opening: nobody closes a call centre for so long and asks callers to wait."""

REMEMBERED = timedelta(days=45)
"""How far back closures are read: reports complete the days of the last two weeks, and sheets those of a month."""


@dataclass(frozen=True, slots=True)
class Closure:
    """A time in which the line takes no calls although it is open by its calendar, and what callers are told."""

    starts_at: datetime
    ends_at: datetime
    words: str

    def covers(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class LineHours:
    """The call centre's calendar. A call that arrives at `closes` is too late; whoever waits by then is served (F-29).

    Attributes:
        opens: in Tokyo.
        closes: in Tokyo.
        closures: beyond the calendar, by agreement with the city or for a fault.
    """

    opens: time = time(9)
    closes: time = time(17)
    closures: Sequence[Closure] = ()

    def open_at(self, now: datetime) -> bool:
        local = now.astimezone(TOKYO)
        by_calendar = _is_call_day(local.date()) and self.opens <= local.time() < self.closes
        return by_calendar and self.closure_at(now) is None

    def open_on(self, day: date) -> bool:
        """Tell whether the line takes calls at any time of a day: a closure of all its hours makes it a closed day."""
        first, last = at(day, self.opens), at(day, self.closes)
        return _is_call_day(day) and not any(c.starts_at <= first and last <= c.ends_at for c in self.closures)

    def closure_at(self, now: datetime) -> Closure | None:
        return next((each for each in self.closures if each.covers(now)), None)

    def next_opening(self, now: datetime) -> datetime | None:
        """Return the next moment at which the line opens; None when none is in sight."""
        today = now.astimezone(TOKYO).date()
        mornings = (at(today + timedelta(days=n), self.opens) for n in range(LONGEST_SEARCH_DAYS))
        ends = (each.ends_at for each in self.closures if each.ends_at > now)
        later = sorted({*(each for each in mornings if each > now), *ends})
        return next((each for each in later if self.open_at(each)), None)

    def in_words(self) -> str:
        """「月曜日から金曜日まで、午前9時から午後5時まで（祝日と年末年始を除く）」, as screens and letters have it."""
        return f"月曜日から金曜日まで、{time_ja(self.opens)}から{time_ja(self.closes)}まで（祝日と年末年始を除く）"


def hours_of(live: Settings, closures: Sequence[Closure] = ()) -> LineHours:
    """Return the hours the city has set."""
    return LineHours(time.fromisoformat(live.line_opens), time.fromisoformat(live.line_closes), closures)


def read_hours(db: Connection, *, now: datetime) -> LineHours:
    """Return the hours with the closures of the last weeks, those in force and those to come."""
    rows = db.execute(_CLOSURES, {"since": now - REMEMBERED}).all()
    return hours_of(settings.read_all(db), tuple(Closure(*row) for row in rows))


def _is_call_day(day: date) -> bool:
    return day.weekday() < SATURDAY and not is_public_rest_day(day)


_CLOSURES = text("""
    SELECT starts_at, ends_at, words FROM line_notice
    WHERE kind = 'closure' AND ends_at > :since ORDER BY starts_at, id""")
