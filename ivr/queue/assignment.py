"""Who is next: the first caller in order goes to the operator who has been idle longest.

One transaction makes all the pairs there are. It locks callers, then operators, as every writer of the line does; two
lines at once take turns by an advisory lock, and the partial unique indexes on offers say the last no.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from ivr.ledger import operator_events
from ivr.queue.models import Redirect

ONE_QUEUE = 0x51554555
"""The advisory lock of whoever pairs callers with operators."""

UNHEARD_AFTER = timedelta(seconds=30)
"""A desk that has given signs of life, and none for so long, gets no calls (heartbeat, in real time)."""

REACH_WITHIN = timedelta(seconds=20)
"""How long it may take until the operator is rung; then the line looks after the offer."""

MOST_PAIRS = 50


def assign(db: Connection, *, now: datetime, real_now: datetime) -> list[int]:
    """Offer waiting calls to free operators, first to longest idle, and return the offers made, to be redirected."""
    db.execute(_TAKE_TURNS, {"lock": ONE_QUEUE})
    heard_after = real_now - UNHEARD_AFTER
    free = int(db.execute(_COUNT_FREE, {"heard_after": heard_after}).scalar_one())
    if not free:
        return []
    callers = list(db.execute(_FIRST_CALLERS, {"most": min(free, MOST_PAIRS)}).scalars())
    if not callers:
        return []
    operators = list(db.execute(_LONGEST_IDLE, {"most": len(callers), "heard_after": heard_after}).scalars())
    pairs = zip(callers, operators, strict=False)
    return [make_offer(db, call_id, account_id, now=now) for call_id, account_id in pairs]


def make_offer(db: Connection, call_id: int, account_id: int, *, now: datetime) -> int:
    """Offer a waiting call to a free operator, both locked, and return the offer."""
    values = {"call_id": call_id, "account_id": account_id, "redirect": Redirect.DUE, "now": now}
    db.execute(_OFFERING, values)
    offer_id = int(db.execute(_OFFER, values | {"due": now + REACH_WITHIN}).scalar_one())
    operator_events.note(db, account_id, now=now)
    return offer_id


_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(:lock)")
_IS_FREE = """s.status = 'available' AND (s.heard_at IS NULL OR s.heard_at > :heard_after)
    AND NOT EXISTS (SELECT FROM offer o WHERE o.account_id = s.account_id
                                          AND o.state IN ('pending', 'accepted', 'wrapping'))"""
_COUNT_FREE = text(f"SELECT count(*) FROM operator_state s WHERE {_IS_FREE}")  # noqa: S608 - a constant of this file
# Not SKIP LOCKED: whoever is being dealt with at this moment keeps her turn, the line waits for her.
_FIRST_CALLERS = text("""
    SELECT id FROM call WHERE state = 'queued' AND offerable_at IS NOT NULL
    ORDER BY enqueued_at, id LIMIT :most FOR NO KEY UPDATE""")
_LONGEST_IDLE = text(f"""
    SELECT s.account_id FROM operator_state s WHERE {_IS_FREE}
    ORDER BY s.idle_since, s.account_id LIMIT :most FOR NO KEY UPDATE""")  # noqa: S608 - likewise
_OFFERING = text("""
    UPDATE call SET state = 'offering', first_offered_at = coalesce(first_offered_at, :now) WHERE id = :call_id""")
_OFFER = text("""
    INSERT INTO offer (call_id, account_id, state, offered_at, redirect, due_at)
    VALUES (:call_id, :account_id, 'pending', :now, :redirect, :due) RETURNING id""")
