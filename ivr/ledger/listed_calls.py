"""A provider's call list or a public call log, read row by row into calls of the ledger. Pure: no rows are written.

A column may bring any field of `FIELDS` under its own name or by a mapping; two columns joined by `+` make a date and a
time of day, or an id where numbers begin anew each day. A length that is told counts as it is told, even where the
times beside it are a second off. What is not told follows from the rest, by rules that are written here once:

- Without a column for it, an outcome follows from the times: answered with a time of the answer, else abandoned.
- Where a list knows nothing of a queue, every call stands in it from its arrival on. Where it does, an answered call
  without an entry stood in it for no time at all, and another without one hung up before.
- A missing time follows from a length: queue seconds back from the answer or the end, or on from the arrival; talk
  seconds on from the answer, or back from the end. So a value that stands for nothing may also be a midnight.
- A time of day before the arrival is of the day after, where that makes less than half a day.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from ivr.ledger.models import Place
from ivr.queue.models import Outcome

FIELDS = (
    "id",
    "arrived",
    "queued",
    "answered",
    "ended",
    "outcome",
    "in_hours",
    "queue_seconds",
    "talk_seconds",
    "wrap_up_seconds",
    "offers",
)
NEEDED = ("arrived",)
ABANDONED = "abandoned"
IGNORED = "ignored"
"""What a list's word may mean beside an outcome: abandoned wherever it was, or no call at all."""

WORDS: Mapping[str, str] = {
    **dict.fromkeys(("answered", "handled", "completed", "agent", "connected"), Outcome.ANSWERED),
    **dict.fromkeys(("abandoned", "hang", "hangup", "hang-up", "hung up", "no-answer", "canceled"), ABANDONED),
    **dict.fromkeys(("closed", "out of hours"), Outcome.CLOSED),
    **dict.fromkeys(("failed", "busy", "error"), Outcome.FAILED),
    "abandoned_ivr": Outcome.ABANDONED_IVR,
    "abandoned_queue": Outcome.ABANDONED_QUEUE,
}
TRUE, FALSE = frozenset({"1", "true", "yes", "y", "t"}), frozenset({"0", "false", "no", "n", "f"})
MICROS = 1_000_000
DAY = timedelta(days=1)
LONGEST_OVER_MIDNIGHT = timedelta(hours=12)
MILLISECONDS_FROM = 10**11
"""A number from here on counts milliseconds since 1970, not seconds: as seconds it would lie in the year 5138."""

NOTHING = frozenset({"", "-", "null", "none", "n/a", "na"})
ROUNDING = timedelta(seconds=1)
"""By how much a length in whole seconds may reach back before the arrival."""


class RowRefused(ValueError):  # noqa: N818 - it says what became of the row
    """Why a row cannot be a call."""


class RowIgnored(Exception):  # noqa: N818 - likewise
    """The row is no call, and whoever mapped the list says so."""


