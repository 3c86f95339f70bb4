"""Seats needed now and in the next half hours to hold 85 %, beside the plan, and how the day may end (3-2-C, 3-2-J).

For each half hour still to come: the calls to be expected, the seats of the plan, the fewest seats with which at least
85 % of that half hour's calls are answered, and the share answered with the plan's. Both go forward from the callers
who are there at this moment, by the exact queue of `transient.py`: the needed seats with those needed before, the
plan's with the plan's. The first half hour is judged with the seats that are able now as well.
Every figure says what it rests on: today's calls, the last weeks', or an assumption (`patience.py`,
`expected_calls.py`). A proposal is never carried out by itself; seats are opened and closed by people.
Known limits: those of the models; hang-ups in the greeting are taken as their share of the last weeks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core.clock import TOKYO, tokyo_day
from ivr.hours import LineHours
from ivr.queue.seat_plan import DayPlan, plan_of_day
from metrics.answer_rate import GOAL_PERCENT
from metrics.call_counts import CallCounts
from metrics.definition import Definition
from metrics.expected_calls import Expected, ExpectedSlot, expect_calls
from metrics.open_seats import count_open_seats
from metrics.patience import Estimate, count_recent, estimate_handling, estimate_patience
from metrics.staffing import answered_behind
from metrics.transient import Crowd, Slot, play_slot, present, seats_needed

OUTLOOK = Definition("outlook", 1)
GOAL = GOAL_PERCENT / 100
FEWEST_TO_TELL = 50


@dataclass(frozen=True, slots=True)
class SlotOutlook:
    """A half hour to come, or what is left of one.

    Attributes:
        calls: to be expected.
        planned: seats of the plan; `least` is what the contract lets them fall to.
        needed: the fewest seats that hold 85 % in it.
        share_planned: the share answered with the plan's seats, of all calls; None where none is expected.
    """

    since: datetime
    until: datetime
    calls: float
    planned: int
    least: int
    needed: int
    share_planned: float | None

    @property
    def missing(self) -> int:
        """How many seats more than planned are needed; less than 0 where some could be spared."""
        return self.needed - self.planned


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected from a moment to the end of the day.

    Attributes:
        able_now: seats able to answer at this moment.
        waiting: callers in the queue at this moment.
        share_of_day: the contract's rate at the end of the day with the plan's seats; None where nothing came or comes.
        share_now: the share answered of the next half hour's calls with the seats that are able now.
    """

    at: datetime
    slots: Sequence[SlotOutlook]
    handling: Estimate
    patience: Estimate
    expected: Expected
    able_now: int
    waiting: int
    share_now: float | None
    share_of_day: float | None


def outlook(db: Connection, hours: LineHours, *, now: datetime) -> Outlook:
    """Return the outlook at a moment. Reads only; it takes some tens of milliseconds."""
    today, recent = count_recent(db, now=now)
    handling, patience = estimate_handling(today, recent), estimate_patience(today, recent)
    expected = expect_calls(db, hours, now=now)
    plan = plan_of_day(db, tokyo_day(now), hours)
    callers = db.execute(_PRESENT).one()
    able = count_open_seats(db).able
    crowd, reaches = Crowd(handling.seconds, patience.seconds), reaches_queue(recent)
    slots, answered = look_ahead(expected.slots, plan, crowd, reaches=reaches, callers=callers.waiting + callers.busy)
    return Outlook(
        at=now,
        slots=slots,
        handling=handling,
        patience=patience,
        expected=expected,
        able_now=able,
        waiting=callers.waiting,
        share_now=_share_now(expected.slots, able, crowd, reaches, callers.waiting + callers.busy),
        share_of_day=_share_of_day(today, expected, crowd, waiting=callers.waiting, able=able, answered=answered),
    )


def reaches_queue(calls: CallCounts) -> float:
    """Return the share of calls that get as far as the queue; all, where too few calls tell."""
    return calls.queued / calls.decided if calls.decided >= FEWEST_TO_TELL else 1.0


def look_ahead(
    slots: Sequence[ExpectedSlot], plan: DayPlan, crowd: Crowd, *, reaches: float, callers: int
) -> tuple[Sequence[SlotOutlook], float]:
    """Return the outlook of each slot, and how many of their calls will be answered with the plan's seats. Pure."""
    with_plan = with_needed = present(callers)
    found, answered = [], 0.0
    for each in slots:
        step = plan.at(each.since.astimezone(TOKYO).time())
        slot = Slot((each.until - each.since).total_seconds(), each.per_second * reaches, step.seats)
        planned = play_slot(with_plan, slot, crowd)
        seats, needed = seats_needed(with_needed, slot, crowd, answered=min(1.0, GOAL / reaches) if reaches else 0.0)
        with_plan, with_needed, answered = planned.after, needed.after, answered + planned.answered
        share = planned.answered / each.calls if each.calls else None
        found.append(SlotOutlook(each.since, each.until, each.calls, step.seats, step.least, seats, share))
    return tuple(found), answered


def _share_now(slots: Sequence[ExpectedSlot], able: int, crowd: Crowd, reaches: float, callers: int) -> float | None:
    if not slots or not slots[0].calls:
        return None
    first = slots[0]
    slot = Slot((first.until - first.since).total_seconds(), first.per_second * reaches, able)
    return play_slot(present(callers), slot, crowd).answered / first.calls


def _share_of_day(
    today: CallCounts, expected: Expected, crowd: Crowd, *, waiting: int, able: int, answered: float
) -> float | None:
    """Return the contract's rate at the end: decided calls, those who wait now, those still to come."""
    served = sum(
        answered_behind(ahead, seats=able, handling=crowd.handling, patience=crowd.patience) for ahead in range(waiting)
    )
    calls = today.received - today.self_served + expected.calls
    greeting = max(0, today.undecided - waiting)
    return (today.answered + served + greeting + answered) / calls if calls else None


_PRESENT = text("""
    SELECT (SELECT count(*) FROM call WHERE state IN ('queued', 'offering')) AS waiting,
           (SELECT count(*) FROM offer WHERE state IN ('accepted', 'wrapping')) AS busy""")
