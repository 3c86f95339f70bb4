"""Random call logs, written as the line leaves them, and an oracle that knows nothing of how they are counted."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import Connection, Engine, text

from booking_core.clock import TOKYO
from ivr.ledger.call_facts import post
from tests.desk import add_staff

SECOND = timedelta(seconds=1)
MICRO = timedelta(microseconds=1)


@dataclass
class LoggedOffer:
    offered: datetime
    accepted: datetime | None = None
    over: datetime | None = None
    completed: datetime | None = None
    state: str = "timed_out"


@dataclass
class LoggedCall:
    """What happened on one call. `ended` is None while it is live."""

    sid: str
    arrived: datetime
    kind: str
    queued: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    offers: list[LoggedOffer] = field(default_factory=list)


KINDS = ("answered", "answered", "answered", "ivr", "queue", "ringing", "failed", "failed_in_queue", "closed")
LIVE = ("in_menu", "hears_closed", "waits", "rings", "talks", "wraps_up")
EXACT = (0, 5, 10, 20, 30)


def random_log(dice: Random, days: list[date], size: int) -> list[LoggedCall]:
    """Return calls over the days: quick and long waits, waits of exactly a threshold, re-offers, talks across hours."""
    return [_call(dice, n, dice.choice(days)) for n in range(size)]


def _call(dice: Random, n: int, day: date) -> LoggedCall:
    midnight = datetime.combine(day, datetime.min.time(), TOKYO)
    arrived = midnight + dice.choice(
        [dice.uniform(9, 17) * 3600 * SECOND, dice.randrange(36, 68) * 900 * SECOND, 12 * 3600 * SECOND - MICRO]
    )
    kind = dice.choice(KINDS if dice.random() < 0.9 else LIVE)
    call = LoggedCall(f"CA{n:032d}", arrived, kind)
    if kind in {"ivr", "failed", "closed"}:
        call.ended = arrived + dice.uniform(0, 30) * SECOND
    elif kind not in {"in_menu", "hears_closed"}:
        _queue(dice, call)
    return call


def _queue(dice: Random, call: LoggedCall) -> None:
    call.queued = call.arrived + dice.uniform(3, 20) * SECOND
    wait = dice.choice([dice.choice(EXACT), dice.choice(EXACT) + 1e-6, dice.expovariate(1 / 25)]) * SECOND
    until = call.queued + wait
    call.offers = [
        LoggedOffer(call.queued, over=call.queued + wait / 2, state=dice.choice(["declined", "timed_out", "failed"]))
        for _ in range(dice.choice([0, 0, 0, 1, 2]))
    ]
    match call.kind:
        case "queue" | "failed_in_queue":
            call.ended = until
        case "ringing":
            call.offers.append(LoggedOffer(call.queued + wait / 2, over=until, state="rescinded"))
            call.ended = until
        case "rings":
            call.offers.append(LoggedOffer(until, state="pending"))
        case "answered" | "talks" | "wraps_up":
            _talk(dice, call, until)


def _talk(dice: Random, call: LoggedCall, at: datetime) -> None:
    offer = LoggedOffer(at, accepted=at, state="accepted")
    call.answered = at
    call.offers.append(offer)
    if call.kind != "talks":
        call.ended = offer.over = at + dice.expovariate(1 / 400) * SECOND
        offer.state = "wrapping"
    if call.kind == "answered":
        offer.completed = offer.over + dice.expovariate(1 / 90) * SECOND if offer.over else None
        offer.state = "completed"


def write(engine: Engine, log: list[LoggedCall]) -> None:
    """Write the log's rows, and post what has ended; each call has operators of its own."""
    operators = [add_staff(engine, f"logged{n}") for n in range(2)]
    with engine.begin() as db:
        for call in log:
            call_id = db.execute(_CALL, _row(call)).scalar_one()
            for offer in call.offers:
                finished = offer.state in {"declined", "timed_out", "failed", "rescinded", "completed"}
                values = {
                    "call_id": call_id,
                    # One unfinished offer an operator: those of live calls belong to nobody else.
                    "account_id": operators[0] if finished else _somebody(db, call.sid),
                    "state": offer.state,
                    "offered": offer.offered,
                    "accepted": offer.accepted,
                    "over": offer.over,
                    "completed": offer.completed,
                }
                db.execute(_OFFER, values)
            post(db, call_id)


def _row(call: LoggedCall) -> dict[str, object]:
    states = {"in_menu": "ivr", "hears_closed": "ivr", "waits": "queued", "rings": "offering", "talks": "connected"}
    outcomes = {
        "answered": "answered", "wraps_up": "answered", "ivr": "abandoned_ivr", "queue": "abandoned_queue",
        "ringing": "abandoned_queue", "failed": "failed", "failed_in_queue": "failed", "closed": "closed",
        "hears_closed": "closed",
    }  # fmt: skip
    return {
        "sid": call.sid,
        "state": states.get(call.kind, "ended"),
        "outcome": outcomes.get(call.kind),
        "received": call.arrived,
        "queued": call.queued,
        "offered": min((offer.offered for offer in call.offers), default=None),
        "answered": call.answered,
        "ended": call.ended,
    }


def _somebody(db: Connection, sid: str) -> int:
    return int(db.execute(_STAFF, {"login": f"of{sid}"}).scalar_one())


_STAFF = text("""
    INSERT INTO staff_account (login, display_name, role, password_hash, created_at)
    SELECT :login, display_name, role, password_hash, created_at FROM staff_account WHERE login = 'logged0'
    RETURNING id""")
_CALL = text("""
    INSERT INTO call (call_sid, to_number, state, outcome, received_at, enqueued_at, first_offered_at, answered_at,
                      ended_at)
    VALUES (:sid, '', :state, :outcome, :received, :queued, :offered, :answered, :ended) RETURNING id""")
_OFFER = text("""
    INSERT INTO offer (call_id, account_id, state, offered_at, accepted_at, over_at, completed_at)
    VALUES (:call_id, :account_id, :state, :offered, :accepted, :over, :completed)""")
