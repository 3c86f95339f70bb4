"""Distinct callers and repeated calls (再呼), where a number was shown. Counts only: no number leaves the database.

callers: different numbers among the calls in hours. reached: of these, the ones a person answered at least once in the
span. calls: calls with a shown number, so that calls - callers are repeated ones. withheld: calls without a number.
Rate: reached ÷ callers.
Excluded: calls outside the hours; imported lists, which bring no numbers.
Known flaws: one number may stand for a household or an office, and one person may call from several.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from metrics.definition import Definition, Rate

CALLERS = Definition("callers", 1)


@dataclass(frozen=True, slots=True)
class Callers:
    callers: int
    reached: int
    calls: int
    withheld: int

    @property
    def repeated(self) -> int:
        return self.calls - self.callers

    @property
    def rate(self) -> Rate:
        return Rate(CALLERS, self.reached, self.callers)


def count_callers(db: Connection, since: datetime, until: datetime) -> Callers:
    """Return who called from `since` until just before `until`, as counts."""
    return Callers(*db.execute(_CALLERS, {"since": since, "until": until}).one())


_CALLERS = text("""
    SELECT count(DISTINCT from_number), count(DISTINCT from_number) FILTER (WHERE answered_at IS NOT NULL),
           count(from_number), count(*) FILTER (WHERE from_number IS NULL)
    FROM call WHERE received_at >= :since AND received_at < :until
      AND (outcome IS DISTINCT FROM 'closed' OR answered_at IS NOT NULL)""")
