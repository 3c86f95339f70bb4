"""Service level: who was answered within T = 20 seconds, in the five readings that are in use, each under its name.

A wait runs from the queue's entry to the answer or the end; one of exactly T is in time. Offered: decided calls in
hours that entered the queue.

(a) of_answered: answered within T ÷ answered.
(b) of_offered: answered within T ÷ offered.
(c) without_quick_abandons: answered within T ÷ (offered - hung up within T).
(d) with_quick_abandons: (answered within T + hung up within T) ÷ offered.
(e) left_queue: left the queue within T, however it went, ÷ offered. A request for a call back would count as left.

Excluded: calls outside the hours, hang-ups in the greeting, and calls that still wait, however long already.
Known flaws: (a) gets better when callers give up; (d) and (e) count a hang-up as success. The contract knows none of
the five; they are for comparison with other centres.
"""

from metrics.call_counts import CallCounts
from metrics.definition import Definition, Rate

OF_ANSWERED = Definition("service_level.of_answered.20s", 1)
OF_OFFERED = Definition("service_level.of_offered.20s", 1)
WITHOUT_QUICK_ABANDONS = Definition("service_level.without_quick_abandons.20s", 1)
WITH_QUICK_ABANDONS = Definition("service_level.with_quick_abandons.20s", 1)
LEFT_QUEUE = Definition("service_level.left_queue.20s", 1)


def of_offered(calls: CallCounts) -> Rate:
    """Return the reading (b), the usual one: no hang-up is left out of it and none counts as success."""
    return Rate(OF_OFFERED, calls.answered_in_time, calls.queued)


def service_levels(calls: CallCounts) -> tuple[Rate, Rate, Rate, Rate, Rate]:
    """Return the five readings, (a) to (e)."""
    quick = calls.gave_up_in_20s
    return (
        Rate(OF_ANSWERED, calls.answered_in_time, calls.answered_waits),
        of_offered(calls),
        Rate(WITHOUT_QUICK_ABANDONS, calls.answered_in_time, calls.queued - quick),
        Rate(WITH_QUICK_ABANDONS, calls.answered_in_time + quick, calls.queued),
        Rate(LEFT_QUEUE, calls.left_in_time, calls.queued),
    )
