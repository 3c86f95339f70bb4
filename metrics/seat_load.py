"""Seat load: how heavily the staffed seats were used.

Numerator: time operators spent on calls and in wrap-up in the span (offered and carried work, in seat-hours).
Denominator: time seats were able to answer in the span.
Over 100 % cannot be; over about 85 to 90 % waits grow fast. Breaks are not in it, since those seats are not able.
Known flaw: work that was lost because nobody was free is not seen by it; the answer rate sees that.
"""

from datetime import datetime

from sqlalchemy import Connection

from metrics.definition import MICROS, Definition, Rate
from metrics.operator_time import operator_times
from metrics.seat_minutes import list_staffed

SEAT_LOAD = Definition("seat_load", 1)


def seat_load(db: Connection, since: datetime, until: datetime) -> Rate:
    """Return the load of a span within one day, in microseconds of work and of able seats."""
    worked = sum(each.busy_us for each in operator_times(db, since, until))
    staffed = list_staffed(db, until=until)
    ends = [*(each.at for each in staffed), until][1:]
    able = sum(
        each.able * max(0, round((end - max(each.at, since)).total_seconds() * MICROS))
        for each, end in zip(staffed, ends, strict=True)
    )
    return Rate(SEAT_LOAD, worked, able)
