"""The request that takes a caller out of the provider's queue to her operator: sent at most once, whatever happens.

The offer's row says `sent`, committed, before the request leaves, and is never sent again: a second one could cut a
live talk. Its effect is learned from the request its target makes. When it certainly or apparently had none, the
caller's next wait document lets her leave the queue by itself, which ends at the same place.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from booking_core.statement import Statement
from ivr.queue.models import Redirect

NOT_SENT_FOR = timedelta(seconds=3)
AFTER_AN_ERROR = timedelta(seconds=5)
AFTER_SILENCE = timedelta(seconds=12)
"""How long a caller who still waits is given: the line has not sent it; the provider failed; nothing was answered."""


@dataclass(frozen=True, slots=True)
class RedirectDue:
    """A caller to be taken to the operator of an offer."""

    offer_id: int
    call_sid: str


def claim_redirects(db: Connection, *, now: datetime, limit: int = 50) -> list[RedirectDue]:
    """Write down that these are sent, and return them: once this is committed they are the caller's, and hers alone."""
    return [RedirectDue(*row) for row in _CLAIM.all(db, {"now": now, "limit": limit})]


def record_redirect(db: Connection, offer_id: int, answer: Redirect) -> None:
    """Note what the provider said, for an offer whose caller it may still concern."""
    _RECORD.run(db, {"offer_id": offer_id, "answer": answer})


def let_leave(db: Connection, call_id: int, *, now: datetime) -> bool:
    """Tell whether a caller who waits with an offer may leave the queue by her own document; her call is locked.

    A redirect that was not sent by then is withdrawn, so that both ways are never taken.
    """
    moments = {
        "not_sent": now - NOT_SENT_FOR,
        "after_error": now - AFTER_AN_ERROR,
        "after_silence": now - AFTER_SILENCE,
    }
    return _LET_LEAVE.run(db, {"call_id": call_id} | moments) == 1


_CLAIM = Statement("""
    UPDATE offer o SET redirect = 'sent', redirected_at = :now
    FROM (SELECT id FROM offer WHERE redirect = 'due' AND state = 'pending' AND dialled_at IS NULL
          ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED) due, call c
    WHERE o.id = due.id AND c.id = o.call_id RETURNING o.id, c.call_sid""")
_RECORD = Statement("UPDATE offer SET redirect = :answer WHERE id = :offer_id AND redirect = 'sent'")
_LET_LEAVE = Statement("""
    UPDATE offer SET redirect = CASE WHEN redirect = 'due' THEN NULL ELSE redirect END
    WHERE call_id = :call_id AND state = 'pending' AND (
        redirect IS NULL OR redirect = 'refused' OR (redirect = 'due' AND offered_at <= :not_sent)
        OR (redirect = 'unknown' AND redirected_at <= :after_error)
        OR (redirect IN ('sent', 'done') AND redirected_at <= :after_silence))""")
