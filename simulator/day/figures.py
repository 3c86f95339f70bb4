"""The figures that follow from the simulator's record alone, by the same definitions as the published ones."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.day.record import ABANDONED_IVR, ABANDONED_QUEUE, ANSWERED, FAILED, Heard, Record
from simulator.opening_time import TOKYO

Bookings = dict[tuple[str, str], tuple[int, int, int]]
"""By service and channel: made, moved, cancelled."""

VERBS = ("book", "move", "cancel")


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def percent(self) -> str:
        """The share cut to a tenth of a per cent, `-` of nothing."""
        tenths = self.part * 1000 // self.whole if self.whole else 0
        return f"{tenths // 10}.{tenths % 10}" if self.whole else "-"


@dataclass(frozen=True, slots=True)
class Figures:
    """A day's calls and bookings; `waiting` and the seats are of the moment."""

    received: int
    received_closed: int
    answered: int
    abandoned_in_ivr: int
    abandoned_in_queue: int
    failed: int
    undecided: int
    waiting: int
    strict: Share
    queue_based: Share
    seats_present: int
    seats_able: int
    most_seats: int
    bookings: Bookings

    @property
    def abandoned(self) -> int:
        return self.abandoned_in_ivr + self.abandoned_in_queue


@dataclass(frozen=True, slots=True)
class HourFigures:
    """The calls that arrived in one hour while the line was open."""

    received: int
    answered: int
    abandoned: int
    failed: int
    undecided: int


def figures_of(record: Record) -> Figures:
    """Return the figures as they stand now."""
    calls = [call for call in record.calls.values() if not call.turned_away]
    outcomes = Counter(call.outcome for call in calls)
    return Figures(
        received=len(calls),
        received_closed=len(record.calls) - len(calls),
        answered=outcomes[ANSWERED],
        abandoned_in_ivr=outcomes[ABANDONED_IVR],
        abandoned_in_queue=outcomes[ABANDONED_QUEUE],
        failed=outcomes[FAILED],
        undecided=sum(not call.decided for call in calls),
        waiting=sum(call.waits for call in calls),
        strict=share_answered(calls),
        queue_based=share_answered(call for call in calls if call.queued_at),
        seats_present=len(record.seated),
        seats_able=sum(record.seated.values()),
        most_seats=record.most_seated,
        bookings=bookings_of(record),
    )


def figures_by_hour(record: Record) -> dict[int, HourFigures]:
    """Return the figures as they stand now of each hour of the day, in Tokyo, in which somebody called."""
    by_hour: dict[int, list[Heard]] = {}
    for call in record.calls.values():
        if not call.turned_away:
            by_hour.setdefault(call.called_at.astimezone(TOKYO).hour, []).append(call)
    return {hour: _of_an_hour(calls) for hour, calls in sorted(by_hour.items())}


def _of_an_hour(calls: list[Heard]) -> HourFigures:
    outcomes = Counter(call.outcome for call in calls)
    return HourFigures(
        received=len(calls),
        answered=outcomes[ANSWERED],
        abandoned=outcomes[ABANDONED_IVR] + outcomes[ABANDONED_QUEUE],
        failed=outcomes[FAILED],
        undecided=sum(not call.decided for call in calls),
    )


def share_answered(calls: Iterable[Heard]) -> Share:
    """Return how many of the decided calls a person answered."""
    decided = [call for call in calls if call.decided]
    return Share(sum(call.answered_at is not None for call in decided), len(decided))


def share_at(record: Record, at: datetime, window: timedelta) -> Share:
    """Return how many were answered of the calls that arrived within the window before `at` and were decided then."""
    calls = [call for call in record.calls.values() if not call.turned_away and at - window <= call.called_at < at]
    answered = sum(_was(call.answered_at, at) for call in calls)
    return Share(answered, sum(_was(call.answered_at, at) or _was(call.ended_at, at) for call in calls))


def waits_at(record: Record, at: datetime) -> bool:
    """Tell whether anybody stood in the queue, or was being rung for, at an instant."""
    return any(
        _was(call.queued_at, at) and not _was(call.answered_at, at) and not _was(call.ended_at, at)
        for call in record.calls.values()
    )


def _was(happened: datetime | None, at: datetime) -> bool:
    return happened is not None and happened <= at


def bookings_of(record: Record) -> Bookings:
    counted = Counter((deed.service, deed.channel, deed.verb) for deed in record.deeds)
    pairs = sorted({(service, channel) for service, channel, _ in counted})
    return {pair: (counted[*pair, "book"], counted[*pair, "move"], counted[*pair, "cancel"]) for pair in pairs}
