"""What is told of a played day: as tables for a person, and as JSON that is the same for the same seed everywhere."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from simulator.day.figures import Share, share_answered
from simulator.day.record import Heard, Record
from simulator.opening_time import TOKYO
from whole_day.played import PlayedDay

HALF_HOUR_MINUTES = 30


def as_json(played: PlayedDay) -> dict[str, Any]:
    """Return everything but what depends on the machine."""
    figures = played.figures
    return {
        "day": played.plan.day.isoformat(),
        "callers": played.plan.callers,
        "web_bookers": played.plan.web_bookers,
        "seed": played.plan.seed,
        "seats": played.seats,
        "calls": {
            "received": figures.received,
            "answered": figures.answered,
            "abandoned_in_ivr": figures.abandoned_in_ivr,
            "abandoned_in_queue": figures.abandoned_in_queue,
            "failed": figures.failed,
            "closed": figures.received_closed,
        },
        "rates": {name: _share(share) for name, share in rates(played).items()},
        "half_hours": [
            {"from": name, "received": share.whole, "answered": share.part} for name, share in half_hours(played.record)
        ],
        "bookings": [
            {"service": service, "channel": channel, "made": made, "moved": moved, "cancelled": cancelled}
            for (service, channel), (made, moved, cancelled) in sorted(figures.bookings.items())
        ],
        "refused": len(played.record.refusals),
        "failed_log_ins": played.record.failed_log_ins,
        "most_seats": figures.most_seats,
        "seat_changes": [
            {"at": _at(each.at), "who": each.login, "change": each.change, "why": each.why, "by": each.by}
            for each in played.record.seat_changes
        ],
        "report": dict(sorted(played.mailed.text.items())),
        "report_table": dict(sorted(played.mailed.table.items())),
        "report_drawn_up_at": _at(played.mailed_at),
        "alarms": [{"at": _at(each.raised_at), "message": each.message} for each in played.alarms],
        "board_looks": played.looks,
        "record": fingerprint(played.record),
        "mismatches": played.mismatches,
    }


def rates(played: PlayedDay) -> dict[str, Share]:
    """Return the three rates.

    `contract` is the strict one. `settled` counts beside the answered calls those that the keypad served to a booking
    and those that were called back on the day; the line has neither yet, so nothing is added for them.
    """
    figures = played.figures
    return {"contract": figures.strict, "queue_based": figures.queue_based, "settled": figures.strict}


def half_hours(record: Record) -> Iterator[tuple[str, Share]]:
    """Yield the contract's rate of the calls that arrived in each half hour in which any did."""
    by_start: dict[str, list[Heard]] = {}
    for call in sorted(record.calls.values(), key=lambda call: (call.called_at, call.caller)):
        if not call.turned_away:
            by_start.setdefault(_half_hour(call.called_at), []).append(call)
    yield from ((start, share_answered(calls)) for start, calls in by_start.items())


def fingerprint(record: Record) -> str:
    """Return a digest of every call and booking, but for the names that are drawn anew each time (legs, references)."""
    calls = [
        [call.caller, call.errand, _at(call.called_at), call.outcome, _at(call.queued_at), _at(call.answered_at),
         call.answered_by, _at(call.ended_at), call.main_reason]
        for call in record.calls.values()
    ]  # fmt: skip
    deeds = [[_at(deed.at), deed.channel, deed.verb, deed.service, deed.card, deed.visit] for deed in record.deeds]
    refusals = [[_at(each.at), each.who, each.what, each.reason] for each in record.refusals]
    told = json.dumps([calls, deeds, refusals], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def tables(played: PlayedDay) -> Iterator[str]:
    """Yield the lines that a person reads."""
    figures, record = played.figures, played.record
    yield f"{played.plan.day:%A %Y-%m-%d}, seed {played.plan.seed}: {played.seats} seats, {played.plan.callers} callers"
    yield ""
    yield f"  offered {figures.received}   answered {figures.answered}   gave up in the menu {figures.abandoned_in_ivr}"
    yield (
        f"  gave up in the queue {figures.abandoned_in_queue}   lost by the line {figures.failed}"
        f"   outside the hours {figures.received_closed}"
    )
    yield ""
    yield from _table(
        ("half hour", "offered", "answered", "rate"),
        [(start, str(share.whole), str(share.part), f"{share.percent}%") for start, share in half_hours(record)],
    )
    yield ""
    yield from _table(
        ("bookings by door", "made", "moved", "cancelled"),
        [(f"{of} by {door}", *map(str, counts)) for (of, door), counts in sorted(figures.bookings.items())],
    )
    yield ""
    for each in record.seat_changes:
        yield f"  {each.by} {each.change} the seat of {each.login} at {_clock(each.at)} ({each.why})"
    yield ""
    for name, share in rates(played).items():
        yield f"  {NAMES[name]:<58} {share.percent:>5}%  ({share.part}/{share.whole})"
    yield ""
    yield f"  the mailed report, drawn up at {_clock(played.mailed_at)}:"
    yield from (f"    {name}：{figure}" for name, figure in played.mailed.text.items())
    yield from (f"  an alarm at {_clock(each.raised_at)}: {each.message}" for each in played.alarms)
    yield ""
    yield from _verdict(played.mismatches)


NAMES = {
    "contract": "contract (strict): answered of all in hours",
    "queue_based": "queue-based: answered of those who stood in the queue",
    "settled": "settled: answered, self-served or called back, of all",
}


def _verdict(mismatches: Sequence[str]) -> Iterator[str]:
    if not mismatches:
        yield "  mismatches between the record, the ledger, the board, the report, its CSV and the counters: none"
        return
    yield f"  MISMATCHES: {len(mismatches)}"
    yield from (f"    {each}" for each in mismatches)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    for row in (heads, *rows):
        yield "  " + "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )


def _share(share: Share) -> dict[str, Any]:
    return {"part": share.part, "whole": share.whole, "percent": share.percent}


def _half_hour(at: datetime) -> str:
    local = at.astimezone(TOKYO)
    return f"{local.hour:02d}:{local.minute // HALF_HOUR_MINUTES * HALF_HOUR_MINUTES:02d}"


def _clock(at: datetime | None) -> str:
    return f"{at.astimezone(TOKYO):%H:%M}" if at else "no time"


def _at(at: datetime | None) -> str:
    return at.astimezone(TOKYO).isoformat(timespec="milliseconds") if at else ""
