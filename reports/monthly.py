"""A month's figures, added up from what the daily reports said of each day: the dailies sum to the month (F-38)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from reports.archive import list_day_rows
from reports.content import DayRow, RateRow, abandoned


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A day of the month; `row` is None while no report told of it, `complete` once a later report told it again."""

    day: date
    row: DayRow | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A month as its reports tell it.

    Attributes:
        first: its first day.
        days: every day of it, reported or not.
    """

    first: date
    days: Sequence[MonthDay]

    @property
    def rows(self) -> list[DayRow]:
        return [each.row for each in self.days if each.row]

    def total(self, name: str) -> int:
        """Return the sum of one of the counts below over the days that were reported."""
        return sum(day_counts(row)[name] for row in self.rows)

    def rates(self) -> list[RateRow]:
        """Return each rate over the whole month: sums above sums, never a mean of rates."""
        added: dict[tuple[str, int], Counter[str]] = {}
        for row in self.rows:
            for rate in row["rates"]:
                sums = added.setdefault((rate["id"], rate["version"]), Counter())
                sums.update(numerator=rate["numerator"], denominator=rate["denominator"])
        return [
            {"id": id_, "version": version, "numerator": sums["numerator"], "denominator": sums["denominator"]}
            for (id_, version), sums in added.items()
        ]

    def definitions(self) -> list[str]:
        """Return every definition that a day of the month stands under, in the order in which they were met."""
        return list(dict.fromkeys(each for row in self.rows for each in row["definitions"]))


def month_of(db: Connection, first: date) -> Month:
    """Return the month that begins with `first`."""
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    known = list_day_rows(db, first, last)
    days = [first + timedelta(days=n) for n in range(last.day)]
    return Month(first, [MonthDay(day, *known.get(day, (None, False))) for day in days])


def day_counts(row: DayRow) -> dict[str, int]:
    """Return a day's counts by the names of the sheet's columns."""
    return {
        "received": row["received"],
        "answered": row["answered"],
        "abandoned": abandoned(row),
        "failed": row["failed"],
        "undecided": row["undecided"],
        "received_closed": row["received_closed"],
        "made": sum(each["made"] for each in row["bookings"]),
        "made_web": sum(each["made"] for each in row["bookings"] if each["channel"] == "web"),
        "moved": sum(each["moved"] for each in row["bookings"]),
        "cancelled": sum(each["cancelled"] for each in row["bookings"]),
    }
