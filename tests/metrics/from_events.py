"""What was recorded, read once more by somebody who knows only the records: events of calls and of operators.

It shares no line with the product's reading: no state, no offer's row, no ledger. The call's row gives nothing but the
number by which operators' events name a call.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import Connection, Row, text

from booking_core.clock import TOKYO
from tests.metrics.call_log import LoggedCall, LoggedOffer

OVER = {"completed", "busy", "failed", "no-answer", "canceled"}
Told = Sequence[Row[tuple[object, ...]]]


def read_log(db: Connection) -> list[LoggedCall]:
    """Return every call as its events tell it."""
    events, offers = defaultdict(list), defaultdict(list)
    for row in db.execute(_CALL_EVENTS):
        events[row.call_sid].append(row)
    operators = db.execute(_OPERATOR_EVENTS).all()
    for row in operators:
        if row.call_sid is not None:
            offers[row.call_sid].append(row)
    return [_call(sid, told, offers[sid], operators) for sid, told in events.items()]


def _call(sid: str, told: Told, of_offers: Told, operators: Told) -> LoggedCall:
    call = LoggedCall(sid, told[0].at, "")
    call.ended = next((row.at for row in told if _ends(row)), None)
    call.offers = [_offer([row for row in of_offers if row.offer_id == each], call.ended)
                   for each in dict.fromkeys(row.offer_id for row in of_offers)]  # fmt: skip
    if not _line_is_open(call.arrived):
        call.kind = "closed"
        return call
    call.queued = next((row.at for row in told if row.event == "waits"), None)
    call.answered = min((each.accepted for each in call.offers if each.accepted), default=None)
    call.kind = _kind(call, told, operators)
    return call


def _kind(call: LoggedCall, told: Told, operators: Told) -> str:
    if call.answered:
        last = call.offers[-1]
        return "talks" if call.ended is None else "answered" if last.completed else "wraps_up"
    if call.ended is None:
        rings = any(each.state == "pending" for each in call.offers)
        return "in_menu" if call.queued is None else "rings" if rings else "waits"
    if any(row.event == "waits" and _nobody_left(row.at, operators) for row in told):
        return "failed_in_queue"
    if call.queued is None:
        return "ivr"
    return "ringing" if any(each.state == "rescinded" and each.over == call.ended for each in call.offers) else "queue"


def _offer(told: Told, ended: datetime | None) -> LoggedOffer:
    """An offer from what was written down of its operator; a talk ends at the latest with its call."""
    first = {row.offer_state: row.at for row in reversed(told)}
    offer = LoggedOffer(told[0].at, accepted=first.get("accepted"), state=told[-1].offer_state)
    offer.over = min((at for state, at in first.items() if state not in {"pending", "accepted"}), default=None)
    offer.completed = first.get("completed")
    assert offer.accepted is None or offer.over == ended, "the talk and the call end together"
    return offer


def _ends(row: Row[tuple[object, ...]]) -> bool:
    """Whether this tells that the caller is gone, or that the talk is over, which is the call's end as well."""
    detail = row.detail
    gone = row.leg == row.call_sid and detail.get("call_status") in OVER
    hung_up = row.event == "left_queue" and detail.get("result") == "hangup"
    talked = row.event == "dial_ended" and detail.get("bridged") == "yes"
    return gone or hung_up or talked or row.event == "mended"


def _line_is_open(instant: datetime) -> bool:
    local = instant.astimezone(TOKYO)
    return local.weekday() < 5 and time(9) <= local.time() < time(17)


def _nobody_left(instant: datetime, operators: Told) -> bool:
    """Whether the line was closed by then and nobody was at work any more."""
    stood = {row.account_id: row.status for row in operators if row.at <= instant}
    return not _line_is_open(instant) and set(stood.values()) <= {"offline"}


def operator_seconds(db: Connection, since: datetime, until: datetime) -> dict[int, dict[str, int]]:
    """Return what each operator was, second by second; everything that happened must have happened at a full one."""
    spent: dict[int, dict[str, int]] = {}
    changes = defaultdict(list)
    for row in db.execute(_OPERATOR_EVENTS):
        changes[row.account_id].append(row)
    for account_id, rows in changes.items():
        doing, spent[account_id] = "offline", defaultdict(int)
        coming = iter([*rows, None])
        following = next(coming)
        for second in _seconds(min(since, rows[0].at), until):
            while following is not None and following.at <= second:
                doing, following = _doing(following), next(coming)
            if second >= since:
                spent[account_id][doing] += 1
    return spent


def _seconds(since: datetime, until: datetime) -> Iterator[datetime]:
    while since < until:
        yield since
        since += timedelta(seconds=1)


def _doing(row: Row[tuple[object, ...]]) -> str:
    busy = {"accepted": "on_call", "wrapping": "wrap_up", "pending": "ringing"}
    free = {"available": "idle", "away": f"away:{row.reason}", "offline": "offline"}
    return busy.get(row.offer_state) or free[row.status]


_CALL_EVENTS = text("SELECT call_sid, leg, event, at, detail FROM call_event ORDER BY at, id")
_OPERATOR_EVENTS = text("""
    SELECT e.account_id, e.at, e.status, e.reason, e.offer_id, e.offer_state, c.call_sid
    FROM operator_event e LEFT JOIN call c ON c.id = e.call_id ORDER BY e.at, e.id""")
