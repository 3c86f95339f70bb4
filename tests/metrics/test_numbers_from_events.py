"""Every published number against the recorded events: random days of the whole line, looked at while they go on."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, Engine, text

from booking_core.actors import Actor
from booking_core.calendar import at
from booking_core.clock import TOKYO
from booking_core.db import in_transaction
from ivr.ledger.import_calls import import_calls
from ivr.ledger.listed_calls import ListedCall
from ivr.queue.models import Status
from ivr.queue.operators import set_status
from metrics.call_counts import add_up, count_calls, count_calls_by
from metrics.operator_time import OperatorTime, occupancy, operator_times
from metrics.period import Period, span_of_day
from metrics.seat_load import seat_load
from metrics.waiting import wait_percentiles
from tests.desk import add_staff
from tests.factories import done, owner_of
from tests.ivr.network_model import Phase
from tests.ivr.test_interleavings import Walk
from tests.metrics.call_log import LoggedCall, LoggedOffer
from tests.metrics.from_events import operator_seconds, read_log
from tests.metrics.test_every_number import answered, assert_equal, in_hours, start_of, wait_of

MONDAY = date(2025, 4, 7)
TUESDAY = MONDAY + timedelta(days=1)
BEGINS = (time(8, 59, 50), time(9, 58), time(16, 55))
CLOSING = at(MONDAY, time(17))
BEFORE_OPENING = at(TUESDAY, time(8, 59, 57))
MICRO, SECOND, MINUTE = timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1)


class BusyWalk(Walk):
    """More callers than elsewhere, waits of just the thresholds, talks over the hour and over midnight."""

    steps = 160
    most_callers = 16
    impatience = 0.05
    pauses = (1, 2, 5, 5, 10, 20, 20, 30, 40)

    def begin_at(self, instant: datetime) -> None:
        self._step_to(instant)
        for who in self.operators:
            self._become(who, Status.AVAILABLE)

    def _become(self, who: int, status: Status) -> None:
        by, now = Actor.operator(who), self.now
        done(in_transaction(self.engine, lambda db: set_status(db, who, status, None, by=by, now=now)))

    def _operator_changes(self) -> None:
        """Whoever is away comes back soon, others leave seldom: most callers are to be answered."""
        if self.random.random() < 0.25:
            super()._operator_changes()
        for who in self.operators:
            if self.random.random() < 0.5:
                self._become(who, Status.AVAILABLE)

    def sleep_over_it(self) -> None:
        """Let the night pass over whatever is going on; now and then everybody goes home while callers still wait."""
        self._time_passes()
        if self.random.random() < 0.5:
            for leg in self._live():
                if leg.phase is Phase.TALKING:
                    self.network.operator_hangs_up(leg)
            self._step_to(max(self.now, CLOSING) + 3 * MINUTE)
            self.line.fire_timers()
            for who in self.operators:
                self._become(who, Status.OFFLINE)
            for leg in self._live():
                if leg.phase is Phase.QUEUE and leg.redirect is None:
                    self.network.ask_what_to_hear(leg)
        self._step_to(max(self.now, BEFORE_OPENING))


def random_list(dice: Random) -> list[LoggedCall]:
    """Return calls as a provider's list tells them."""
    calls = []
    for n in range(30):
        arrived = at(dice.choice([MONDAY, TUESDAY]), time(9)) + dice.randrange(8 * 3600) * SECOND
        call = LoggedCall(f"listed{n}", arrived, dice.choice(["answered", "answered", "queue", "ivr"]))
        until = arrived + dice.choice([0, 5, 10, 20, 20 + 1e-6, 30, 31.5]) * SECOND
        call.queued = None if call.kind == "ivr" else arrived
        call.ended = until
        if call.kind == "answered":
            call.answered, call.ended = until, until + dice.randrange(600) * SECOND
            completed = call.ended + dice.randrange(90) * SECOND
            call.offers = [LoggedOffer(until, until, call.ended, completed, "completed")]
        calls.append(call)
    return calls


def take_in(engine: Engine, listed: Sequence[LoggedCall]) -> None:
    outcomes = {"answered": "answered", "queue": "abandoned_queue", "ivr": "abandoned_ivr"}
    rows = []
    for call in listed:
        assert call.ended
        wrap_up = (offer.completed - call.ended for offer in call.offers if offer.completed)
        rows.append(
            ListedCall(
                call_sid=call.sid,
                received_at=call.arrived,
                in_hours=True,
                enqueued_at=call.queued,
                offers=len(call.offers),
                answered_at=call.answered,
                ended_at=call.ended,
                outcome=outcomes[call.kind],
                place=None if call.answered else call.kind,
                wait_us=wait_of(call) // MICRO if call.queued else None,
                talk_us=(call.ended - call.answered) // MICRO if call.answered else None,
                wrap_up_us=sum(wrap_up, timedelta()) // MICRO if call.answered else None,
            )
        )
    assert done(in_transaction(engine, lambda db: import_calls(db, rows))).imported == len(listed)


