"""Handling times of answered calls: talk, wrap-up, and both together (AHT).

talk: mean of the talk, hold included, over answered calls whose talk is over.
wrap_up: mean of the wrap-up, from the end of the talk until the operator closed the call or was freed, over answered
calls for which both are over.
handling: talk and wrap-up together, over the same calls. Ringing and waiting are no handling.
Excluded: calls outside the hours; calls not answered.
Known flaws: a wrap-up ends by itself after a set time, so that a longer one is cut there; of a call that several
operators had, their times are added.
"""

from typing import NamedTuple

from metrics.call_counts import CallCounts
from metrics.definition import Definition, Mean

TALK = Definition("handling.talk", 1)
WRAP_UP = Definition("handling.wrap_up", 1)
HANDLING = Definition("handling.all", 1)


class Handling(NamedTuple):
    talk: Mean
    wrap_up: Mean
    all: Mean


def handling(calls: CallCounts) -> Handling:
    return Handling(
        Mean(TALK, calls.talk_us, calls.talks),
        Mean(WRAP_UP, calls.wrap_up_us, calls.handled),
        Mean(HANDLING, calls.handled_talk_us + calls.wrap_up_us, calls.handled),
    )