@dataclass(frozen=True, slots=True)
class ListFormat:
    """How a list is to be read.

    Attributes:
        columns: field to column, or to columns joined by `+`; a field that is not named has a column of its name.
        outcomes: the list's own words for outcomes, beside those of `WORDS`.
        empty: values that stand for nothing.
        time_format: of `strptime`; None: ISO 8601, RFC 2822, or seconds or milliseconds since 1970.
        zone: of times that do not say theirs.
        prefix: put before each id, where lists of several providers could have the same.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    empty: frozenset[str] = NOTHING
    time_format: str | None = None
    zone: str = "Asia/Tokyo"
    prefix: str = ""

    def columns_of(self, name: str, there: Collection[str]) -> Sequence[str]:
        """Return the columns that bring a field; one whose own name has a `+` in it is known by being there."""
        found: list[str] = []
        parts = self.columns.get(name, name).split("+")
        while parts:
            most = next((n for n in range(len(parts), 1, -1) if "+".join(parts[:n]) in there), 1)
            found.append("+".join(parts[:most]))
            parts = parts[most:]
        return found


@dataclass(frozen=True, slots=True)
class ListedCall:
    """A call of a list, as the ledger keeps it."""

    call_sid: str
    received_at: datetime
    in_hours: bool
    enqueued_at: datetime | None
    offers: int
    answered_at: datetime | None
    ended_at: datetime
    outcome: str
    place: str | None
    wait_us: int | None
    talk_us: int | None
    wrap_up_us: int | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of the file, counted from 1 with the heading, and why it is no call."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class IgnoredRow:
    """A row whose outcome was said to be no call."""

    row: int


Row = ListedCall | RefusedRow | IgnoredRow


def unknown_columns(names: Iterable[str], layout: ListFormat) -> list[str]:
    """Return the mapped columns that the list does not have, and needed fields without any column."""
    there = set(names)
    columns = {column for name in (*layout.columns, *NEEDED) for column in layout.columns_of(name, there)}
    return sorted(columns - there)


def read_calls(
    rows: Iterable[Mapping[str, str | None]], names: Iterable[str], layout: ListFormat, *, list_id: str
) -> Iterator[Row]:
    """Yield each row as a call, or why it is none. `list_id` names calls of a list that has no ids itself."""
    there = set(names)
    columns = {name: found for name in FIELDS if there.issuperset(found := layout.columns_of(name, there))}
    for number, row in enumerate(rows, start=2):
        reader = _Row(row, columns, layout)
        try:
            yield _call(reader, default_id=f"{list_id}:{number}")
        except RowIgnored:
            yield IgnoredRow(number)
        except RowRefused as refusal:
            yield RefusedRow(number, str(refusal))


class _Row:
    """One row, asked by the names of fields."""

    def __init__(self, row: Mapping[str, str | None], columns: Mapping[str, Sequence[str]], layout: ListFormat) -> None:
        self.row, self.columns, self.layout = row, columns, layout

    def has(self, name: str) -> bool:
        return name in self.columns

    def text(self, name: str) -> str | None:
        """Return what the row says, None where it says nothing; the arrival is only nothing when nothing is there."""
        if name not in self.columns:
            return None
        parts = [(self.row.get(column) or "").strip() for column in self.columns[name]]
        nothing = NOTHING if name in NEEDED else self.layout.empty
        return None if parts[-1].lower() in nothing else " ".join(parts)

    def seconds(self, name: str) -> float | None:
        told = self.text(name)
        if told is None:
            return None
        try:
            found = _clock_seconds(told) if ":" in told else float(told)
        except ValueError:
            raise RowRefused(f"{name}: {told!r} is no number of seconds") from None
        if not 0 <= found < 7 * 86_400:
            raise RowRefused(f"{name}: {told!r} is out of range")
        return found

    def time(self, name: str, *, after: datetime | None = None) -> datetime | None:
        told = self.text(name)
        if told is None:
            return None
        found = _instant(name, told, self.layout)
        if after is not None and found < after and len(self.columns[name]) > 1:
            next_day = found + DAY
            found = next_day if next_day - after < LONGEST_OVER_MIDNIGHT else found
        return found.astimezone(UTC)


def _call(row: _Row, *, default_id: str) -> ListedCall:
    arrived = row.time("arrived")
    if arrived is None:
        raise RowRefused("arrived: the call has no time of arrival")
    word = _word(row)
    answered, ended = row.time("answered", after=arrived), row.time("ended", after=arrived)
    queue_seconds, talk_seconds = row.seconds("queue_seconds"), row.seconds("talk_seconds")
    if word == Outcome.ANSWERED and answered is None and ended is not None and talk_seconds is not None:
        answered = max(arrived, ended - timedelta(seconds=talk_seconds))
    queued = _queued(row, arrived, word=word, answered=answered, ended=ended)
    if word == Outcome.ANSWERED and answered is None and queue_seconds is not None:
        answered = (queued or arrived) + timedelta(seconds=queue_seconds)
    outcome = _outcome(word, queued, answered)
    if outcome == Outcome.ANSWERED:
        queued = queued or answered
    ended = ended or _end_by_lengths(arrived, queued, answered, queue_seconds, talk_seconds)
    if ended is None:
        raise RowRefused("ended: neither a time nor a length tells when the call ended")
    _require_order(row.layout.zone, arrived=arrived, queued=queued, answered=answered, ended=ended)
    return ListedCall(
        call_sid=row.layout.prefix + (row.text("id") or default_id),
        received_at=arrived,
        in_hours=_in_hours(row) and outcome != Outcome.CLOSED,
        enqueued_at=queued,
        offers=int(row.seconds("offers") or 0),
        answered_at=answered,
        ended_at=ended,
        outcome=outcome,
        place={Outcome.ABANDONED_IVR: Place.IVR, Outcome.ABANDONED_QUEUE: Place.QUEUE}.get(Outcome(outcome)),
        wait_us=_length(queued, answered or ended, queue_seconds),
        talk_us=_length(answered, ended, talk_seconds),
        wrap_up_us=round((row.seconds("wrap_up_seconds") or 0) * MICROS) if answered else None,
    )


def _word(row: _Row) -> str | None:
    told = row.text("outcome")
    if told is None:
        return None
    known = {**WORDS, **{word.lower(): outcome for word, outcome in row.layout.outcomes.items()}}
    if told.lower() not in known:
        raise RowRefused(f"outcome: {told!r} is not known; say what it means with --outcome {told}=…")
    if known[told.lower()] == IGNORED:
        raise RowIgnored
    return known[told.lower()]


def _queued(
    row: _Row, arrived: datetime, *, word: str | None, answered: datetime | None, ended: datetime | None
) -> datetime | None:
    """Return when the call entered the queue: as told, or so long before its answer or end as it waited."""
    if queued := row.time("queued", after=arrived):
        return queued
    waited = row.seconds("queue_seconds")
    if row.has("queued") and not waited:
        return None
    if not row.has("queue_seconds"):
        return None if word in {Outcome.CLOSED, Outcome.ABANDONED_IVR} else arrived
    if waited is None:
        return None
    until = answered if word == Outcome.ANSWERED else answered or ended
    entered = arrived if until is None else until - timedelta(seconds=waited)
    return arrived if arrived - ROUNDING <= entered < arrived else entered


def _outcome(word: str | None, queued: datetime | None, answered: datetime | None) -> str:
    """Return the call's one outcome; what the list says and its times must fit together."""
    if word is None:
        word = Outcome.ANSWERED if answered else ABANDONED
    if word == ABANDONED:
        word = Outcome.ABANDONED_QUEUE if queued else Outcome.ABANDONED_IVR
    if word == Outcome.ANSWERED and answered is None:
        raise RowRefused("answered: the call was answered, but nothing tells when")
    if word != Outcome.ANSWERED and answered is not None:
        raise RowRefused(f"answered: there is a time of the answer, but the outcome is {word}")
    if word == Outcome.ABANDONED_IVR and queued is not None:
        raise RowRefused("queued: the call stood in the queue, but was abandoned before")
    if word == Outcome.ABANDONED_QUEUE and queued is None:
        raise RowRefused("queued: the call was abandoned in the queue, but nothing tells when it entered")
    return word


