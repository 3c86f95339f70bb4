"""The operation log as the city reads it: who did what, when, from where, newest first (3-1-C-xx-b).

Only the rows are read, never the side table: no personal value is shown. Pages are turned by id, so that the hundredth
is as quick as the first, and nothing is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, text

from booking_core.actors import ActorKind
from booking_core.calendar import at

ROWS_A_PAGE = 100
LONGEST_TARGET = 100
_EARLIEST, _LATEST = date(1900, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are listed; None leaves a thing open. Days are Tokyo's in business time, both ends included.

    `account_id` is of a member of staff; `target` is written as in the log, such as `booking:17`.
    """

    day_from: date | None = None
    day_to: date | None = None
    actor_kind: ActorKind | None = None
    account_id: int | None = None
    verb: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One entry. `login` and `staff_name` are None where no member of staff acted."""

    id: int
    at: datetime
    actor_kind: str
    actor_id: int | None
    login: str | None
    staff_name: str | None
    on_behalf_of: str | None
    channel: str
    source: str | None
    verb: str
    target: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first, and the id below which the next page begins; None when these are the last."""

    lines: tuple[AuditLine, ...]
    before: int | None


def list_audit(
    db: Connection, which: AuditFilter, *, before: int | None = None, rows_a_page: int = ROWS_A_PAGE
) -> AuditPage:
    """Return the newest entries that match, of those older than the entry `before`."""
    conditions, values = _conditions(which, before)
    found = db.execute(text(_LIST.format(conditions=conditions)), values | {"limit": rows_a_page + 1})
    lines = tuple(AuditLine(*row) for row in found)
    shown = lines[:rows_a_page]
    return AuditPage(shown, shown[-1].id if len(lines) > rows_a_page else None)


def _conditions(which: AuditFilter, before: int | None) -> tuple[str, dict[str, Any]]:
    """Return the SQL of a filter, made of constants of this file alone, and its bound values."""
    values: dict[str, Any] = {
        "from": at(_within(which.day_from), time(0)) if which.day_from else None,
        "until": at(_within(which.day_to) + timedelta(days=1), time(0)) if which.day_to else None,
        "actor_kind": which.actor_kind,
        "account_id": which.account_id,
        "verb": which.verb,
        "target": which.target,
        "before": before,
    }
    asked = {key: value for key, value in values.items() if value is not None}
    return " AND ".join(_CONDITIONS[key] for key in asked) or "true", asked


def _within(day: date) -> date:
    """Bring a day that somebody typed into the years that have an instant in every zone."""
    return min(max(day, _EARLIEST), _LATEST)


_CONDITIONS: Mapping[str, str] = {
    "from": "e.at >= :from",
    "until": "e.at < :until",
    "actor_kind": "e.actor_kind = :actor_kind",
    "account_id": "e.actor_id = :account_id AND e.actor_kind IN ('operator', 'clerk')",
    "verb": "e.verb = :verb",
    "target": "e.target = :target",
    "before": "e.id < :before",
}
_LIST = """
    SELECT e.id, e.at, e.actor_kind, e.actor_id, a.login, a.display_name, e.on_behalf_of, e.channel, e.source,
           e.verb, e.target, e.detail
    FROM audit e
    LEFT JOIN staff_account a ON a.id = e.actor_id AND e.actor_kind IN ('operator', 'clerk')
    WHERE {conditions}
    ORDER BY e.id DESC LIMIT :limit"""
