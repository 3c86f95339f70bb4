"""応答率, the answer rate of 3-2-J, by the strict reading until the city signs another (F-09).

Numerator: calls that a person answered. When they arrived counts, not when they were answered.
Denominator: all calls that arrived in the line's hours and are decided, less completed self-service. Who hung up during
the greeting, in the queue or while an operator was being connected was not answered; nor was one the line failed.
Excluded: calls outside the hours (they are counted apart as 時間外), and, until it is decided, a call that still waits:
once the last call of a day has ended nothing is excluded for that.
Known flaws: a caller who redials counts once a call; callers whom the network turned away never reach us.

Printed beside it, never instead: the queue-based rate leaves those out who hung up before they stood in the queue; the
next ones also leave out who hung up after at most 5, 10, 20, 30 seconds in it (a call the line failed stays in); with
call backs, a caller reached on the same day counts as answered.
"""

from metrics.call_counts import SHORT_WAITS, CallCounts
from metrics.definition import Definition, Rate

__all__ = ["SHORT_WAITS"]

GOAL_PERCENT = 85
"""What the contract demands of the strict rate, judged by the month (3-2-J)."""

STRICT = Definition("answer_rate.strict", 1)
QUEUE_BASED = Definition("answer_rate.queue_based", 1)
WITHOUT_SHORT_WAITS = {each: Definition(f"answer_rate.without_waits_to_{each}s", 2) for each in SHORT_WAITS}
WITH_CALL_BACKS = Definition("answer_rate.with_call_backs", 1)


def strict_rate(calls: CallCounts) -> Rate:
    """Return the contract's rate: answered by a person, of all that arrived in hours."""
    return Rate(STRICT, calls.answered, calls.decided - calls.self_served)


def queue_based_rate(calls: CallCounts) -> Rate:
    """Return the share answered of those who entered the queue."""
    return Rate(QUEUE_BASED, calls.answered, calls.queued)


def rate_without_short_waits(calls: CallCounts, seconds: int) -> Rate:
    """Return the queue-based rate without those who hung up within so many seconds of waiting, the last included."""
    return Rate(WITHOUT_SHORT_WAITS[seconds], calls.answered, calls.queued - calls.gave_up_within(seconds))


def rate_with_call_backs(calls: CallCounts) -> Rate:
    """Return the strict rate with those counted in who were reached by a call back on the same day."""
    return Rate(WITH_CALL_BACKS, calls.answered + calls.called_back, calls.decided - calls.self_served)


def meets_goal(rate: Rate) -> bool | None:
    """Tell whether the goal is met, exactly and not as it is rounded; None where nothing was counted yet."""
    return rate.numerator * 100 >= GOAL_PERCENT * rate.denominator if rate.denominator else None
