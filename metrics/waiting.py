"""Waiting times, from the queue's entry to the answer or the hang-up.

speed_of_answer (ASA): the mean wait of answered calls, waits of no time included. Never of all calls.
abandon_time: the mean wait of callers who hung up in the queue or while an operator was being connected.
longest: the longest wait that has ended, whichever way.
Percentiles: of answered calls, by nearest rank: the least wait that so many per cent did not exceed.
Excluded: calls outside the hours, calls that never entered the queue, calls that still wait.
Known flaws: the greeting before the queue is not waiting here, though a caller may feel otherwise.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from ivr.ledger.call_facts import CALL_FACTS
from metrics.call_counts import CallCounts
from metrics.definition import MICROS, Definition, Mean

SPEED_OF_ANSWER = Definition("waiting.speed_of_answer", 1)
ABANDON_TIME = Definition("waiting.abandon_time", 1)
LONGEST = Definition("waiting.longest", 1)
PERCENTILES = Definition("waiting.percentiles", 1)
USUAL_PERCENTILES = (50, 80, 90, 95)


class Waiting(NamedTuple):
    """Mean and longest waits of a period."""

    speed_of_answer: Mean
    abandon_time: Mean
    longest_seconds: float


def waiting(calls: CallCounts) -> Waiting:
    return Waiting(
        Mean(SPEED_OF_ANSWER, calls.answered_wait_us, calls.answered_waits),
        Mean(ABANDON_TIME, calls.abandoned_wait_us, calls.abandoned_waiting),
        calls.longest_wait_us / MICROS,
    )


def wait_percentiles(
    db: Connection, since: datetime, until: datetime, percents: Sequence[int] = USUAL_PERCENTILES
) -> Mapping[int, float]:
    """Return the wait in seconds that so many per cent of the answered calls did not exceed; empty without any."""
    values = {"since": since, "until": until, "shares": [each / 100 for each in percents]}
    waits = db.execute(_PERCENTILES, values).scalar_one()
    return {each: wait / MICROS for each, wait in zip(percents, waits or (), strict=False)}


_PERCENTILES = text(f"""
    SELECT percentile_disc(CAST(:shares AS float8[])) WITHIN GROUP (ORDER BY f.wait_us) FROM {CALL_FACTS} f
    WHERE f.received_at >= :since AND f.received_at < :until
      AND f.in_hours AND f.answered_at IS NOT NULL AND f.wait_us IS NOT NULL""")  # noqa: S608 - constants
