"""What operators were from when to when: a row at every change, from which their times are computed."""

from datetime import datetime

from sqlalchemy import Connection, text


def note(db: Connection, account_id: int, *, now: datetime) -> None:
    """Write down how an operator stands from now on, if that is news. Whoever changes her state calls it."""
    db.execute(_NOTE, {"account_id": account_id, "now": now})


_NOTE = text("""
    INSERT INTO operator_event (account_id, at, status, reason, offer_id, call_id, offer_state)
    SELECT s.account_id, greatest(CAST(:now AS timestamptz), before.at), s.status, s.reason, o.id, o.call_id, o.state
    FROM operator_state s
    LEFT JOIN LATERAL (SELECT id, call_id, state FROM offer
                       WHERE account_id = s.account_id ORDER BY id DESC LIMIT 1) o ON true
    LEFT JOIN LATERAL (SELECT at, status, reason, offer_id, offer_state FROM operator_event
                       WHERE account_id = s.account_id ORDER BY id DESC LIMIT 1) before ON true
    WHERE s.account_id = :account_id
      AND (before.at IS NULL OR (before.status, before.reason, before.offer_id, before.offer_state)
                                IS DISTINCT FROM (s.status, s.reason, o.id, o.state))""")
