"""When the line is open: Monday to Friday, 09:00 to 17:00, not on public rest days (3-2-B)."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time

from booking_core.calendar import is_public_rest_day
from booking_core.clock import TOKYO

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class LineHours:
    """The call centre's calendar. A call that arrives at `closes` is too late; whoever waits by then is served (F-29).

    Attributes:
        opens: in Tokyo.
        closes: in Tokyo.
        closed_days: days on which the line rests although the calendar says otherwise, by agreement with the city.
    """

    opens: time = time(9)
    closes: time = time(17)
    closed_days: AbstractSet[date] = frozenset()

    def open_at(self, now: datetime) -> bool:
        local = now.astimezone(TOKYO)
        return self.open_on(local.date()) and self.opens <= local.time() < self.closes

    def open_on(self, day: date) -> bool:
        return day.weekday() < SATURDAY and not is_public_rest_day(day) and day not in self.closed_days
