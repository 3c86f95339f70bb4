"""A call as reports see it, drawn from its row and its offers: the one reading of them, for live and for ended calls.

An answer is decided by the first connection and never taken back; whatever the row says besides, the call was answered.
A call that arrived outside the hours is decided at once, every other at its end.
"""

from sqlalchemy import Connection, text

COLUMNS = (
    "call_id",
    "call_sid",
    "received_at",
    "in_hours",
    "enqueued_at",
    "first_offered_at",
    "offers",
    "answered_at",
    "ended_at",
    "outcome",
    "place",
    "topic",
    "main_reason",
    "account_id",
    "wait_us",
    "talk_us",
    "wrap_up_us",
    "self_served",
    "called_back_at",
)
COMPLETED_LATER = ("main_reason", "talk_us", "wrap_up_us", "called_back_at")
"""What may still become known when a call has ended."""


def post(db: Connection, call_id: int) -> None:
    """Write a call that has ended into the ledger, or complete what was not known yet; a live call is left alone."""
    db.execute(_POST, {"call_id": call_id})


def list_misposted(db: Connection) -> list[int]:
    """Return the calls whose row in the ledger is missing or differs from their own rows. There must be none."""
    return list(db.execute(_MISPOSTED).scalars())


def _micros(span: str) -> str:
    return f"CAST(extract(epoch FROM {span}) * 1000000 AS bigint)"


FROM_THE_CALL = f"""
    SELECT c.id AS call_id, c.call_sid, c.received_at, c.outcome IS DISTINCT FROM 'closed' AS in_hours, c.enqueued_at,
        c.first_offered_at, o.offers, c.answered_at, c.ended_at, c.outcome,
        CASE WHEN c.outcome = 'abandoned_ivr' THEN 'ivr'
             WHEN c.outcome = 'abandoned_queue' THEN CASE WHEN o.rang_at_the_end THEN 'ringing' ELSE 'queue' END
        END AS place,
        c.topic, c.main_reason, o.account_id,
        CASE WHEN c.enqueued_at IS NOT NULL AND coalesce(c.answered_at, c.ended_at) IS NOT NULL
             THEN {_micros("greatest(coalesce(c.answered_at, c.ended_at) - c.enqueued_at, interval '0')")}
        END AS wait_us,
        o.talk_us, o.wrap_up_us, false AS self_served, CAST(NULL AS timestamptz) AS called_back_at, c.state
    FROM (SELECT id, call_sid, state, received_at, enqueued_at, first_offered_at, answered_at, ended_at, topic,
                 main_reason, CASE WHEN answered_at IS NOT NULL THEN 'answered'
                                   WHEN state = 'ended' OR outcome = 'closed' THEN outcome END AS outcome
          FROM call) c
    LEFT JOIN LATERAL (
        SELECT CAST(count(*) AS integer) AS offers,
            bool_or(state = 'rescinded' AND over_at = c.ended_at) AS rang_at_the_end,
            (array_agg(account_id ORDER BY accepted_at, id) FILTER (WHERE accepted_at IS NOT NULL))[1] AS account_id,
            CASE WHEN bool_and(over_at IS NOT NULL) FILTER (WHERE accepted_at IS NOT NULL)
                 THEN CAST(sum({_micros("greatest(over_at - accepted_at, interval '0')")})
                           FILTER (WHERE accepted_at IS NOT NULL) AS bigint) END AS talk_us,
            CASE WHEN bool_and(completed_at IS NOT NULL) FILTER (WHERE accepted_at IS NOT NULL)
                 THEN CAST(sum({_micros("greatest(completed_at - over_at, interval '0')")})
                           FILTER (WHERE accepted_at IS NOT NULL) AS bigint) END AS wrap_up_us
        FROM offer WHERE call_id = c.id) o ON true"""  # noqa: S608 - constants of this file
"""Every call of the line, with `state` after the ledger's own columns."""

_NAMES = ", ".join(COLUMNS)
LIVE_CALLS = f"(SELECT {_NAMES}, state FROM ({FROM_THE_CALL} WHERE c.state <> 'ended') live)"  # noqa: S608 - likewise
"""One row for each call that has not ended."""

CALL_FACTS = f"(SELECT {_NAMES}, 'ended' AS state FROM call_facts UNION ALL SELECT * FROM {LIVE_CALLS} l)"  # noqa: S608
"""One row a call, ended or live: what every number is made from."""

_POST = text(f"""
    INSERT INTO call_facts ({_NAMES})
    SELECT {_NAMES} FROM ({FROM_THE_CALL} WHERE c.id = :call_id AND c.state = 'ended') ended
    ON CONFLICT (call_id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in COMPLETED_LATER)}""")  # noqa: S608 - likewise
_MISPOSTED = text(f"""
    SELECT DISTINCT call_id FROM (
        (SELECT {_NAMES} FROM ({FROM_THE_CALL} WHERE c.state = 'ended') d
         EXCEPT SELECT {_NAMES} FROM call_facts)
        UNION ALL
        (SELECT {_NAMES} FROM call_facts WHERE call_id IS NOT NULL
         EXCEPT SELECT {_NAMES} FROM ({FROM_THE_CALL} WHERE c.state = 'ended') d)) different
    ORDER BY call_id""")  # noqa: S608 - likewise
