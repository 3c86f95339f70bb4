"""放棄, abandonment by place and by cause.

Numerators: calls in hours in which the caller hung up before a person answered, by where she was: in the greeting
(ivr), waiting (queue), while an operator was being connected (ringing). Apart: calls that the line itself lost.
Denominator: decided calls in hours; for `of_queue` those of them that entered the queue.
Excluded: calls outside the hours, and calls that still wait.
Known flaws: whoever hangs up because she has heard what she wanted in the greeting counts as abandoned.
"""

from typing import NamedTuple

from metrics.call_counts import CallCounts
from metrics.definition import Definition, Rate

IN_IVR = Definition("abandonment.in_ivr", 1)
IN_QUEUE = Definition("abandonment.in_queue", 1)
WHILE_RINGING = Definition("abandonment.while_ringing", 1)
ALL = Definition("abandonment.all", 1)
OF_QUEUE = Definition("abandonment.of_queue", 1)
LOST_BY_THE_LINE = Definition("abandonment.lost_by_the_line", 1)


class Abandonment(NamedTuple):
    """Shares of calls that no person answered; `all` is the three places together, without what the line lost."""

    in_ivr: Rate
    in_queue: Rate
    while_ringing: Rate
    all: Rate
    of_queue: Rate
    lost_by_the_line: Rate


def abandonment(calls: CallCounts) -> Abandonment:
    decided = calls.decided
    return Abandonment(
        Rate(IN_IVR, calls.abandoned_in_ivr, decided),
        Rate(IN_QUEUE, calls.abandoned_in_queue, decided),
        Rate(WHILE_RINGING, calls.abandoned_while_ringing, decided),
        Rate(ALL, calls.abandoned, decided),
        Rate(OF_QUEUE, calls.abandoned_waiting, calls.queued),
        Rate(LOST_BY_THE_LINE, calls.failed, decided),
    )
