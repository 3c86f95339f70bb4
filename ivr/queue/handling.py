"""How long calls take lately: talk and wrap-up, from which a caller's wait is estimated."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

LOOK_BACK = timedelta(hours=2)
MOST_CALLS = 50


@dataclass(frozen=True, slots=True)
class RecentHandling:
    """The mean over `calls` calls, from the answer to the end of the wrap-up; None when there was none."""

    calls: int
    mean_seconds: float | None


def recent_handling(db: Connection, *, now: datetime) -> RecentHandling:
    """Return how long the last calls took, of those completed in the last two hours."""
    row = db.execute(_RECENT, {"since": now - LOOK_BACK, "most": MOST_CALLS}).one()
    return RecentHandling(row.calls, float(row.mean) if row.mean is not None else None)


_RECENT = text("""
    SELECT count(*) AS calls, avg(extract(epoch FROM completed_at - accepted_at)) AS mean
    FROM (SELECT accepted_at, completed_at FROM offer
          WHERE state = 'completed' AND completed_at > :since ORDER BY completed_at DESC LIMIT :most) o""")
