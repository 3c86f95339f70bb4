"""Every difference between what the simulator did and saw and what the product says of it. There must be none."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from simulator.day.figures import Bookings, Figures, figures_of, share_at, waits_at
from simulator.day.ledger import Ledger, LedgerAlarm, LedgerCall, LedgerFact
from simulator.day.record import Heard, Record, SeatChange
from simulator.day.supervisor import BoardLook
from simulator.opening_time import TOKYO

Told = Mapping[str, str]
GOAL_PERCENT, ALARM_WINDOW = 85, timedelta(minutes=15)
"""The contract's goal (3-2-J), and the span over which it is watched."""


def find_mismatches(
    record: Record, ledger: Ledger, looks: Sequence[BoardLook], mailed: Mapping[str, tuple[Told, Told]]
) -> list[str]:
    """Return all of them, each a sentence, in an order that does not depend on chance.

    `mailed` has, by what was mailed, the figures as they stood when it was drawn up, and as it says them.
    """
    return [
        *(f"not to be understood: {each}" for each in record.unexpected),
        *_of_calls(record, ledger),
        *_of_facts(record, ledger),
        *_of_deeds(record, ledger),
        *_of_seat_changes(record, ledger),
        *_of_figures("the figures", computed_names(figures_of(record)), ledger.computed),
        *_of_bookings(figures_of(record).bookings, ledger.bookings),
        *(each for look in looks for each in _of_figures(f"the board at {_clock(look.at)}", look.known, look.shown)),
        *(each for what, (known, said) in mailed.items() for each in _of_figures(what, known, said)),
        *(f"an alarm that is not true: {each.message}" for each in ledger.alarms if not _is_true(each, record)),
        *(f"found wrong: {each}" for each in ledger.faults),
    ]


def computed_names(figures: Figures) -> dict[str, str]:
    """Return the figures of a day under the names of the published ones."""
    return {
        "received": str(figures.received),
        "received_closed": str(figures.received_closed),
        "answered": str(figures.answered),
        "abandoned_in_ivr": str(figures.abandoned_in_ivr),
        "abandoned_in_queue": str(figures.abandoned_in_queue),
        "failed": str(figures.failed),
        "undecided": str(figures.undecided),
        "strict": f"{figures.strict.part}/{figures.strict.whole}",
        "settled": f"{figures.strict.part}/{figures.strict.whole}",
        "queue_based": f"{figures.queue_based.part}/{figures.queue_based.whole}",
        "most_open_seats": str(figures.most_seats),
    }


def _of_calls(record: Record, ledger: Ledger) -> Iterator[str]:
    stored = {call.sid: call for call in ledger.calls}
    for sid, times in Counter(call.sid for call in ledger.calls).items():
        if times > 1:
            yield f"{times} rows of one call: {sid}"
    for call in record.calls.values():
        if call.sid not in stored:
            yield f"{_name(call)} is not in the ledger"
            continue
        yield from (f"{_name(call)}: {each}" for each in _differences(call, stored[call.sid]))
    for sid in sorted(stored.keys() - record.calls.keys()):
        yield f"a call in the ledger that nobody made, received {_clock(stored[sid].received_at)}"


def _differences(call: Heard, row: LedgerCall) -> Iterator[str]:
    pairs: dict[str, tuple[object, object]] = {
        "outcome": (call.outcome, row.outcome),
        "received": (call.called_at, row.received_at),
        "answered": (call.answered_at, row.answered_at),
        "answered by": (call.answered_by, row.answered_by),
        "ended": (call.ended_at, row.ended_at),
        "main reason": (call.main_reason, row.main_reason),
    }
    if not call.turned_away:
        pairs["queued"] = (call.queued_at, row.queued_at)
    for what, (seen, told) in pairs.items():
        if seen != told:
            yield f"{what} {_shown(seen)}, in the ledger {_shown(told)}"


def _of_facts(record: Record, ledger: Ledger) -> Iterator[str]:
    """Compare what numbers are made from: exactly one row a call, its outcome, and its spans to the microsecond."""
    told = {fact.sid: fact for fact in ledger.facts}
    if len(told) != len(ledger.facts):
        yield f"{len(ledger.facts)} facts of {len(told)} calls"
    for call in record.calls.values():
        wait = _microseconds(call.queued_at, call.answered_at or call.ended_at)
        talk = _microseconds(call.answered_at, call.ended_at)
        seen = LedgerFact(call.sid, not call.turned_away, call.outcome, wait, talk)
        if told.get(call.sid) != seen:
            yield f"{_name(call)}: {seen}, in the facts {told.get(call.sid)}"


def _microseconds(since: datetime | None, until: datetime | None) -> int | None:
    return None if since is None or until is None else (until - since) // timedelta(microseconds=1)


def _of_deeds(record: Record, ledger: Ledger) -> Iterator[str]:
    done = Counter((deed.at, deed.channel, deed.verb, deed.service, deed.reference, deed.card) for deed in record.deeds)
    told = Counter((deed.at, deed.channel, deed.verb, deed.service, deed.reference, deed.card) for deed in ledger.deeds)
    for deed in sorted((done - told).elements()):
        yield f"{_deed(deed)} was answered as done and is not in the book"
    for deed in sorted((told - done).elements()):
        yield f"{_deed(deed)} is in the book and nobody did it"
    yield from _double_bookings(record)


def _double_bookings(record: Record) -> Iterator[str]:
    """A card has one live booking: after one was made, none is before that is cancelled."""
    live: set[str] = set()
    for deed in record.deeds:
        if not deed.card:
            continue
        if deed.verb == "book":
            if deed.card in live:
                yield f"card {deed.card} was booked twice"
            live.add(deed.card)
        elif deed.verb == "cancel":
            live.discard(deed.card)


def _of_seat_changes(record: Record, ledger: Ledger) -> Iterator[str]:
    ordered, told = Counter(record.seat_changes), Counter(ledger.seat_changes)
    for change in sorted((ordered - told).elements()):
        yield f"{_seat_change(change)}, and it is not on record"
    for change in sorted((told - ordered).elements()):
        yield f"{_seat_change(change)}, as the record says, and nobody did it"


def _of_figures(where: str, known: Told, shown: Told) -> Iterator[str]:
    for name, figure in known.items():
        if shown.get(name) != figure:
            yield f"{where}: {name} {figure}, shown as {shown.get(name, 'nothing')}"


def _of_bookings(known: Bookings, told: Bookings) -> Iterator[str]:
    for pair in sorted(known.keys() | told.keys()):
        if known.get(pair) != told.get(pair):
            yield f"bookings of {'/'.join(pair)}: {known.get(pair)}, in the figures {told.get(pair)}"


def _is_true(alarm: LedgerAlarm, record: Record) -> bool:
    """Tell whether the day gave rise to an alarm: a busy one may miss the goal, and no other fault may there be."""
    match alarm.kind:
        case "line.below_target":
            share = share_at(record, alarm.raised_at, ALARM_WINDOW)
            return share.part * 100 < GOAL_PERCENT * share.whole
        case "line.long_wait":
            return waits_at(record, alarm.raised_at)
    return False


def _name(call: Heard) -> str:
    return f"the call of caller {call.caller} at {_clock(call.called_at)}"


def _deed(deed: tuple[datetime, str, str, str, str, str]) -> str:
    at, channel, verb, service, reference, _ = deed
    return f"{verb} {service} {reference} by {channel} at {_clock(at)}"


def _seat_change(told: SeatChange) -> str:
    return f"{told.by} {told.change} the seat of {told.login} ({told.why}) at {_clock(told.at)}"


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(TOKYO):%H:%M:%S}"
