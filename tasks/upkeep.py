"""What keeps the book in order: run-out holds, unmarked visits, slots ahead, the recount, the seal, old sessions."""

from collections.abc import Callable, Mapping
from datetime import time, timedelta

from sqlalchemy import Connection

from booking_core import audit_chain, jobs, lockout
from booking_core.actors import Actor
from booking_core.alarms import raise_alarm
from booking_core.booking import settle_unmarked
from booking_core.cards import sessions as citizen_sessions
from booking_core.clock import TOKYO, real_now, tokyo_day
from booking_core.db import in_transaction
from booking_core.holds import list_expired_slots, reclaim_expired
from booking_core.recount import list_miscounts
from booking_core.refusal import Reason, Refusal
from booking_core.slots import LEAST_DAYS_AHEAD, materialise, materialised_until
from booking_core.staff import sessions as staff_sessions
from tasks.wiring import JobWiring

NIGHT = time(2)
"""When nightly work begins, in Tokyo."""

LEASE = timedelta(minutes=10)
MOST_NAMED = 20


def expire_holds(wiring: JobWiring) -> Mapping[str, int]:
    """Give back the places of holds that have run out, one slot a transaction."""
    now = wiring.clock.now()
    with wiring.engine.connect() as db:
        slots = list_expired_slots(db, now=now)

    def free(slot: int) -> int:
        return _count(wiring, lambda db: reclaim_expired(db, [slot], now=now))

    return {"places": sum(free(slot) for slot in slots)}


def settle_visits(wiring: JobWiring) -> Mapping[str, int]:
    """Settle the visits nobody marked by the end of their venue's day."""
    now = wiring.clock.now()
    return {"settled": _count(wiring, lambda db: settle_unmarked(db, by=Actor.job(), now=now, limit=200))}


def cut_slots(wiring: JobWiring) -> Mapping[str, int]:
    """Cut slots ahead of the horizon once a day; alarm when they reach less far than they must."""
    now = wiring.clock.now()
    added = _once(wiring, "cut_slots", f"{tokyo_day(now)}", lambda db: {"added": materialise(db, now=now)})
    least = tokyo_day(now) + timedelta(days=LEAST_DAYS_AHEAD)

    def look(db: Connection) -> None:
        until = materialised_until(db)
        if until is None or until < least:
            reach = f"{until}まで" if until else "まだありません"
            raise_alarm(db, "slots.behind", f"予約枠の作成が遅れています（枠：{reach}）。", now=now)

    in_transaction(wiring.engine, look)
    return added


def recount(wiring: JobWiring) -> Mapping[str, int]:
    """Compare, once a night, every counter with its rows; alarm with the slots that differ."""
    now = wiring.clock.now()
    if now.astimezone(TOKYO).time() < NIGHT:
        return {}

    def count(db: Connection) -> dict[str, int]:
        wrong = list_miscounts(db)
        if wrong:
            named = "、".join(str(each.slot_id) for each in wrong[:MOST_NAMED])
            more = f"（ほか{len(wrong) - MOST_NAMED}件）" if len(wrong) > MOST_NAMED else ""
            raise_alarm(db, "recount", f"予約枠の数と予約が{len(wrong)}件合いません。枠の番号：{named}{more}", now=now)
        return {"miscounts": len(wrong)}

    return _once(wiring, "recount", f"{tokyo_day(now)}", count)


def seal_audit(wiring: JobWiring) -> Mapping[str, int]:
    """Seal what was recorded since the last time into the tamper-evident chain (3-1-C-ix)."""
    return {"sealed": _count(wiring, lambda db: audit_chain.seal(db, now=real_now()))}


def verify_audit(wiring: JobWiring) -> Mapping[str, int]:
    """Check, once a night, that nobody has altered the audit trail; alarm where the chain does not hold."""
    now = wiring.clock.now()
    if now.astimezone(TOKYO).time() < NIGHT:
        return {}

    def check(db: Connection) -> dict[str, int]:
        broken = audit_chain.verify(db)
        if broken:
            named = "、".join(f"{link.fault}（封 {link.seal_id}）" for link in broken[:MOST_NAMED])
            raise_alarm(db, "audit.broken", f"操作記録が書き換えられたおそれがあります：{named}", now=now)
        return {"broken": len(broken)}

    return _once(wiring, "verify_audit", f"{tokyo_day(now)}", check)


def drop_sessions(wiring: JobWiring) -> Mapping[str, int]:
    """Delete the sessions, of citizens and staff, that can not be used any more."""

    def drop(db: Connection) -> int:
        now = real_now()
        return citizen_sessions.drop_expired(db, now=now) + staff_sessions.drop_expired(db, now=now)

    return {"dropped": _count(wiring, drop)}


def forget_failures(wiring: JobWiring) -> Mapping[str, int]:
    """Forget failed log-ins of which nothing follows any more: strangers can make any number of them."""
    return {"forgotten": _count(wiring, lambda db: lockout.forget_old(db, now=real_now()))}


def _count(wiring: JobWiring, work: Callable[[Connection], int]) -> int:
    """Run `work` in a transaction; 0 when the book was too busy: the next tick comes back to it."""
    answer = in_transaction(wiring.engine, work)
    return 0 if isinstance(answer, Refusal) else answer


def _once(wiring: JobWiring, kind: str, period: str, work: Callable[[Connection], dict[str, int]]) -> Mapping[str, int]:
    """Do a period's work once, however many schedulers ask; {} when it is done or somebody is at it."""
    claim = in_transaction(wiring.engine, lambda db: jobs.claim_period(db, kind, period, now=real_now(), lease=LEASE))
    if claim is None or isinstance(claim, Refusal):
        return {}

    def do(db: Connection) -> dict[str, int] | Refusal:
        outcome = work(db)
        done = jobs.finish(db, claim, now=real_now(), outcome=outcome)
        return outcome if done else Refusal(Reason.BUSY)  # taken over meanwhile: what was done here is rolled back

    answer = in_transaction(wiring.engine, do)
    return {} if isinstance(answer, Refusal) else answer
