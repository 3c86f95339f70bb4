"""着座数, the open seats of 3-2-C.

Present: seats at which somebody sits, on a break or not. Able: of these, the ones whose operator takes calls. Both are
kept, and the stricter leads until it is agreed which one counts (F-34).
Source: `seat_event`, opened and closed, and for the present moment the rows of seats and operators themselves.
Known flaw: an operator who just leaves stays present until somebody closes her seat.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, text

from metrics.definition import Definition
from metrics.period import day_start

OPEN_SEATS = Definition("open_seats", 1)


@dataclass(frozen=True, slots=True)
class OpenSeats:
    """Seats at this moment."""

    present: int
    able: int


def count_open_seats(db: Connection) -> OpenSeats:
    return OpenSeats(*db.execute(_NOW).one())


def most_open_seats(db: Connection, day: date) -> int:
    """Return how many seats were open at once at most on a day; who takes over at the same instant is no seat more."""
    since, until = day_start(day), day_start(day + timedelta(days=1))
    open_now = most = int(db.execute(_BEFORE, {"since": since}).scalar_one())
    for change in db.execute(_CHANGES, {"since": since, "until": until}).scalars():
        open_now += change
        most = max(most, open_now)
    return most


_NOW = text("""
    SELECT count(*), count(*) FILTER (WHERE o.status = 'available')
    FROM seat s LEFT JOIN operator_state o ON o.account_id = s.account_id
    WHERE s.account_id IS NOT NULL""")
_BEFORE = text("""
    SELECT coalesce(sum(CASE change WHEN 'opened' THEN 1 ELSE -1 END), 0) FROM seat_event WHERE at < :since""")
_CHANGES = text("""
    SELECT sum(CASE change WHEN 'opened' THEN 1 ELSE -1 END) FROM seat_event
    WHERE at >= :since AND at < :until GROUP BY at ORDER BY at""")
