"""A small day of calls and bookings whose figures can be counted by hand."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import Engine, text

from booking_core.booking import cancel
from booking_core.calendar import at
from booking_core.db import in_transaction
from ivr.ledger.call_facts import post
from ivr.queue.models import MainReason
from tests.factories import booked, done, new_card, operator_for, slot_at

MONDAY = date(2025, 4, 7)


def add_call(
    engine: Engine, received_at: datetime, outcome: str = "answered", *, reason: MainReason | None = None
) -> None:
    """Add a call that has ended: answered after ten seconds in the queue, or lost after a minute."""
    queued = outcome in {"answered", "abandoned_queue"}
    values = {
        "sid": f"CA{received_at:%d%H%M%S%f}{outcome}",
        "outcome": outcome,
        "received": received_at,
        "queued": received_at + timedelta(seconds=5) if queued else None,
        "answered": received_at + timedelta(seconds=15) if outcome == "answered" else None,
        "ended": received_at + timedelta(minutes=1),
        "reason": reason,
        "closed": received_at + timedelta(minutes=2) if reason else None,
    }
    statement = text("""
        INSERT INTO call (call_sid, to_number, state, outcome, received_at, enqueued_at, answered_at, ended_at,
                          main_reason, closed_at)
        VALUES (:sid, '+81753660000', 'ended', :outcome, :received, :queued, :answered, :ended, :reason, :closed)
        RETURNING id""")
    with engine.begin() as db:
        post(db, int(db.execute(statement, values).scalar_one()))


def fill_a_day(engine: Engine, day: date = MONDAY) -> None:
    """12 calls in hours, 9 answered, 1 lost in the greeting, 2 in the queue; 1 outside; 2 bookings, 1 cancelled.

    Of the answered, 4 called for a new booking, 3 with a question; for 2 no reason is named.
    """
    for minute in range(7):
        reason = MainReason.NEW_BOOKING if minute < 4 else MainReason.QUESTION
        add_call(engine, at(day, time(9, minute)), reason=reason)
    add_call(engine, at(day, time(9, 40)), "abandoned_queue")
    for minute in range(2):
        add_call(engine, at(day, time(16, minute)))
    add_call(engine, at(day, time(16, 10)), "abandoned_queue")
    add_call(engine, at(day, time(16, 20)), "abandoned_ivr")
    add_call(engine, at(day, time(8, 30)), "closed")
    cards = [new_card(engine), new_card(engine)]
    visit = day + timedelta(days=14)
    slots = [slot_at(engine, visit, time(9)), slot_at(engine, visit, time(9), venue="minami")]
    ids = [booked(engine, c, s, now=at(day, time(10))).id for c, s in zip(cards, slots, strict=True)]
    late = at(day, time(11))
    done(in_transaction(engine, lambda db: cancel(db, ids[0], by=operator_for(cards[0]), key=f"c{day}", now=late)))