def assert_same_numbers(db: Connection, log: Sequence[LoggedCall]) -> None:
    for day in (MONDAY, TUESDAY):
        own = [call for call in log if call.arrived.astimezone(TOKYO).date() == day]
        whole = count_calls(db, *span_of_day(day))
        assert (whole.received, whole.received + whole.received_closed) == (sum(map(in_hours, own)), len(own))
        assert_equal(whole, own)
        for period in (Period.QUARTER_HOUR, Period.HALF_HOUR, Period.HOUR):
            parts = count_calls_by(db, period, *span_of_day(day))
            assert add_up(each.calls for each in parts) == whole
            for part in parts:
                assert_equal(part.calls, [c for c in own if start_of(period, c.arrived) == part.since])
        waits = sorted(wait_of(call) // MICRO for call in own if answered(call))
        for percent, seconds in wait_percentiles(db, *span_of_day(day)).items():
            assert round(seconds / MICRO.total_seconds()) == waits[-(-len(waits) * percent // 100) - 1]


def as_seconds(spent: OperatorTime) -> Counter[str]:
    named = {"on_call": spent.on_call_us, "wrap_up": spent.wrap_up_us, "ringing": spent.ringing_us}
    named |= {"idle": spent.idle_us} | {f"away:{reason}": us for reason, us in spent.away_us.items()}
    return Counter({name: us // 1_000_000 for name, us in named.items() if us})


def assert_same_times(db: Connection, since: datetime, until: datetime) -> None:
    """Times by status, occupancy and seat load, against a look at every second."""
    looked = operator_seconds(db, since, until)
    found = operator_times(db, since, until)
    expected = {who: Counter({name: n for name, n in spent.items() if name != "offline"})
                for who, spent in looked.items()}  # fmt: skip
    assert {each.account_id: as_seconds(each) for each in found} == {w: e for w, e in expected.items() if e}
    busy = sum(spent["on_call"] + spent["wrap_up"] for spent in expected.values())
    free = sum(spent["idle"] + spent["ringing"] for spent in expected.values())
    rate = occupancy(found)
    assert (rate.numerator, rate.denominator) == (busy * 1_000_000, (busy + free) * 1_000_000)
    assert seat_load(db, since, until).numerator == busy * 1_000_000


def walked(engine: Engine, clock: Path, seed: int, listed: Sequence[LoggedCall] = ()) -> BusyWalk:
    """Walk through a day, and compare all along."""
    walk = BusyWalk(engine, [add_staff(engine, f"operator{n}") for n in range(3)], clock, seed)
    walk.begin_at(at(MONDAY, BEGINS[seed % len(BEGINS)]))
    take_in(engine, listed)
    for step in range(walk.steps):
        walk.move()
        if step == 110 and seed % 4:
            walk.sleep_over_it()
        if step % 9 == 0:
            with engine.connect() as db:
                assert_same_numbers(db, [*read_log(db), *listed])
    walk.finish()
    return walk


@pytest.mark.req("3-2-J")
@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_the_numbers_are_what_the_events_say(engine: Engine, tmp_path: Path, seed: int) -> None:
    listed = random_list(Random(seed)) if seed % 2 else []  # noqa: S311 - the same list for the same seed
    walk = walked(engine, tmp_path / "clock.json", seed, listed)
    begins = at(MONDAY, BEGINS[seed % len(BEGINS)])
    with engine.connect() as db:
        log = read_log(db)
        assert {call.sid for call in log} == set(walk.network.legs)
        assert_same_numbers(db, [*log, *listed])
        assert_same_times(db, begins, walk.now)
        assert_same_times(db, begins + 100 * SECOND, walk.now - 77 * SECOND)


@pytest.mark.parametrize("planted", ["wait_us = wait_us + 1", "talk_us = talk_us + 1", "offers = offers + 1"])
def test_a_number_that_the_events_do_not_tell_is_found(engine: Engine, tmp_path: Path, planted: str) -> None:
    walked(engine, tmp_path / "clock.json", 0)
    statement = (
        f"UPDATE call_facts SET {planted} WHERE id = (SELECT min(id) FROM call_facts WHERE outcome = 'answered')"  # noqa: S608 - from this file
    )
    with owner_of(engine).begin() as db:
        assert db.execute(text(statement)).rowcount == 1
    with engine.connect() as db, pytest.raises(AssertionError):
        assert_same_numbers(db, read_log(db))
