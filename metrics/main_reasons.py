"""用件, the main reasons of calls: what the operator named when she closed the call (3-2-L).

Counts answered calls in hours, by the span in which they arrived, each once, under the reason that stands there when
the figures are read; those for which none is named yet, and imported ones, are apart. Together they are the answered.
Known flaw: a caller may have called for more than one thing; the operator names the main one.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from ivr.ledger.call_facts import CALL_FACTS
from ivr.queue.models import MainReason
from metrics.definition import Definition

MAIN_REASONS = Definition("main_reasons", 1)


def count_main_reasons(db: Connection, since: datetime, until: datetime) -> Mapping[MainReason | None, int]:
    """Return how many calls each reason was named for, in the reasons' own order, None last; none that nobody named."""
    found = {row.main_reason: int(row.calls) for row in db.execute(_REASONS, {"since": since, "until": until})}
    return {each: found[each] for each in (*MainReason, None) if each in found}


_REASONS = text(f"""
    SELECT f.main_reason, count(*) AS calls FROM {CALL_FACTS} f
    WHERE f.received_at >= :since AND f.received_at < :until AND f.in_hours AND f.answered_at IS NOT NULL
    GROUP BY f.main_reason""")  # noqa: S608 - constants
