"""Who is really at her desk: signs of life, desks that fell silent, and operators whose session has ended.

A browser tells every few seconds that it lives, from a worker, because hidden tabs sleep. That is not somebody's doing:
a session ends all the same when nobody has touched anything for long. All instants of heartbeats are real time.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from booking_core.actors import Actor
from booking_core.staff.sessions import list_at_door
from ivr.queue.assignment import UNHEARD_AFTER
from ivr.queue.models import AwayReason, Status
from ivr.queue.operators import park, set_status


def heard_from(db: Connection, account_id: int, *, real_now: datetime) -> None:
    """Note a sign of life of a desk. From the first one on its silence means that the operator cannot be reached."""
    db.execute(_HEARD, {"account_id": account_id, "now": real_now})


def list_unheard(db: Connection, *, real_now: datetime) -> list[int]:
    """Return the operators who would take calls at desks of which nothing is heard any more."""
    return list(db.execute(_UNHEARD, {"heard_before": real_now - UNHEARD_AFTER}).scalars())


def park_unheard(db: Connection, account_id: int, *, real_now: datetime, now: datetime) -> bool:
    """Let no calls ring at a silent desk; False when it spoke again meanwhile. A call she is on goes on."""
    still = db.execute(_STILL, {"account_id": account_id, "heard_before": real_now - UNHEARD_AFTER}).one_or_none()
    return still is not None and park(db, account_id, AwayReason.UNREACHABLE, now=now)


def list_signed_out(db: Connection, *, real_now: datetime) -> list[int]:
    """Return the operators who are at work without a session at the desk: it ran out, and nobody signed out."""
    at_work = set(db.execute(_AT_WORK).scalars())
    return sorted(at_work - list_at_door(db, "desk", now=real_now)) if at_work else []


def end_work(db: Connection, account_id: int, *, now: datetime) -> None:
    """Close the seat of an operator whose session has ended; on a call, once she is done with it."""
    set_status(db, account_id, Status.OFFLINE, None, by=Actor.job(), now=now)


_HEARD = text("UPDATE operator_state SET heard_at = :now WHERE account_id = :account_id AND status <> 'offline'")
_UNHEARD = text("""
    SELECT account_id FROM operator_state
    WHERE heard_at <= :heard_before AND (status = 'available' OR next_status = 'available')
      AND next_status IS DISTINCT FROM 'away'""")
_STILL = text("SELECT status FROM operator_state WHERE account_id = :account_id AND heard_at <= :heard_before")
_AT_WORK = text("""
    SELECT account_id FROM operator_state WHERE status <> 'offline' AND next_status IS DISTINCT FROM 'offline'""")
