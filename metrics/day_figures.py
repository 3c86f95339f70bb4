"""The figures of one day, from the one place that the board, the daily mail and the workbook read them from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from metrics.answer_rate import SHORT_WAITS, queue_based_rate, rate_without_short_waits, strict_rate
from metrics.booking_counts import BOOKING_COUNTS, BookingCount, list_booking_counts
from metrics.call_counts import CallCounts, count_calls
from metrics.call_facts import oldest_waiting_since
from metrics.definition import Definition, Rate
from metrics.open_seats import OPEN_SEATS, OpenSeats, count_open_seats, most_open_seats
from metrics.period import span_of_day

CALLS = Definition("calls", 2)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What happened on a day, and, for a day that still runs, how the line stands at the moment of reading.

    received = answered + abandoned_in_ivr + abandoned_in_queue + failed + undecided; calls outside the hours are apart.

    Attributes:
        day: in Tokyo; a call belongs to the day on which it arrived.
        calls: every count of its calls; the usual ones can be read from here as well.
        oldest_waiting_since: since when the longest of them waits; None when nobody does.
        strict_rate: 応答率 by the contract's definition.
        queue_based_rate: of those who entered the queue.
        other_rates: without those who gave up within 5, 10, 20 and 30 seconds.
        open_seats: 着座数 at the moment of reading.
        most_open_seats: the most that were open at once on that day.
        bookings: made, moved, cancelled, by service and channel.
    """

    day: date
    calls: CallCounts
    oldest_waiting_since: datetime | None
    strict_rate: Rate
    queue_based_rate: Rate
    other_rates: Sequence[Rate]
    open_seats: OpenSeats
    most_open_seats: int
    bookings: Sequence[BookingCount]

    @property
    def received(self) -> int:
        """入電数, calls that arrived in hours."""
        return self.calls.received

    @property
    def received_closed(self) -> int:
        """時間外, calls that arrived outside the hours and were told so."""
        return self.calls.received_closed

    @property
    def answered(self) -> int:
        """応答数, answered by a person."""
        return self.calls.answered

    @property
    def abandoned_in_ivr(self) -> int:
        """Hung up before standing in the queue."""
        return self.calls.abandoned_in_ivr

    @property
    def abandoned_in_queue(self) -> int:
        """Hung up while waiting or while an operator was being connected."""
        return self.calls.abandoned_waiting

    @property
    def abandoned(self) -> int:
        """放棄: hung up before a person answered."""
        return self.calls.abandoned

    @property
    def failed(self) -> int:
        """Lost by the line itself."""
        return self.calls.failed

    @property
    def undecided(self) -> int:
        """Still in the greeting or waiting, at the moment of reading."""
        return self.calls.undecided

    @property
    def waiting(self) -> int:
        """待ち呼, of the undecided ones those in the queue."""
        return self.calls.waiting

    @property
    def definitions(self) -> Sequence[Definition]:
        """The definitions the figures stand under, to be printed with them."""
        rates = (self.strict_rate, self.queue_based_rate, *self.other_rates)
        return (CALLS, *(rate.definition for rate in rates), OPEN_SEATS, BOOKING_COUNTS)

    def canonical_json(self) -> str:
        """Return what makes a report reproducible: the figures that events give again, always spelt the same way."""
        kept: dict[str, Any] = {
            name: _plain(value) for name, value in asdict(self).items() if name not in _OF_THE_MOMENT
        }
        kept["calls"] = {name: value for name, value in kept["calls"].items() if name not in _OF_THE_MOMENT}
        kept["definitions"] = [str(each) for each in self.definitions]
        return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_spelt)


_OF_THE_MOMENT = {"waiting", "oldest_waiting_since", "open_seats"}


def figures_of_day(db: Connection, day: date) -> DayFigures:
    """Return the figures of a day in Tokyo, as they stand at this moment. Reads only."""
    calls = count_calls(db, *span_of_day(day))
    return DayFigures(
        day=day,
        calls=calls,
        oldest_waiting_since=oldest_waiting_since(db),
        strict_rate=strict_rate(calls),
        queue_based_rate=queue_based_rate(calls),
        other_rates=tuple(rate_without_short_waits(calls, seconds) for seconds in SHORT_WAITS),
        open_seats=count_open_seats(db),
        most_open_seats=most_open_seats(db, day),
        bookings=list_booking_counts(db, day),
    )


def _spelt(value: Any) -> str:  # noqa: ANN401 - whatever JSON cannot say itself
    return value.isoformat() if isinstance(value, date) else str(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - likewise
    """Spell counts and rates with the names of their parts."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
