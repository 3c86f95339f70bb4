"""Who is at work, at which seat, and what she has been doing since when: one row an operator, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core.staff.sessions import list_at_door
from ivr.queue.models import AwayReason, OfferState, Status
from ivr.queue.operators import ACTIVITY, Activity


@dataclass(frozen=True, slots=True)
class RosterLine:
    """An operator as the board shows her.

    Attributes:
        seat: its number; None while she sits nowhere.
        reason: why she is away.
        since: since when she does what she does: the call, the wrap-up, the break, or waiting for a call; None until
            she has taken calls for the first time.
        closes_after_call: her seat will be closed as soon as she is done with the call.
        signed_in: at her desk's screen; without it no seat can be opened for her.
    """

    account_id: int
    name: str
    seat: int | None
    status: Status
    reason: AwayReason | None
    activity: Activity
    since: datetime | None
    closes_after_call: bool
    signed_in: bool

    @property
    def doing(self) -> str:
        """What she is doing, as one word for grouping: an activity, `away` or `offline`."""
        if self.activity is not Activity.IDLE or self.status is Status.AVAILABLE:
            return self.activity
        return self.status


def list_roster(db: Connection, *, real_now: datetime) -> Sequence[RosterLine]:
    """Return the operators who sit or are signed in, by the number of the seat, those without one last."""
    here = list_at_door(db, "desk", now=real_now)
    return [
        RosterLine(
            account_id=row.account_id,
            name=row.display_name,
            seat=row.seat,
            status=Status(row.status),
            reason=AwayReason(row.reason) if row.reason else None,
            activity=ACTIVITY[OfferState(row.offer_state)] if row.offer_state else Activity.IDLE,
            since=row.offer_since or (row.idle_since if row.status == Status.AVAILABLE else row.since),
            closes_after_call=row.next_status == Status.OFFLINE,
            signed_in=row.account_id in here,
        )
        for row in db.execute(_ROSTER, {"here": list(here)})
    ]


_ROSTER = text("""
    SELECT a.id AS account_id, a.display_name, seat.number AS seat, coalesce(s.status, 'offline') AS status,
           s.reason, s.since, s.idle_since, s.next_status, o.state AS offer_state,
           CASE o.state WHEN 'pending' THEN o.offered_at WHEN 'accepted' THEN o.accepted_at ELSE o.over_at END
               AS offer_since
    FROM staff_account a
    LEFT JOIN operator_state s ON s.account_id = a.id
    LEFT JOIN seat ON seat.account_id = a.id
    LEFT JOIN offer o ON o.account_id = a.id AND o.state IN ('pending', 'accepted', 'wrapping')
    WHERE s.status <> 'offline' OR o.id IS NOT NULL OR a.id = ANY(:here)
    ORDER BY seat.number NULLS LAST, a.display_name, a.id""")
