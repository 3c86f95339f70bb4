"""The settled rate: callers who got what they called for on the day they called.

Numerator: calls a person answered, calls served by keypad to a commit, and callers reached by a call back on the same
day; each call once.
Denominator: all calls that arrived in the line's hours and are decided.
Excluded: calls outside the hours; a call that still waits, until it is decided.
Known flaws: an answered call need not be a settled matter; self-service and call backs are not built, so that both
count none for now.
"""

from metrics.call_counts import CallCounts
from metrics.definition import Definition, Rate

SETTLED = Definition("settled_rate", 1)


def settled_rate(calls: CallCounts) -> Rate:
    return Rate(SETTLED, calls.answered + calls.self_served + calls.called_back, calls.decided)
