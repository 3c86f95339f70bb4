"""The plan of seats by weekday and time, and days that differ: look, change, see what changes, and only then set it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from booking_core.clock import tokyo_day
from booking_core.date_words import WEEKDAYS
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from booking_core.staff.roles import Permission
from ivr.hours import LineHours, read_hours
from ivr.queue.seat_plan import (
    DayPlan,
    PlanStep,
    forget_day_plan,
    list_exceptions,
    plan_of_day,
    plan_of_weekday,
    set_day_plan,
    set_weekday_plan,
)
from operator_ui.board import snapshots
from operator_ui.door import BOARD, board_frame
from web.answers import status_of
from web.staff_access import acting, guard, requires
from web.staff_frame import may_open
from web.typed import typed
from web.wiring import wired

seat_plan = Blueprint("seat_plan", __name__, template_folder="templates", url_prefix="/seat-plan")
guard(seat_plan, BOARD)
seat_plan.context_processor(board_frame)
Page = str | tuple[str, int] | Response
LINES = 6
"""How many steps a day's plan has room for on the screen."""

LONGEST_REASON = 100
DAYS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed: raw lines for the form, and the steps they mean, or None where they mean none."""

    lines: Sequence[tuple[str, str, str]]
    steps: Sequence[PlanStep] | None


@seat_plan.get("/")
@requires(Permission.BOARD_SEE)
def show() -> Page:
    now = wired().clock.now()
    today = tokyo_day(now)
    with wired().reading() as db:
        hours = read_hours(db, now=now)
        weekdays = [(n, WEEKDAYS[n], plan_of_weekday(db, n, on=today), _later(db, n, today)) for n in range(7)]
        exceptions = list_exceptions(db, since=today)
        plan = plan_of_day(db, today, hours)
    return render_template(
        "board/seat_plan.html",
        heading="席の計画",
        weekdays=weekdays,
        exceptions=exceptions,
        today=plan,
        may_change=may_open("seat_plan.change_day"),
        done="done" in request.args,
    )


@seat_plan.get("/weekday/<int:weekday>")
@requires(Permission.SEATS_CHANGE)
def edit_weekday(weekday: int) -> Page:
    about, first = _weekday_words(weekday), _next(weekday)
    with wired().reading() as db:
        steps = plan_of_weekday(db, weekday, on=first)
    return _form(about, _as_typed(steps), valid_from=f"{first}")


@seat_plan.post("/weekday/<int:weekday>")
@requires(Permission.SEATS_CHANGE)
def change_weekday(weekday: int) -> Page:
    """Show what would change; set it once that was seen."""
    about, sent = _weekday_words(weekday), {"valid_from": typed(request, "valid_from")}
    wanted, since, now = _wanted(), _date("valid_from"), wired().clock.now()
    if wanted.steps is None or since is None:
        return _form(about, wanted.lines, Refusal(Reason.SETTING_INVALID), **sent)
    if "correct" in request.form:
        return _form(about, wanted.lines, **sent)
    steps, valid_from = wanted.steps, since
    with wired().reading() as db:
        before = plan_of_weekday(db, weekday, on=valid_from)
        touched = _days_touched(db, weekday, valid_from)
    if "commit" not in request.form:
        return _preview(about, wanted.lines, before, steps, days=touched, **sent)

    def work(db: Connection) -> object:
        if _told(plan_of_weekday(db, weekday, on=valid_from)) != typed(request, "seen", longest=2_000):
            return Refusal(Reason.PLAN_CHANGED)
        return set_weekday_plan(db, weekday, steps, valid_from=valid_from, by=acting(), now=now)

    answer = in_transaction(wired().engine, work)
    return _form(about, wanted.lines, answer, **sent) if isinstance(answer, Refusal) else _back()


@seat_plan.get("/day")
@requires(Permission.SEATS_CHANGE)
def edit_day() -> Page:
    now = wired().clock.now()
    day = _given(request.args.get("day", "")) or tokyo_day(now)
    with wired().reading() as db:
        plan = plan_of_day(db, day, read_hours(db, now=now))
    return _form("いつもとちがう日", _as_typed(plan.steps), day=f"{day}", reason=plan.reason or "")


@seat_plan.post("/day")
@requires(Permission.SEATS_CHANGE)
def change_day() -> Page:
    """Show what would change on one day; set it once that was seen."""
    wanted, given, now = _wanted(), _date("day"), wired().clock.now()
    reason = typed(request, "reason", longest=LONGEST_REASON)
    about, sent = "いつもとちがう日", {"day": typed(request, "day"), "reason": reason}
    if wanted.steps is None or given is None:
        return _form(about, wanted.lines, Refusal(Reason.SETTING_INVALID), **sent)
    if not reason:
        return _form(about, wanted.lines, Refusal(Reason.CHOICE_NEEDED), **sent)
    if "correct" in request.form:
        return _form(about, wanted.lines, **sent)
    steps, day = wanted.steps, given
    with wired().reading() as db:
        before = plan_of_day(db, day, read_hours(db, now=now))
    if "commit" not in request.form:
        return _preview(about, wanted.lines, before.steps, steps, days=[day], **sent)

    def work(db: Connection) -> object:
        if _told(plan_of_day(db, day, read_hours(db, now=now)).steps) != typed(request, "seen", longest=2_000):
            return Refusal(Reason.PLAN_CHANGED)
        return set_day_plan(db, day, steps, reason=reason, by=acting(), now=now)

    answer = in_transaction(wired().engine, work)
    return _form(about, wanted.lines, answer, **sent) if isinstance(answer, Refusal) else _back()


@seat_plan.post("/day/forget")
@requires(Permission.SEATS_CHANGE)
def forget_day() -> Page:
    """Let a day follow its weekday's plan again. One that does already is none the worse."""
    day, now = _date("day"), wired().clock.now()
    if day is None:
        return abort(404)
    answer = in_transaction(wired().engine, lambda db: forget_day_plan(db, day, by=acting(), now=now))
    if isinstance(answer, Refusal):
        return _form("いつもとちがう日", _as_typed(()), answer, day=f"{day}", reason="")
    return _back()


