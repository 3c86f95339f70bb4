"""Reads what the product has written down of a day: its rows, its figures, and what it found wrong itself."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from booking_core import audit_chain
from booking_core.alarms import list_open
from booking_core.recount import list_miscounts
from ivr.ledger.call_facts import list_misposted
from metrics.call_facts import list_call_facts
from metrics.day_figures import DayFigures, figures_of_day
from metrics.definition import Rate
from metrics.period import day_start
from metrics.settled_rate import settled_rate
from simulator.day.ledger import Ledger, LedgerAlarm, LedgerCall, LedgerDeed, LedgerFact
from simulator.day.record import SeatChange
from simulator.network.server import Network
from tasks.replay_day import replay_day


def read_ledger(db: Connection, day: date, network: Network, *, now: datetime) -> Ledger:
    """Return everything that is compared with the simulator's own record.

    The caller rolls back: the day's events are told to the code again, and nothing of that may stay.
    """
    bounds = {"since": day_start(day), "until": day_start(day + timedelta(days=1))}
    figures = figures_of_day(db, day)
    return Ledger(
        calls=[LedgerCall(*row) for row in db.execute(_CALLS, bounds)],
        facts=[
            LedgerFact(each.call_sid, each.in_hours, each.outcome or "", each.wait_us, each.talk_us)
            for each in list_call_facts(db, day, day)
        ],
        deeds=[LedgerDeed(*row) for row in db.execute(_DEEDS, bounds)],
        computed=_named(figures),
        bookings={
            (each.service_code, each.channel): (each.made, each.moved, each.cancelled) for each in figures.bookings
        },
        seat_changes=[SeatChange(*row) for row in db.execute(_SEAT_CHANGES, bounds)],
        alarms=[LedgerAlarm(each.kind, each.raised_at, each.message) for each in list_open(db)],
        faults=[
            *_faults_of_the_book(db, bounds),
            *_faults_of_the_network(network),
            *_faults_of_the_replay(db, day, now),
        ],
    )


def _named(figures: DayFigures) -> dict[str, str]:
    return {
        "received": str(figures.received),
        "received_closed": str(figures.received_closed),
        "answered": str(figures.answered),
        "abandoned_in_ivr": str(figures.abandoned_in_ivr),
        "abandoned_in_queue": str(figures.abandoned_in_queue),
        "failed": str(figures.failed),
        "undecided": str(figures.undecided),
        "strict": _told(figures.strict_rate),
        "settled": _told(settled_rate(figures.calls)),
        "queue_based": _told(figures.queue_based_rate),
        "most_open_seats": str(figures.most_open_seats),
    }


def _told(rate: Rate) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def _faults_of_the_book(db: Connection, bounds: Mapping[str, object]) -> Iterator[str]:
    for miscount in list_miscounts(db):
        yield f"the counters of slot {miscount.slot_id} are not its rows"
    for sql, what in _NEVER.items():
        for found in db.execute(text(sql), bounds).scalars():
            yield f"{what}: {found}"
    for call_id in list_misposted(db):
        yield f"the ledger's row of call {call_id} is not what its own rows give"
    for link in audit_chain.verify(db):
        yield f"the audit chain: {link.fault}"


def _faults_of_the_replay(db: Connection, day: date, now: datetime) -> Iterator[str]:
    replayed = replay_day(db, day, now=now)
    for each in replayed.differences:
        yield f"replayed, {each.of}: stored {each.stored!r}, replayed {each.replayed!r}"
    yield from (f"replayed, not taken: {each}" for each in replayed.refused)


def _faults_of_the_network(network: Network) -> Iterator[str]:
    yield from (f"the network's debugger: {each}" for each in network.debugger.violations)
    yield from (f"the network itself: {each}" for each in network.exchange.failures)
    yield from (f"a call that never ended: {call.status}" for call in network.exchange.calls.values() if not call.over)


_CALLS = text("""
    SELECT c.call_sid, coalesce(c.outcome, ''), c.received_at, c.enqueued_at, c.answered_at, c.ended_at,
           coalesce(a.login, ''), coalesce(c.main_reason, '')
    FROM call c
    LEFT JOIN offer o ON o.call_id = c.id AND o.accepted_at IS NOT NULL
    LEFT JOIN staff_account a ON a.id = o.account_id
    WHERE c.received_at >= :since AND c.received_at < :until ORDER BY c.received_at, c.id""")
_DEEDS = text("""
    SELECT c.at, c.channel, c.verb, v.code, b.reference, coalesce(k.number, '')
    FROM booking_change c JOIN booking b ON b.id = c.booking_id JOIN service v ON v.id = b.service_id
    LEFT JOIN card k ON k.id = b.card_id
    WHERE c.at >= :since AND c.at < :until AND c.verb IN ('book', 'move', 'cancel') ORDER BY c.id""")
_SEAT_CHANGES = text("""
    SELECT e.at, who.login, e.change, e.reason, by.login
    FROM seat_event e JOIN staff_account who ON who.id = e.account_id JOIN staff_account by ON by.id = e.by_account_id
    WHERE e.at >= :since AND e.at < :until AND e.by_account_id <> e.account_id ORDER BY e.id""")
_NEVER = {
    "SELECT id FROM slot WHERE booked + held > capacity": "a slot with more visits than places",
    "SELECT card_id FROM booking WHERE state = 'booked' AND card_id IS NOT NULL GROUP BY card_id HAVING count(*) > 1":
        "a card with two live bookings",
    "SELECT id FROM call WHERE received_at < :until AND (outcome IS NULL OR state <> 'ended')":
        "a call without its one outcome",
    "SELECT id FROM offer WHERE state NOT IN ('completed', 'declined', 'timed_out', 'rescinded', 'failed')":
        "an offer that is still open",
    "SELECT call_id FROM call_booking WHERE verb <> 'cancel' AND read_back_at IS NULL": "a booking nobody read back",
    "SELECT account_id FROM seat WHERE account_id IS NOT NULL": "a seat that is still open",
    "SELECT slot_id FROM slot_hold": "a hold that is still kept",
}  # fmt: skip