def _end_by_lengths(
    arrived: datetime,
    queued: datetime | None,
    answered: datetime | None,
    queue_seconds: float | None,
    talk_seconds: float | None,
) -> datetime | None:
    if answered is not None:
        return None if talk_seconds is None else answered + timedelta(seconds=talk_seconds)
    if queued is not None:
        return None if queue_seconds is None else queued + timedelta(seconds=queue_seconds)
    return arrived


def _require_order(zone: str, **times: datetime | None) -> None:
    known = [(name, when.astimezone(ZoneInfo(zone))) for name, when in times.items() if when is not None]
    for (earlier, one), (later, other) in pairwise(known):
        if other < one:
            raise RowRefused(f"{later}: {other:%Y-%m-%d %H:%M:%S} lies before {earlier}, {one:%Y-%m-%d %H:%M:%S}")


def _length(since: datetime | None, until: datetime, told_seconds: float | None) -> int | None:
    """Return microseconds, as told or between two times; None for what never began."""
    if since is None:
        return None
    return _micros(until - since) if told_seconds is None else round(told_seconds * MICROS)


def _in_hours(row: _Row) -> bool:
    told = row.text("in_hours")
    if told is None or told.lower() in TRUE:
        return True
    if told.lower() in FALSE:
        return False
    raise RowRefused(f"in_hours: {told!r} is neither yes nor no")


def _instant(name: str, told: str, layout: ListFormat) -> datetime:
    try:
        found = datetime.strptime(told, layout.time_format) if layout.time_format else _any_instant(told)  # noqa: DTZ007 - its zone is added below
    except (ValueError, OverflowError, OSError):
        hint = "" if layout.time_format else "; say how the list writes them with --time-format"
        raise RowRefused(f"{name}: {told!r} is no date and time{hint}") from None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(layout.zone))


def _any_instant(told: str) -> datetime:
    if told.replace(".", "", 1).isdigit() and len(told) > len("20250407"):
        number = float(told)
        return datetime.fromtimestamp(number / 1000 if number >= MILLISECONDS_FROM else number, tz=UTC)
    if told[:1].isalpha():
        return parsedate_to_datetime(told)
    return datetime.fromisoformat(told.replace("/", "-"))


def _clock_seconds(told: str) -> float:
    total = 0.0
    for part in told.split(":"):
        total = total * 60 + float(part)
    return total


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