def _back() -> Response:
    snapshots().forget()
    return redirect(url_for("seat_plan.show", done=1), 303)


def _form(
    about: str, lines: Sequence[tuple[str, str, str]], refusal: Refusal | object = None, **sent: str
) -> tuple[str, int]:
    refused = refusal if isinstance(refusal, Refusal) else None
    page = render_template(
        "board/seat_plan_form.html",
        heading=f"席の計画を変える（{about}）",
        lines=[*lines, *([("", "", "")] * LINES)][:LINES],
        sent=sent,
        action=request.path,
        longest=LONGEST_REASON,
        errors={_field(refused): refused.message} if refused else {},
    )
    return page, status_of(refused) if refused else 200


def _field(refusal: Refusal) -> str:
    return {Reason.CHOICE_NEEDED: "reason", Reason.SETTING_INVALID: "starts-1"}.get(refusal.reason, "")


def _preview(
    about: str,
    lines: Sequence[tuple[str, str, str]],
    before: Sequence[PlanStep],
    after: Sequence[PlanStep],
    *,
    days: Sequence[date],
    **sent: str,
) -> Page:
    with wired().reading() as db:
        hours = read_hours(db, now=wired().clock.now())
    return render_template(
        "board/seat_plan_preview.html",
        heading=f"変わる内容を確かめる（{about}）",
        changes=list(_changes(before, after, hours)),
        lines=lines,
        sent=sent,
        days=days,
        seen=_told(before),
        action=request.path,
    )


def _changes(
    before: Sequence[PlanStep], after: Sequence[PlanStep], hours: LineHours
) -> Iterator[tuple[str, PlanStep, PlanStep, str]]:
    """Yield each part of the line's hours with what was and what will be, and the difference in words."""
    day = date.min
    was, will = DayPlan(day, before), DayPlan(day, after)
    starts = {hours.opens, *(s.starts for s in (*before, *after) if hours.opens < s.starts < hours.closes)}
    ordered = sorted(starts)
    for start, end in zip(ordered, [*ordered[1:], hours.closes], strict=True):
        old, new = was.at(start), will.at(start)
        change = new.seats - old.seats
        said = f"{change}席増える" if change > 0 else f"{-change}席減る" if change else "変わらない"
        yield f"{start:%H:%M}から{end:%H:%M}まで", old, new, said


def _wanted() -> Wanted:
    form = request.form
    lines = [
        (form.get(f"starts-{n}", "")[:5], form.get(f"seats-{n}", "")[:6], form.get(f"least-{n}", "")[:6])
        for n in range(1, LINES + 1)
    ]
    kept = [line for line in lines if any(line)]
    try:
        steps = [PlanStep(time.fromisoformat(a), int(b), int(c or b)) for a, b, c in kept]
    except ValueError:
        return Wanted(kept, None)
    in_order = [step.starts for step in steps] == sorted({step.starts for step in steps})
    sound = bool(steps) and in_order and all(0 <= step.least <= step.seats for step in steps)
    return Wanted(kept, steps if sound else None)


def _as_typed(steps: Sequence[PlanStep]) -> list[tuple[str, str, str]]:
    return [(f"{step.starts:%H:%M}", f"{step.seats}", f"{step.least}") for step in steps]


def _told(steps: Sequence[PlanStep]) -> str:
    return json.dumps(_as_typed(steps))


def _date(name: str) -> date | None:
    return _given(typed(request, name))


def _given(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _next(weekday: int) -> date:
    """Return the next day of this weekday after today: the first that a change can reach."""
    tomorrow = tokyo_day(wired().clock.now()) + timedelta(days=1)
    return tomorrow + timedelta(days=(weekday - tomorrow.weekday()) % 7)


def _later(db: Connection, weekday: int, today: date) -> Mapping[date, Sequence[PlanStep]]:
    """Return the change of a weekday's plan that is already set for the weeks to come, by its first day."""
    now = plan_of_weekday(db, weekday, on=today)
    coming = (today + timedelta(days=n) for n in range(1, 60))
    plans = ((day, plan_of_weekday(db, weekday, on=day)) for day in coming if day.weekday() == weekday)
    return next(({day: steps} for day, steps in plans if steps != now), {})


def _days_touched(db: Connection, weekday: int, since: date) -> list[date]:
    """Return the first days that a weekday's new plan holds for: closed days and days that differ are left alone."""
    now: datetime = wired().clock.now()
    hours, own = read_hours(db, now=now), {plan.day for plan in list_exceptions(db, since=since)}
    days = (since + timedelta(days=n) for n in range(70))
    return [d for d in days if d.weekday() == weekday and d not in own and hours.open_on(d)][:DAYS_SHOWN]


def _weekday_words(weekday: int) -> str:
    return f"{WEEKDAYS[weekday]}曜日" if weekday < len(WEEKDAYS) else abort(404)
