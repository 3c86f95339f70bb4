"""How many seats shall be open at each minute of the line's hours (3-2-C): a plan by weekday, and days that differ.

Until somebody sets another, the contract's own plan stands. A weekday's plan changes from a day on that has not begun;
one day may still be made to differ on that day itself, with a reason. What a past day was held against never changes.
Nothing here limits how many seats there may be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor
from booking_core.clock import tokyo_day
from booking_core.refusal import Reason, Refusal
from ivr.hours import LineHours

MOST_SEATS = 10_000
"""A guard against a slip of the key, not a limit of the system."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """From `starts` on `seats` shall be open; the contract lets them fall to `least`, which is never done by itself."""

    starts: time
    seats: int
    least: int


NOBODY = PlanStep(time(0), 0, 0)


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The plan of one day. `reason` tells why it differs from its weekday's; None when it does not."""

    day: date
    steps: Sequence[PlanStep]
    reason: str | None = None

    def at(self, moment: time) -> PlanStep:
        """Return the step in force at a time of day in Tokyo; no seats before the first."""
        past = [step for step in self.steps if step.starts <= moment]
        return max(past, key=lambda step: step.starts) if past else NOBODY


def _contract(seats: int) -> tuple[PlanStep, ...]:
    return PlanStep(time(0), seats, seats), PlanStep(time(15), seats, seats - 3)


CONTRACT: Mapping[int, Sequence[PlanStep]] = {
    0: _contract(23),
    1: _contract(23),
    2: _contract(18),
    3: _contract(18),
    4: _contract(18),
}
"""By weekday, 0 = Monday: 23 seats on Mondays and Tuesdays, 18 on the others; from 15:00 about three may be missing."""


def plan_of_day(db: Connection, day: date, hours: LineHours) -> DayPlan:
    """Return the plan of a day; on a day on which the line is closed there are no seats, unless it was planned so."""
    exception = db.execute(_EXCEPTION, {"day": day}).all()
    if exception:
        return DayPlan(day, _steps(exception), exception[0].reason)
    if not hours.open_on(day):
        return DayPlan(day, ())
    return DayPlan(day, plan_of_weekday(db, day.weekday(), on=day))


def plan_of_weekday(db: Connection, weekday: int, *, on: date) -> Sequence[PlanStep]:
    """Return the plan of a weekday as it stands on a day."""
    rows = db.execute(_WEEKDAY, {"weekday": weekday, "on": on}).all()
    return _steps(rows) if rows else CONTRACT.get(weekday, ())


def plan_at(db: Connection, day: date, moment: time, hours: LineHours) -> PlanStep:
    """Return how many seats shall be open at a minute of a day; none outside the line's hours."""
    if not hours.opens <= moment < hours.closes:
        return NOBODY
    return plan_of_day(db, day, hours).at(moment)


def list_exceptions(db: Connection, *, since: date) -> list[DayPlan]:
    """Return the days from `since` on that have a plan of their own, in order."""
    by_day: dict[date, list[PlanStep]] = {}
    reasons: dict[date, str] = {}
    for row in db.execute(_EXCEPTIONS, {"since": since}):
        by_day.setdefault(row.day, []).append(PlanStep(row.starts, row.seats, row.least))
        reasons[row.day] = row.reason
    return [DayPlan(day, tuple(steps), reasons[day]) for day, steps in by_day.items()]


def set_weekday_plan(
    db: Connection, weekday: int, steps: Sequence[PlanStep], *, valid_from: date, by: Actor, now: datetime
) -> Sequence[PlanStep] | Refusal:
    """Set the plan of a weekday from a day on that has not begun, and return it."""
    if not _sound(steps) or weekday not in range(7):
        return Refusal(Reason.SETTING_INVALID)
    if valid_from <= tokyo_day(now):
        return Refusal(Reason.PLAN_TOO_LATE)
    before = plan_of_weekday(db, weekday, on=valid_from)
    db.execute(_FORGET_WEEKDAY, {"weekday": weekday, "valid_from": valid_from})
    rows = [{"weekday": weekday, "valid_from": valid_from, **_row(step)} for step in steps]
    db.execute(_ADD_WEEKDAY, rows)
    detail = {"valid_from": valid_from, "before": _told(before), "after": _told(steps)}
    audit.record(db, audit.AuditEntry(by, "seat_plan.weekday", f"weekday:{weekday}", detail), now=now)
    return plan_of_weekday(db, weekday, on=valid_from)


