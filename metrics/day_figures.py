"""The figures of one day, from the one place that the board, the daily mail and the workbook read them from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from ivr.queue.models import Outcome
from metrics.answer_rate import SHORT_WAITS, queue_based_rate, rate_without_short_waits, strict_rate
from metrics.booking_counts import BOOKING_COUNTS, BookingCount, list_booking_counts
from metrics.call_facts import CallFact, list_call_facts
from metrics.definition import Definition, Rate
from metrics.open_seats import OPEN_SEATS, OpenSeats, count_open_seats, most_open_seats

CALLS = Definition("calls", 1)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What happened on a day, and, for a day that still runs, how the line stands at the moment of reading.

    received = answered + abandoned_in_ivr + abandoned_in_queue + failed + undecided; calls outside the hours are apart.

    Attributes:
        day: in Tokyo; a call belongs to the day on which it arrived.
        received: 入電数, calls that arrived in hours.
        received_closed: 時間外, calls that arrived outside the hours and were told so.
        answered: 応答数, answered by a person.
        abandoned_in_ivr: hung up before standing in the queue.
        abandoned_in_queue: hung up while waiting or while an operator was being connected.
        failed: lost by the line itself.
        undecided: still in the greeting or waiting, at the moment of reading.
        waiting: 待ち呼, of these the ones in the queue.
        oldest_waiting_since: since when the longest of them waits; None when nobody does.
        strict_rate: 応答率 by the contract's definition.
        queue_based_rate: of those who entered the queue.
        other_rates: without those who gave up within 5, 10, 20 and 30 seconds.
        open_seats: 着座数 at the moment of reading.
        most_open_seats: the most that were open at once on that day.
        bookings: made, moved, cancelled, by service and channel.
    """

    day: date
    received: int
    received_closed: int
    answered: int
    abandoned_in_ivr: int
    abandoned_in_queue: int
    failed: int
    undecided: int
    waiting: int
    oldest_waiting_since: datetime | None
    strict_rate: Rate
    queue_based_rate: Rate
    other_rates: Sequence[Rate]
    open_seats: OpenSeats
    most_open_seats: int
    bookings: Sequence[BookingCount]

    @property
    def abandoned(self) -> int:
        """放棄: hung up before a person answered."""
        return self.abandoned_in_ivr + self.abandoned_in_queue

    @property
    def definitions(self) -> Sequence[Definition]:
        """The definitions the figures stand under, to be printed with them."""
        rates = (self.strict_rate, self.queue_based_rate, *self.other_rates)
        return (CALLS, *(rate.definition for rate in rates), OPEN_SEATS, BOOKING_COUNTS)

    def canonical_json(self) -> str:
        """Return what makes a report reproducible: the figures that events give again, always spelt the same way."""
        kept = {name: value for name, value in asdict(self).items() if name not in _OF_THE_MOMENT}
        kept["definitions"] = [str(each) for each in self.definitions]
        return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_spelt)


_OF_THE_MOMENT = {"waiting", "oldest_waiting_since", "open_seats"}


def figures_of_day(db: Connection, day: date) -> DayFigures:
    """Return the figures of a day in Tokyo, as they stand at this moment. Reads only."""
    calls = list_call_facts(db, day, day)
    in_hours = [call for call in calls if call.in_hours]
    waiting = [call for call in in_hours if call.waiting]
    return DayFigures(
        day=day,
        received=len(in_hours),
        received_closed=len(calls) - len(in_hours),
        answered=sum(call.answered for call in in_hours),
        abandoned_in_ivr=_ended_as(Outcome.ABANDONED_IVR, in_hours),
        abandoned_in_queue=_ended_as(Outcome.ABANDONED_QUEUE, in_hours),
        failed=_ended_as(Outcome.FAILED, in_hours),
        undecided=sum(not call.decided for call in in_hours),
        waiting=len(waiting),
        oldest_waiting_since=min((call.enqueued_at for call in waiting if call.enqueued_at), default=None),
        strict_rate=strict_rate(calls),
        queue_based_rate=queue_based_rate(calls),
        other_rates=tuple(rate_without_short_waits(calls, seconds) for seconds in SHORT_WAITS),
        open_seats=count_open_seats(db),
        most_open_seats=most_open_seats(db, day),
        bookings=list_booking_counts(db, day),
    )


def _ended_as(outcome: Outcome, calls: Sequence[CallFact]) -> int:
    return sum(call.outcome == outcome and call.ended_at is not None and not call.answered for call in calls)


def _spelt(value: Any) -> str:  # noqa: ANN401 - whatever JSON cannot say itself
    return value.isoformat() if isinstance(value, date) else str(value)
