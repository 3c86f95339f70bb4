"""What a daily report says: its shape, and the one way its content is spelt, so that equal figures are equal bytes."""

import json
from hashlib import sha256
from typing import NotRequired, TypedDict

from metrics.definition import Definition, Rate

FORM = 2
"""The number of the shape below. A change that a reader of kept reports has to know of is a new number.

1 had no `waits` and no `reasons`; what reads a day leaves them out where they are not told.
"""


class RateRow(TypedDict):
    """A share, with the definition it stands under; of nothing while `denominator` is 0."""

    id: str
    version: int
    numerator: int
    denominator: int


class SeatsRow(TypedDict):
    """Seats in an hour, on average over its minutes, in tenths of a seat; None where nothing is known."""

    present: int | None
    able: int | None
    planned: int | None


class HourRow(TypedDict):
    """The calls that arrived from `hour` o'clock on, for one hour, Tokyo time; the rate is of those `counted`."""

    hour: int
    received: int
    answered: int
    abandoned: int
    failed: int
    undecided: int
    counted: int
    seats: SeatsRow


class BookingRow(TypedDict):
    """Bookings of one service through one channel on a day."""

    service: str
    service_name: str
    channel: str
    made: int
    moved: int
    cancelled: int


class WaitsRow(TypedDict):
    """Microseconds that callers waited: of so many answered calls together, and the longest wait of anybody."""

    answered: int
    answered_us: int
    longest_us: int


class ReasonRow(TypedDict):
    """For how many answered calls an operator named a main reason; `reason` is empty for those without one yet."""

    reason: str
    calls: int


class DayRow(TypedDict):
    """A day. received = answered + abandoned (all three) + failed + undecided, and is the sum of the hours.

    The calls of its reasons add up to the answered ones.
    """

    day: str
    line_open: bool
    received: int
    received_closed: int
    answered: int
    abandoned_in_ivr: int
    abandoned_in_queue: int
    abandoned_while_ringing: int
    failed: int
    undecided: int
    rates: list[RateRow]
    waits: NotRequired[WaitsRow]
    reasons: NotRequired[list[ReasonRow]]
    most_open_seats: int
    hours: list[HourRow]
    bookings: list[BookingRow]
    definitions: list[str]


class RemainingRow(TypedDict):
    """Places that can still be booked at a venue for a service, after the day of the report."""

    venue: str
    service: str
    next_free_day: str | None
    places_7_days: int
    places_30_days: int


class IncidentRow(TypedDict):
    """Something that went wrong, or a closure, that touches the day. Instants are in Tokyo time."""

    what: str
    since: str
    until: str | None


class DailyContent(TypedDict):
    """One day's report: the day up to `cut_off`, and the days before that it completes."""

    service_name: str
    cut_off: str
    unfinished_calls: int
    unfinished_wrap_ups: int
    today: DayRow
    before: list[DayRow]
    month: list[RateRow]
    remaining: list[RemainingRow]
    incidents: list[IncidentRow]


def canonical(content: DailyContent) -> str:
    """Return the content as it is kept."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read(kept: str) -> DailyContent:
    content: DailyContent = json.loads(kept)
    return content


def digest(kept: str) -> str:
    return sha256(kept.encode()).hexdigest()


def rate_of(row: RateRow) -> Rate:
    return Rate(Definition(row["id"], row["version"]), row["numerator"], row["denominator"])


def rate_row(rate: Rate) -> RateRow:
    return {
        "id": rate.definition.id,
        "version": rate.definition.version,
        "numerator": rate.numerator,
        "denominator": rate.denominator,
    }


def abandoned(day: DayRow) -> int:
    """放棄: hung up before a person answered."""
    return day["abandoned_in_ivr"] + day["abandoned_in_queue"] + day["abandoned_while_ringing"]


def bookings_in_all(day: DayRow) -> tuple[int, int, int]:
    """Return how many bookings were made, moved and cancelled on a day."""
    rows = day["bookings"]
    return sum(r["made"] for r in rows), sum(r["moved"] for r in rows), sum(r["cancelled"] for r in rows)
