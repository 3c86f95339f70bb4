"""Our calls beside the provider's: what was never told, or told to nobody, is mended both ways.

A call that we take for live and the provider for over has ended; a call the provider holds and we never heard of is
brought to the start of our documents. What the provider does not know at all is no proof: only silence ends it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, text

from booking_core import settings
from ivr.provider import Provider, ProviderDown
from ivr.queue import progress
from ivr.queue.models import CallState

log = structlog.get_logger("line")

YOUNG = timedelta(seconds=30)
"""A call of which so little time has passed may not stand in the provider's list yet."""

MENDED = "mended"
"""What stands in the log of events for a call that the line itself ended, since nobody had told that it was over."""

SILENT_IN_QUEUE = timedelta(minutes=3)
SILENT_IN_TALK = timedelta(hours=4, minutes=10)
"""After so long without a word a call of which the provider knows nothing is over: a waiting caller's document is asked
for all the time, and no talk lasts longer than the provider's four hours."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that is not over as far as we know; `heard_at` is when anything was last told about it."""

    id: int
    call_sid: str
    state: str
    received_at: datetime
    heard_at: datetime

    def is_silent(self, now: datetime) -> bool:
        longest = SILENT_IN_TALK if self.state == CallState.CONNECTED else SILENT_IN_QUEUE
        return now - self.heard_at > longest


def list_live(db: Connection) -> list[LiveCall]:
    return [LiveCall(*row) for row in db.execute(_LIVE)]


def list_unknown(db: Connection, sids: Collection[str]) -> set[str]:
    """Return those of the provider's calls that we never heard of."""
    known = set(db.execute(_KNOWN, {"sids": list(sids)}).scalars())
    return set(sids) - known


def is_over(call: LiveCall, provider: Provider, *, now: datetime) -> bool:
    """Ask the provider about one call that its list does not hold.

    Raises:
        ProviderDown
    """
    found = provider.find_call(call.call_sid)
    return call.is_silent(now) if found is None else not found.is_live


def end_call(db: Connection, call_sid: str, *, now: datetime) -> bool:
    """End a call of which the provider says that it is over; False when that had been told meanwhile."""
    call = progress.lock_call(db, call_sid)
    if call is None:
        return False
    wrap_up = timedelta(seconds=settings.read_all(db).wrap_up_seconds)
    ended = progress.end(db, call.id, wrap_up=wrap_up, now=now)
    if ended:
        db.execute(_MENDED, {"call_sid": call_sid, "event": MENDED, "now": now})
    return ended


def bring_back(provider: Provider, call_sid: str) -> None:
    """Let a caller who is lost to us begin at the start; when that cannot be said now, the next look tries again."""
    try:
        provider.bring_back(call_sid)
    except ProviderDown as down:
        log.warning("line.bring_back", error=str(down))


_MENDED = text("""
    INSERT INTO call_event (call_sid, leg, event, token, at, detail)
    VALUES (:call_sid, :call_sid, :event, 'line', :now, '{}') ON CONFLICT DO NOTHING""")
_LIVE = text("""
    SELECT c.id, c.call_sid, c.state, c.received_at,
           greatest(c.received_at, c.enqueued_at, c.position_said_at, c.answered_at,
                    (SELECT max(e.at) FROM call_event e WHERE e.call_sid = c.call_sid))
    FROM call c WHERE c.state <> 'ended' ORDER BY c.id""")
_KNOWN = text("SELECT call_sid FROM call WHERE call_sid = ANY(:sids)")
