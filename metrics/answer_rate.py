"""応答率, the answer rate of 3-2-J, by the strict reading until the city signs another (F-09).

Numerator: calls that a person answered. When they arrived counts, not when they were answered.
Denominator: all calls that arrived in the line's hours and are decided, less completed self-service. Who hung up during
the greeting, in the queue or while an operator was being connected was not answered; nor was one the line failed.
Excluded: calls outside the hours (they are counted apart as 時間外), and, until it is decided, a call that still waits:
once the last call of a day has ended nothing is excluded for that.
Known flaws: a caller who redials counts once a call; callers whom the network turned away never reach us.

Self-service by keypad is not built, so nothing is taken off for it yet. The queue-based rate leaves those out who hung
up before they stood in the queue; the others also leave short waits out. They are printed beside it, never instead.
"""

from collections.abc import Callable, Iterable

from metrics.call_facts import CallFact
from metrics.definition import Definition, Rate

GOAL_PERCENT = 85
"""What the contract demands of the strict rate, judged by the month (3-2-J)."""

STRICT = Definition("answer_rate.strict", 1)
QUEUE_BASED = Definition("answer_rate.queue_based", 1)
SHORT_WAITS = (5, 10, 20, 30)
"""Seconds up to which a variant forgets an abandoned call."""


def strict_rate(calls: Iterable[CallFact]) -> Rate:
    """Return the contract's rate: answered by a person, of all that arrived in hours."""
    return _rate(STRICT, calls, lambda _call: True)


def queue_based_rate(calls: Iterable[CallFact]) -> Rate:
    """Return the share answered of those who entered the queue."""
    return _rate(QUEUE_BASED, calls, lambda call: call.entered_queue)


def rate_without_short_waits(calls: Iterable[CallFact], seconds: int) -> Rate:
    """Return the queue-based rate without those who hung up within so many seconds of waiting, the last included."""

    def counts(call: CallFact) -> bool:
        gave_up_early = not call.answered and (call.wait_seconds or 0) <= seconds
        return call.entered_queue and not gave_up_early

    return _rate(Definition(f"answer_rate.without_waits_to_{seconds}s", 1), calls, counts)


def meets_goal(rate: Rate) -> bool | None:
    """Tell whether the goal is met, exactly and not as it is rounded; None where nothing was counted yet."""
    return rate.numerator * 100 >= GOAL_PERCENT * rate.denominator if rate.denominator else None


def _rate(definition: Definition, calls: Iterable[CallFact], counts: Callable[[CallFact], bool]) -> Rate:
    counted = [call for call in calls if call.in_hours and call.decided and counts(call)]
    return Rate(definition, sum(call.answered for call in counted), len(counted))