def set_day_plan(
    db: Connection, day: date, steps: Sequence[PlanStep], *, reason: str, by: Actor, now: datetime
) -> DayPlan | Refusal:
    """Let one day that is not over differ from its weekday's plan, and say why."""
    if not _sound(steps):
        return Refusal(Reason.SETTING_INVALID)
    if not reason.strip():
        return Refusal(Reason.CHOICE_NEEDED)
    if day < tokyo_day(now):
        return Refusal(Reason.PLAN_TOO_LATE)
    before = db.execute(_EXCEPTION, {"day": day}).all()
    db.execute(_FORGET_DAY, {"day": day})
    db.execute(_ADD_DAY, [{"day": day, "reason": reason.strip(), **_row(step)} for step in steps])
    detail = {"before": _told(_steps(before)), "after": _told(steps), "reason": reason.strip()}
    audit.record(db, audit.AuditEntry(by, "seat_plan.day", f"day:{day}", detail), now=now)
    return DayPlan(day, tuple(steps), reason.strip())


def forget_day_plan(db: Connection, day: date, *, by: Actor, now: datetime) -> bool | Refusal:
    """Let a day that is not over follow its weekday's plan again; False when it did already."""
    if day < tokyo_day(now):
        return Refusal(Reason.PLAN_TOO_LATE)
    before = db.execute(_EXCEPTION, {"day": day}).all()
    if not before:
        return False
    db.execute(_FORGET_DAY, {"day": day})
    detail = {"before": _told(_steps(before)), "after": None}
    audit.record(db, audit.AuditEntry(by, "seat_plan.day", f"day:{day}", detail), now=now)
    return True


def _sound(steps: Sequence[PlanStep]) -> bool:
    starts = [step.starts for step in steps]
    known = all(0 <= step.least <= step.seats <= MOST_SEATS for step in steps)
    return bool(steps) and known and starts == sorted(set(starts))


def _steps(rows: Sequence[object]) -> tuple[PlanStep, ...]:
    return tuple(PlanStep(row.starts, row.seats, row.least) for row in rows)  # type: ignore[attr-defined] # SQL names them


def _row(step: PlanStep) -> dict[str, object]:
    return {"starts": step.starts, "seats": step.seats, "least": step.least}


def _told(steps: Sequence[PlanStep]) -> list[list[object]]:
    return [[f"{step.starts:%H:%M}", step.seats, step.least] for step in steps]


_EXCEPTION = text("""
    SELECT starts, seats, least, reason FROM seat_plan_exception WHERE day = :day ORDER BY starts""")
_EXCEPTIONS = text("""
    SELECT day, starts, seats, least, reason FROM seat_plan_exception WHERE day >= :since ORDER BY day, starts""")
_WEEKDAY = text("""
    SELECT starts, seats, least FROM seat_plan_step
    WHERE weekday = :weekday
      AND valid_from = (SELECT max(valid_from) FROM seat_plan_step WHERE weekday = :weekday AND valid_from <= :on)
    ORDER BY starts""")
_FORGET_WEEKDAY = text("DELETE FROM seat_plan_step WHERE weekday = :weekday AND valid_from = :valid_from")
_ADD_WEEKDAY = text("""
    INSERT INTO seat_plan_step (weekday, valid_from, starts, seats, least)
    VALUES (:weekday, :valid_from, :starts, :seats, :least)""")
_FORGET_DAY = text("DELETE FROM seat_plan_exception WHERE day = :day")
_ADD_DAY = text("""
    INSERT INTO seat_plan_exception (day, starts, seats, least, reason)
    VALUES (:day, :starts, :seats, :least, :reason)""")
