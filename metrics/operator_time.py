"""What operators did with their time, and occupancy.

Per operator, seconds of a span by what she was: on a call, in wrap-up, ringing, idle (takes calls, has none), away by
reason. A call she is on counts as a call whatever status she has chosen meanwhile.
Occupancy. Numerator: time on calls and in wrap-up. Denominator: that and the time of those who took calls and had none,
ringing included. Breaks, training and meetings never enter it; nor does the time before she came and after she left.
Known flaws: a wrap-up that is forgotten counts as work until it ends by itself; what happened before operators' changes
were recorded is not known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, text

from ivr.queue.models import OfferState, Status
from metrics.definition import MICROS, Definition, Rate

OCCUPANCY = Definition("occupancy", 1)
OPERATOR_TIME = Definition("operator_time", 1)


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """Microseconds of one operator in a span."""

    account_id: int
    on_call_us: int = 0
    wrap_up_us: int = 0
    ringing_us: int = 0
    idle_us: int = 0
    away_us: Mapping[str, int] = field(default_factory=dict)

    @property
    def busy_us(self) -> int:
        return self.on_call_us + self.wrap_up_us

    @property
    def at_work_us(self) -> int:
        """All time but offline: what was paid."""
        return self.busy_us + self.ringing_us + self.idle_us + sum(self.away_us.values())

    @property
    def occupancy(self) -> Rate:
        return occupancy((self,))


@dataclass(frozen=True, slots=True)
class OperatorChange:
    """What an operator is from an instant on."""

    account_id: int
    at: datetime
    status: str
    reason: str | None
    offer_state: str | None

    @property
    def doing(self) -> str:
        """Return `on_call`, `wrap_up`, `ringing`, `idle`, `offline`, or the reason for which she is away."""
        match self.offer_state, self.status:
            case OfferState.ACCEPTED, _:
                return "on_call"
            case OfferState.WRAPPING, _:
                return "wrap_up"
            case OfferState.PENDING, _:
                return "ringing"
            case _, Status.AVAILABLE:
                return "idle"
            case _, Status.AWAY:
                return f"away:{self.reason}"
        return "offline"


def occupancy(operators: Iterable[OperatorTime]) -> Rate:
    """Return the share of their time for calls that operators had one; in microseconds."""
    kept = list(operators)
    busy = sum(each.busy_us for each in kept)
    return Rate(OCCUPANCY, busy, busy + sum(each.ringing_us + each.idle_us for each in kept))


def operator_times(db: Connection, since: datetime, until: datetime) -> list[OperatorTime]:
    """Return what each operator who was at work did from `since` to `until`, which must not lie ahead."""
    rows = db.execute(_CHANGES, {"since": since, "until": until})
    changes = [OperatorChange(*row) for row in rows]
    by_operator = groupby(changes, key=lambda change: change.account_id)
    times = (time_of(account_id, list(own), since, until) for account_id, own in by_operator)
    return [each for each in times if each.at_work_us]


def time_of(account_id: int, changes: Sequence[OperatorChange], since: datetime, until: datetime) -> OperatorTime:
    """Return what one operator did in a span, from her changes in order. Pure."""
    spent: dict[str, int] = {}
    ends = [*(change.at for change in changes[1:]), until]
    for change, end in zip(changes, ends, strict=True):
        length = min(end, until) - max(change.at, since)
        spent[change.doing] = spent.get(change.doing, 0) + max(0, round(length.total_seconds() * MICROS))
    away = {name.removeprefix("away:"): us for name, us in spent.items() if name.startswith("away:") and us}
    return OperatorTime(
        account_id,
        on_call_us=spent.get("on_call", 0),
        wrap_up_us=spent.get("wrap_up", 0),
        ringing_us=spent.get("ringing", 0),
        idle_us=spent.get("idle", 0),
        away_us=away,
    )


_CHANGES = text("""
    SELECT account_id, at, status, reason, offer_state FROM (
        (SELECT DISTINCT ON (account_id) account_id, at, id, status, reason, offer_state
         FROM operator_event WHERE at <= :since ORDER BY account_id, at DESC, id DESC)
        UNION ALL
        SELECT account_id, at, id, status, reason, offer_state
        FROM operator_event WHERE at > :since AND at < :until) told
    ORDER BY account_id, at, id""")
