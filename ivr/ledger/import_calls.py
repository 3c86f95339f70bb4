"""A list of calls taken into the ledger: all of it or nothing, and the same list twice is the same as once.

A call that the line itself has taken stands in the ledger already, under the provider's id, and is left as it is. So is
one that was imported before; but if the list now says something else about it, the row is refused: what is on record
is not rewritten.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, text

from ivr.hours import LineHours
from ivr.ledger.listed_calls import IgnoredRow, ListedCall, RefusedRow, Row
from ivr.queue.models import Outcome

TWICE = "stands in the list before, with other figures; ids that begin anew are told apart by --map id=DATE+ID"
LISTED = tuple(each.name for each in fields(ListedCall))


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a list.

    Attributes:
        rows: all rows of the list.
        imported: calls that are new in the ledger.
        known: calls that stood there already and say the same, or are the line's own.
        repeated: rows that say again what an earlier row of the same list says.
        ignored: rows whose outcome was said to be no call.
        refused: rows that cannot be calls, or contradict what is on record.
    """

    rows: int
    imported: int
    known: int
    repeated: int
    ignored: int
    refused: Sequence[RefusedRow]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def import_calls(db: Connection, rows: Iterable[Row], *, skip_bad: bool = False) -> Imported:
    """Take a list into the ledger. A single refused row leaves all of it out, unless `skip_bad` takes the others."""
    calls: dict[str, ListedCall] = {}
    refused: list[RefusedRow] = []
    repeated = ignored = count = 0
    for count, row in enumerate(rows, start=1):
        if isinstance(row, IgnoredRow):
            ignored += 1
        elif isinstance(row, RefusedRow):
            refused.append(row)
        elif row.call_sid not in calls:
            calls[row.call_sid] = row
        elif calls[row.call_sid] == row:
            repeated += 1
        else:
            refused.append(RefusedRow(count + 1, f"id: {row.call_sid} {TWICE}"))
    known = _known(db, calls)
    own = set(db.execute(_OWN, {"sids": list(calls)}).scalars())
    fresh = [call for sid, call in calls.items() if sid not in known and sid not in own]
    contradicted = [sid for sid, before in known.items() if sid not in own and before != calls[sid]]
    refused += [RefusedRow(0, f"id: {sid} is on record with other figures") for sid in contradicted]
    takes = skip_bad or not refused
    if takes:
        _copy(db, fresh)
    same = len(calls) - len(fresh) - len(contradicted)
    return Imported(count, len(fresh) if takes else 0, same, repeated, ignored, tuple(refused))


def judge_by_the_line(calls: Iterable[Row], hours: LineHours) -> Iterable[Row]:
    """Yield the same calls, each in hours or not by the line's own calendar instead of the list's word."""
    for call in calls:
        if isinstance(call, ListedCall):
            yield replace(call, in_hours=call.outcome != Outcome.CLOSED and hours.open_at(call.received_at))
        else:
            yield call


def _known(db: Connection, calls: dict[str, ListedCall]) -> dict[str, ListedCall]:
    return {row[0]: ListedCall(*row) for row in db.execute(_KNOWN, {"sids": list(calls)})}


def _copy(db: Connection, calls: Sequence[ListedCall]) -> None:
    """Write calls by PostgreSQL's own way for many rows; 40,000 take about a second."""
    driver: Any = db.connection.driver_connection
    names = ", ".join((*LISTED, "self_served"))
    with driver.cursor() as cursor, cursor.copy(f"COPY call_facts ({names}) FROM STDIN") as copy:
        for call in calls:
            copy.write_row((*(getattr(call, name) for name in LISTED), False))


_KNOWN = text(f"SELECT {', '.join(LISTED)} FROM call_facts WHERE call_sid = ANY(:sids)")  # noqa: S608 - a constant
_OWN = text("SELECT call_sid FROM call WHERE call_sid = ANY(:sids)")
