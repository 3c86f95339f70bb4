"""Where the month stands against the goal of 85 %, and how many calls may still be lost (3-2-J).

The rate is the contract's (`answer_rate.strict`) over all calls that arrived since the first of the month.
may_lose: how many more calls could go unanswered, if no others came, before the rate falls below the goal.
must_answer: how many calls in a row have to be answered to be at the goal again; 0 while it is met.
may_lose_with: the same with so many calls still to come: all of them count, and that many of them may be lost.
Known flaw: how many calls are still to come is a forecast; the forecast's own file says how good it is.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from metrics.answer_rate import GOAL_PERCENT, meets_goal, strict_rate
from metrics.call_counts import count_calls
from metrics.definition import Rate
from metrics.period import span_of_day, span_of_month

LOSABLE_PERCENT = 100 - GOAL_PERCENT


@dataclass(frozen=True, slots=True)
class GoalStanding:
    """A rate against the goal."""

    rate: Rate

    @property
    def met(self) -> bool | None:
        return meets_goal(self.rate)

    @property
    def lost(self) -> int:
        return self.rate.denominator - self.rate.numerator

    @property
    def may_lose(self) -> int:
        """How many calls may be lost before the goal is missed, if no others came; 0 when it is missed already."""
        return max(0, self.rate.numerator * 100 // GOAL_PERCENT - self.rate.denominator)

    @property
    def must_answer(self) -> int:
        """How many calls have to be answered, all that come, until the goal is met again; 0 while it is."""
        behind = GOAL_PERCENT * self.rate.denominator - 100 * self.rate.numerator
        return max(0, -(-behind // LOSABLE_PERCENT))

    def may_lose_with(self, still_to_come: int) -> int:
        """How many of so many calls still to come may be lost; less than 0 when even none would not do."""
        return LOSABLE_PERCENT * (self.rate.denominator + still_to_come) // 100 - self.lost


def goal_of_day(db: Connection, day: date) -> GoalStanding:
    return GoalStanding(strict_rate(count_calls(db, *span_of_day(day))))


def goal_of_month(db: Connection, day: date) -> GoalStanding:
    """Return how the month of a day stands, with all its calls so far."""
    return GoalStanding(strict_rate(count_calls(db, *span_of_month(day))))
