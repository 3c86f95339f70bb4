"""The mathematics of the queue, pure: no rows, no clock."""

import math

FEWEST_SAMPLES = 5
LONGEST_SAID_MINUTES = 30
"""What is longer is not promised to the minute: "more than half an hour" is all that can be said honestly."""


def expected_wait_minutes(
    position: int, *, able: int, handling_seconds: float | None, samples: int = FEWEST_SAMPLES
) -> int | None:
    """Return how long the caller at `position` has to expect to wait, in whole minutes, rounded up; None if unknown.

    With `able` operators, each of whom needs `handling_seconds` a call, someone becomes free every
    handling / able seconds on average, and she needs `position` such moments (M/M/n with everybody busy, nobody giving
    up: it errs on the long side). Nothing is said from fewer than five calls, or when nobody takes calls.
    """
    if not able or not handling_seconds or samples < FEWEST_SAMPLES:
        return None
    return max(1, math.ceil(position * handling_seconds / able / 60))
