"""A past day computed twice: from what is stored, and from its events told to the code again. Both must be the same."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from ivr.hours import read_hours
from ivr.ledger.replay import replay
from metrics.call_counts import count_calls_by
from metrics.call_facts import CallFact, list_call_facts
from metrics.figures import figures_between, period_as_json
from metrics.operator_time import operator_times
from metrics.period import Period, span_of_day
from metrics.seat_minutes import seat_minutes


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that came out otherwise: of which call or figure, what is stored and what the events give."""

    of: str
    stored: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found. `refused`: what happened then and the code would not do now."""

    day: date
    calls: int
    events: int
    figures: dict[str, Any]
    differences: Sequence[Difference]
    refused: Sequence[str]

    @property
    def is_same(self) -> bool:
        return not self.differences and not self.refused

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "day": f"{self.day}", "is_same": self.is_same}


def replay_day(db: Connection, day: date, *, now: datetime) -> Replayed:
    """Compute a day twice and return every difference. The caller rolls the transaction back: nothing may stay."""
    since, until = span_of_day(day)
    stored_calls = list_call_facts(db, day, day)
    stored = _all_figures(db, day, now)
    told = replay(db, since, until)
    replayed_calls = list_call_facts(db, day, day)
    replayed = _all_figures(db, day, now)
    differences = (*_calls_that_differ(stored_calls, replayed_calls), *_differ("figures", stored, replayed))
    return Replayed(day, len(stored_calls), told.events, stored, differences, told.refused)


def _all_figures(db: Connection, day: date, now: datetime) -> dict[str, Any]:
    since, until = span_of_day(day)
    figures = {
        "calls": figures_between(db, since, until),
        "half_hours": [period_as_json(each) for each in count_calls_by(db, Period.HALF_HOUR, since, until)],
        "operators": [asdict(each) for each in operator_times(db, since, min(until, now))],
        "seats": [[each.present, each.able] for each in seat_minutes(db, day, read_hours(db, now=since), now=now)],
    }
    plain: dict[str, Any] = json.loads(json.dumps(figures))
    return plain


def _calls_that_differ(stored: Sequence[CallFact], replayed: Sequence[CallFact]) -> Iterator[Difference]:
    before = {each.call_sid: asdict(each) for each in stored}
    after = {each.call_sid: asdict(each) for each in replayed}
    for sid in sorted(before.keys() | after.keys()):
        yield from _differ(f"call {sid}", before.get(sid), after.get(sid))


def _differ(of: str, stored: Any, replayed: Any) -> Iterator[Difference]:  # noqa: ANN401 - whatever JSON holds
    if isinstance(stored, dict) and isinstance(replayed, dict):
        for name in sorted(stored.keys() | replayed.keys()):
            yield from _differ(f"{of} {name}", stored.get(name), replayed.get(name))
    elif isinstance(stored, list) and isinstance(replayed, list) and len(stored) == len(replayed):
        for place, (one, other) in enumerate(zip(stored, replayed, strict=True)):
            yield from _differ(f"{of} {place}", one, other)
    elif stored != replayed:
        yield Difference(of, stored, replayed)
