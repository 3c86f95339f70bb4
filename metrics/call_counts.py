"""What can be counted of calls, each thing once: the sums from which every rate and every mean is made.

A call belongs to the period in which it arrived, whenever it was answered. One statement counts all of it for all
periods of a span, so that a day and 1.5 million calls go through the same words.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from booking_core.statement import Statement
from ivr.ledger.call_facts import LIVE_CALLS
from metrics.period import LENGTHS, ORIGIN, Period

IN_TIME_SECONDS = 20
"""T of every service level: a wait of exactly so long is still in time."""

SHORT_WAITS = (5, 10, 20, 30)
"""Seconds up to which a variant of the answer rate forgets an abandoned call."""

_GAVE_UP_IN = {each: f"gave_up_in_{each}s" for each in SHORT_WAITS}


class CallCounts(NamedTuple):
    """Counts and sums over calls. All but `received_closed` are of calls that arrived in hours.

    received = answered + abandoned_in_ivr + abandoned_in_queue + abandoned_while_ringing + failed + undecided.

    Attributes:
        received: 入電数, calls that arrived in hours.
        received_closed: 時間外, calls that arrived outside the hours.
        answered: 応答数, answered by a person.
        abandoned_in_ivr: hung up before standing in the queue.
        abandoned_in_queue: hung up while waiting.
        abandoned_while_ringing: hung up while an operator was being connected.
        failed: lost by the line itself.
        undecided: still in the greeting or waiting.
        waiting: 待ち呼, of these the ones in the queue.
        queued: of the decided calls, those that entered the queue.
        self_served: not answered, but served by keypad to a commit.
        called_back: neither, but reached by a call back on the day of the call.
        answered_in_time: answered after a wait of at most 20 seconds.
        left_in_time: left the queue within 20 seconds, answered or not.
        gave_up_in_5s: hung up in the queue or while ringing within 5 seconds of waiting; likewise 10, 20, 30.
        answered_waits: answered calls whose wait is known.
        answered_wait_us: their waits together.
        abandoned_wait_us: waits of those who hung up in the queue or while ringing.
        longest_wait_us: the longest wait that has ended, abandoned ones included; 0 without any.
        talks: answered calls whose talk is over.
        talk_us: their talk.
        handled: answered calls whose talk and wrap-up are over.
        handled_talk_us: their talk.
        wrap_up_us: their wrap-up.
        offers: how often calls were given to an operator.
    """

    received: int = 0
    received_closed: int = 0
    answered: int = 0
    abandoned_in_ivr: int = 0
    abandoned_in_queue: int = 0
    abandoned_while_ringing: int = 0
    failed: int = 0
    undecided: int = 0
    waiting: int = 0
    queued: int = 0
    self_served: int = 0
    called_back: int = 0
    answered_in_time: int = 0
    left_in_time: int = 0
    gave_up_in_5s: int = 0
    gave_up_in_10s: int = 0
    gave_up_in_20s: int = 0
    gave_up_in_30s: int = 0
    answered_waits: int = 0
    answered_wait_us: int = 0
    abandoned_wait_us: int = 0
    longest_wait_us: int = 0
    talks: int = 0
    talk_us: int = 0
    handled: int = 0
    handled_talk_us: int = 0
    wrap_up_us: int = 0
    offers: int = 0

    @property
    def decided(self) -> int:
        return self.received - self.undecided

    @property
    def abandoned_waiting(self) -> int:
        """Hung up after entering the queue, while waiting or while ringing."""
        return self.abandoned_in_queue + self.abandoned_while_ringing

    @property
    def abandoned(self) -> int:
        """放棄: hung up before a person answered."""
        return self.abandoned_in_ivr + self.abandoned_waiting

    def gave_up_within(self, seconds: int) -> int:
        """Return how many hung up within so many seconds of waiting, one of `SHORT_WAITS`."""
        return int(getattr(self, _GAVE_UP_IN[seconds]))


NO_CALLS = CallCounts()


class PeriodCounts(NamedTuple):
    """The counts of the calls that arrived from `since` until just before `until`."""

    since: datetime
    until: datetime
    calls: CallCounts


def count_calls(db: Connection, since: datetime, until: datetime) -> CallCounts:
    """Return the counts of all calls that arrived from `since` until just before `until`."""
    rows = _ALL.rows(db, {"since": since, "until": until})
    return add_up(CallCounts._make(row) for row in rows)


def count_calls_by(db: Connection, period: Period, since: datetime, until: datetime) -> list[PeriodCounts]:
    """Return the counts of every period of the span, in order, those without a call as well.

    The span is widened to whole periods.
    """
    starts = list(period.starts(since, until))
    if not starts:
        return []
    ends = [*starts[1:], period.next_start(starts[-1])]
    bounds = {"since": starts[0], "until": ends[-1], "origin": ORIGIN}
    by_start: dict[datetime, CallCounts] = {}
    for start, *counts in _BY[period].rows(db, bounds):
        found = CallCounts._make(counts)
        by_start[start] = add_up((by_start[start], found)) if start in by_start else found
    return [PeriodCounts(start, end, by_start.get(start, NO_CALLS)) for start, end in zip(starts, ends, strict=True)]


def add_up(parts: Iterable[CallCounts]) -> CallCounts:
    """Return the counts of several periods together: sums, and the longest of the longest waits."""
    kept = list(parts)
    if not kept:
        return NO_CALLS
    longest = max(each.longest_wait_us for each in kept)
    return CallCounts._make(map(sum, zip(*kept, strict=True)))._replace(longest_wait_us=longest)


_ANSWERED = "f.in_hours AND f.answered_at IS NOT NULL"
_GAVE_UP = "f.in_hours AND f.place IN ('queue', 'ringing')"
_UNANSWERED = "f.in_hours AND f.answered_at IS NULL"
_HANDLED = f"{_ANSWERED} AND f.talk_us IS NOT NULL AND f.wrap_up_us IS NOT NULL"
_SAME_DAY = """
    date_bin('1 day', f.called_back_at, CAST('1999-12-31 15:00+00' AS timestamptz))
    = date_bin('1 day', f.received_at, CAST('1999-12-31 15:00+00' AS timestamptz))"""


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


def _sum(column: str, condition: str) -> str:
    return f"CAST(coalesce(sum({column}) FILTER (WHERE {condition}), 0) AS bigint)"


_IN_TIME = f"f.wait_us <= {IN_TIME_SECONDS * 1_000_000}"
AGGREGATES = {
    "received": _count("f.in_hours"),
    "received_closed": _count("NOT f.in_hours"),
    "answered": _count(_ANSWERED),
    "abandoned_in_ivr": _count("f.in_hours AND f.place = 'ivr'"),
    "abandoned_in_queue": _count("f.in_hours AND f.place = 'queue'"),
    "abandoned_while_ringing": _count("f.in_hours AND f.place = 'ringing'"),
    "failed": _count("f.in_hours AND f.outcome = 'failed'"),
    "undecided": _count("f.in_hours AND f.outcome IS NULL"),
    "waiting": _count("f.in_hours AND f.state IN ('queued', 'offering')"),
    "queued": _count("f.in_hours AND f.enqueued_at IS NOT NULL AND f.outcome IS NOT NULL"),
    "self_served": _count(f"{_UNANSWERED} AND f.self_served"),
    "called_back": _count(f"f.called_back_at IS NOT NULL AND {_UNANSWERED} AND NOT f.self_served AND {_SAME_DAY}"),
    "answered_in_time": _count(f"{_ANSWERED} AND {_IN_TIME}"),
    "left_in_time": _count(f"f.in_hours AND f.outcome IS NOT NULL AND {_IN_TIME}"),
    **{name: _count(f"f.wait_us <= {each * 1_000_000} AND {_GAVE_UP}") for each, name in _GAVE_UP_IN.items()},
    "answered_waits": _count(f"{_ANSWERED} AND f.wait_us IS NOT NULL"),
    "answered_wait_us": _sum("f.wait_us", _ANSWERED),
    "abandoned_wait_us": _sum("f.wait_us", _GAVE_UP),
    "longest_wait_us": "coalesce(max(f.wait_us) FILTER (WHERE f.in_hours), 0)",
    "talks": _count(f"{_ANSWERED} AND f.talk_us IS NOT NULL"),
    "talk_us": _sum("f.talk_us", _ANSWERED),
    "handled": _count(_HANDLED),
    "handled_talk_us": _sum("f.talk_us", _HANDLED),
    "wrap_up_us": _sum("f.wrap_up_us", _HANDLED),
    "offers": _sum("f.offers", "f.in_hours"),
}
"""How each count is made, in SQL, over `f`, one row a call."""

_UNDECIDED = {"undecided": "0", "waiting": "0"}
"""Of calls that have ended there are none such."""

_NAMES = CallCounts._fields
_WITHIN = "WHERE f.received_at >= :since AND f.received_at < :until"


class _Counting:
    """The statement that counts ended calls, and tells whether there are live ones; and the one that counts both.

    Either sees one moment only. Days that are over, nearly all there are, need no more than the first, and that is
    planned in a third of the time.
    """

    def __init__(self, before: str = "", after: str = "") -> None:
        ended = ", ".join(f"{(AGGREGATES | _UNDECIDED)[name]} AS {name}" for name in _NAMES)
        live = ", ".join(f"{AGGREGATES[name]} AS {name}" for name in _NAMES)
        self._ended = Statement(f"""
            SELECT EXISTS (SELECT FROM call f {_WITHIN} AND f.state <> 'ended') AS more, {before} {ended}
            FROM call_facts f {_WITHIN} {after}""")  # noqa: S608 - constants of this file
        self._all = Statement(f"""
            SELECT {before} {ended} FROM call_facts f {_WITHIN} {after}
            UNION ALL
            SELECT {before} {live} FROM {LIVE_CALLS} f {_WITHIN} {after}""")  # noqa: S608 - likewise

    def rows(self, db: Connection, bounds: dict[str, datetime]) -> Sequence[Sequence[Any]]:
        """Return a row for each period with ended calls, and another for each with live ones."""
        ended = self._ended.all(db, bounds)
        return self._all.all(db, bounds) if not ended or ended[0].more else [row[1:] for row in ended]


def _start_in_sql(period: Period) -> str:
    if period is Period.MONTH:
        return "date_trunc('month', f.received_at, 'Asia/Tokyo')"
    return f"date_bin('{int(LENGTHS[period].total_seconds())} seconds', f.received_at, CAST(:origin AS timestamptz))"


_ALL = _Counting()
_BY = {each: _Counting(f"{_start_in_sql(each)} AS start,", "GROUP BY start") for each in Period}
