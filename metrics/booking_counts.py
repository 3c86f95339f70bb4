"""Bookings made, moved and cancelled on a day, by service and channel (3-2-L, F-38).

Counts carried-out commands of `booking_change` by the Tokyo day on which they were carried out, weekends and holidays
included, under the channel of the command: a web booking that an operator moves is one made on the web and one moved by
telephone. A booking that was made and cancelled on the same day counts in both columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, text

from metrics.definition import Definition
from metrics.period import day_start

BOOKING_COUNTS = Definition("booking_counts", 1)


@dataclass(frozen=True, slots=True)
class BookingCount:
    """What happened to bookings of one service through one channel; pairs without any are left out."""

    service_code: str
    service_name: str
    channel: str
    made: int
    moved: int
    cancelled: int


def list_booking_counts(db: Connection, day: date) -> Sequence[BookingCount]:
    """Return the counts of a day, in the order of services, then of channels."""
    bounds = {"since": day_start(day), "until": day_start(day + timedelta(days=1))}
    return tuple(BookingCount(*row) for row in db.execute(_COUNTS, bounds))


@dataclass(frozen=True, slots=True)
class BookingFact:
    """What happened on one day to bookings of one service at one venue through one channel."""

    day: date
    service_code: str
    channel: str
    venue_code: str
    made: int
    moved: int
    cancelled: int


def list_booking_facts(db: Connection, first: date, last: date) -> Sequence[BookingFact]:
    """Return the counts by day, service, channel and venue, days in Tokyo, both included; parts without any left out.

    A move counts at the venue it led to, a cancellation at the one it freed. Added up over venues they are the counts
    of `list_booking_counts`.
    """
    bounds = {"since": day_start(first), "until": day_start(last + timedelta(days=1))}
    return tuple(BookingFact(*row) for row in db.execute(_FACTS, bounds))


_FACTS = text("""
    SELECT CAST(c.at AT TIME ZONE 'Asia/Tokyo' AS date), v.code, c.channel, place.code,
           count(*) FILTER (WHERE c.verb = 'book'),
           count(*) FILTER (WHERE c.verb = 'move'),
           count(*) FILTER (WHERE c.verb = 'cancel')
    FROM booking_change c
    JOIN booking b ON b.id = c.booking_id
    JOIN service v ON v.id = b.service_id
    JOIN slot s ON s.id = coalesce(c.to_slot_id, c.from_slot_id, b.slot_id)
    JOIN venue place ON place.id = s.venue_id
    WHERE c.at >= :since AND c.at < :until AND c.verb IN ('book', 'move', 'cancel')
    GROUP BY 1, v.position, v.code, c.channel, place.position, place.code
    ORDER BY 1, v.position, c.channel, place.position""")
_COUNTS = text("""
    SELECT v.code, v.name, c.channel,
           count(*) FILTER (WHERE c.verb = 'book'),
           count(*) FILTER (WHERE c.verb = 'move'),
           count(*) FILTER (WHERE c.verb = 'cancel')
    FROM booking_change c
    JOIN booking b ON b.id = c.booking_id
    JOIN service v ON v.id = b.service_id
    WHERE c.at >= :since AND c.at < :until AND c.verb IN ('book', 'move', 'cancel')
    GROUP BY v.position, v.code, v.name, c.channel
    ORDER BY v.position, c.channel""")
