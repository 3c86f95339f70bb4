"""Who is next: the first caller in order goes to the operator who has been idle longest.

One transaction makes all the pairs there are. It locks callers, then operators, as every writer of the line does; two
lines at once take turns by an advisory lock, and the partial unique indexes on offers say the last no.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from booking_core.clock import Clock
from booking_core.statement import Statement
from ivr.ledger import operator_events
from ivr.queue.models import Redirect

ONE_QUEUE = 0x51554555
"""The advisory lock of whoever pairs callers with operators."""

UNHEARD_AFTER = timedelta(seconds=30)
"""A desk that has given signs of life, and none for so long, gets no calls (heartbeat, in real time)."""

REACH_WITHIN = timedelta(seconds=20)
"""How long it may take until the operator is rung; then the line looks after the offer."""

MOST_PAIRS = 50


def assign(db: Connection, clock: Clock, *, real_now: datetime) -> list[int]:
    """Offer waiting calls to free operators, first to longest idle, and return the offers made, to be redirected.

    The time is read once callers and operators are locked: nobody is offered before she has come.
    """
    _TAKE_TURNS.all(db, {"lock": ONE_QUEUE})
    heard_after = real_now - UNHEARD_AFTER
    free = _COUNT_FREE.one(db, {"heard_after": heard_after}).free
    if not free:
        return []
    callers = [row.call_id for row in _FIRST_CALLERS.all(db, {"most": min(free, MOST_PAIRS)})]
    if not callers:
        return []
    idle = _LONGEST_IDLE.all(db, {"most": len(callers), "heard_after": heard_after})
    pairs, now = zip(callers, (row.account_id for row in idle), strict=False), clock.now()
    return [make_offer(db, call_id, account_id, now=now) for call_id, account_id in pairs]


def make_offer(db: Connection, call_id: int, account_id: int, *, now: datetime) -> int:
    """Offer a waiting call to a free operator, both locked, and return the offer."""
    pair = {"call_id": call_id, "account_id": account_id, "redirect": Redirect.DUE}
    offer_id = int(_OFFER.one(db, pair | {"now": now, "due": now + REACH_WITHIN}).offer_id)
    operator_events.note(db, account_id, now=now)
    return offer_id


_TAKE_TURNS = Statement("SELECT pg_advisory_xact_lock(:lock)")
_IS_FREE = """s.status = 'available' AND (s.heard_at IS NULL OR s.heard_at > :heard_after)
    AND NOT EXISTS (SELECT FROM offer o WHERE o.account_id = s.account_id
                                          AND o.state IN ('pending', 'accepted', 'wrapping'))"""
_COUNT_FREE = Statement(f"SELECT count(*) AS free FROM operator_state s WHERE {_IS_FREE}")  # noqa: S608 - a constant of this file
# Not SKIP LOCKED: whoever is being dealt with at this moment keeps her turn, the line waits for her.
_FIRST_CALLERS = Statement("""
    SELECT id AS call_id FROM call WHERE state = 'queued' AND offerable_at IS NOT NULL
    ORDER BY enqueued_at, id LIMIT :most FOR NO KEY UPDATE""")
_LONGEST_IDLE = Statement(f"""
    SELECT s.account_id FROM operator_state s WHERE {_IS_FREE}
    ORDER BY s.idle_since, s.account_id LIMIT :most FOR NO KEY UPDATE""")  # noqa: S608 - likewise
_OFFER = Statement("""
    WITH offering AS (
        UPDATE call SET state = 'offering', first_offered_at = coalesce(first_offered_at, CAST(:now AS timestamptz))
        WHERE id = :call_id)
    INSERT INTO offer (call_id, account_id, state, offered_at, redirect, due_at)
    VALUES (:call_id, :account_id, 'pending', :now, :redirect, :due) RETURNING id AS offer_id""")
