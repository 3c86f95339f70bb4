"""Every published number of calls against an oracle that computes it from the log itself, call by call."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from sqlalchemy import Engine, text

from booking_core.clock import TOKYO
from ivr.ledger.call_facts import list_misposted
from metrics.call_counts import CallCounts, add_up, count_calls, count_calls_by
from metrics.callers import count_callers
from metrics.definition import Rate
from metrics.figures import figures_of
from metrics.period import Period, span_of_day, span_of_month
from metrics.waiting import wait_percentiles
from tests.metrics.call_log import LoggedCall, random_log, write

DAYS = [date(2024, 2, 29), date(2025, 4, 30), date(2025, 5, 1)]
MICRO = timedelta(microseconds=1)
Test = Callable[[LoggedCall], bool]


def wait_of(call: LoggedCall) -> timedelta:
    assert call.queued is not None
    until = call.answered or call.ended
    assert until is not None
    return until - call.queued


def in_hours(call: LoggedCall) -> bool:
    return call.kind not in {"closed", "hears_closed"}


def answered(call: LoggedCall) -> bool:
    return call.kind in {"answered", "talks", "wraps_up"}


def decided(call: LoggedCall) -> bool:
    return in_hours(call) and (answered(call) or call.ended is not None)


def offered(call: LoggedCall) -> bool:
    return decided(call) and call.queued is not None


def hung_up_waiting(call: LoggedCall) -> bool:
    return call.kind in {"queue", "ringing"}


def within(call: LoggedCall, seconds: int) -> bool:
    return wait_of(call) <= timedelta(seconds=seconds)


def stayed_longer(seconds: int) -> Test:
    return lambda call: offered(call) and not (hung_up_waiting(call) and within(call, seconds))


RATES: dict[str, tuple[Test, Test]] = {
    "answer_rate.strict/1": (answered, decided),
    "answer_rate.queue_based/1": (answered, offered),
    **{f"answer_rate.without_waits_to_{s}s/2": (answered, stayed_longer(s)) for s in (5, 10, 20, 30)},
    "answer_rate.with_call_backs/1": (answered, decided),
    "settled_rate/1": (answered, decided),
    "service_level.of_answered.20s/1": (lambda c: answered(c) and within(c, 20), answered),
    "service_level.of_offered.20s/1": (lambda c: answered(c) and within(c, 20), offered),
    "service_level.without_quick_abandons.20s/1": (
        lambda c: answered(c) and within(c, 20),
        stayed_longer(20),
    ),
    "service_level.with_quick_abandons.20s/1": (
        lambda c: (answered(c) or hung_up_waiting(c)) and within(c, 20),
        offered,
    ),
    "service_level.left_queue.20s/1": (lambda c: offered(c) and within(c, 20), offered),
    "abandonment.in_ivr/1": (lambda c: c.kind == "ivr", decided),
    "abandonment.in_queue/1": (lambda c: c.kind == "queue", decided),
    "abandonment.while_ringing/1": (lambda c: c.kind == "ringing", decided),
    "abandonment.all/1": (lambda c: c.kind in {"ivr", "queue", "ringing"}, decided),
    "abandonment.of_queue/1": (hung_up_waiting, offered),
    "abandonment.lost_by_the_line/1": (lambda c: c.kind in {"failed", "failed_in_queue"}, decided),
}


def talk_of(call: LoggedCall) -> timedelta | None:
    talked = [offer for offer in call.offers if offer.accepted]
    return sum((o.over - o.accepted for o in talked if o.over and o.accepted), timedelta()) if call.ended else None


def wrap_up_of(call: LoggedCall) -> timedelta | None:
    done = [offer for offer in call.offers if offer.accepted and offer.completed]
    return sum((o.completed - o.over for o in done if o.completed and o.over), timedelta()) if done else None


def expected_means(log: Sequence[LoggedCall]) -> dict[str, tuple[int, int]]:
    waits = [wait_of(c) for c in log if answered(c)]
    lost = [wait_of(c) for c in log if hung_up_waiting(c)]
    talks = [talk for c in log if answered(c) and (talk := talk_of(c)) is not None]
    both = [(talk_of(c), wrap) for c in log if answered(c) and (wrap := wrap_up_of(c)) is not None]
    wraps = [wrap for _, wrap in both]
    handled = [talk + wrap for talk, wrap in both if talk is not None]
    lists = {
        "waiting.speed_of_answer/1": waits, "waiting.abandon_time/1": lost, "handling.talk/1": talks,
        "handling.wrap_up/1": wraps, "handling.all/1": handled,
    }  # fmt: skip
    return {name: (sum(spans, timedelta()) // MICRO, len(spans)) for name, spans in lists.items()}


def assert_equal(counts: CallCounts, log: Sequence[LoggedCall]) -> None:
    """Every rate and mean of the counts must be the log's, to the last call and the last microsecond."""
    figures = figures_of(counts)
    rates = {str(rate.definition): (rate.numerator, rate.denominator) for rate in figures.rates}
    assert rates == {name: (sum(map(up, log)), sum(map(of, log))) for name, (up, of) in RATES.items()}
    means = {str(mean.definition): (mean.total_us, mean.calls) for mean in figures.means}
    assert means == expected_means(log)
    ended = [wait_of(c) for c in log if offered(c)]
    assert counts.longest_wait_us == max(ended, default=timedelta()) // MICRO
    assert counts.offers == sum(len(c.offers) for c in log if in_hours(c))


def start_of(period: Period, instant: datetime) -> datetime:
    local = instant.astimezone(TOKYO)
    match period:
        case Period.MONTH:
            return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        case Period.DAY:
            return local.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = {Period.QUARTER_HOUR: 15, Period.HALF_HOUR: 30, Period.HOUR: 60}[period]
    return local.replace(minute=local.minute - local.minute % minutes, second=0, microsecond=0)


@pytest.mark.req("3-2-J")
@pytest.mark.parametrize("seed", range(4))
def test_every_number_of_every_period_is_the_log_s(engine: Engine, seed: int) -> None:
    log = random_log(Random(seed), DAYS, 250)  # noqa: S311 - the same log for the same seed
    write(engine, log)
    with engine.connect() as db:
        assert list_misposted(db) == []
        for day in DAYS:
            own = [c for c in log if c.arrived.astimezone(TOKYO).date() == day]
            whole = count_calls(db, *span_of_day(day))
            assert_equal(whole, own)
            for period in Period:
                parts = count_calls_by(db, period, *span_of_day(day))
                assert [each.until for each in parts[:-1]] == [each.since for each in parts[1:]]
                if period is not Period.MONTH:
                    assert add_up(each.calls for each in parts) == whole
                    for part in parts:
                        assert_equal(part.calls, [c for c in own if start_of(period, c.arrived) == part.since])


@pytest.mark.req("3-2-J")
def test_received_is_the_sum_of_the_outcomes_also_while_calls_are_live(engine: Engine) -> None:
    log = random_log(Random(99), DAYS[:1], 200)  # noqa: S311
    write(engine, log)
    with engine.connect() as db:
        found = count_calls(db, *span_of_day(DAYS[0]))
    assert {"hears_closed", "in_menu", "waits", "rings", "talks", "wraps_up"} <= {c.kind for c in log}
    assert found.received == found.answered + found.abandoned + found.failed + found.undecided
    assert found.received + found.received_closed == 200
    assert found.undecided == sum(c.kind in {"in_menu", "waits", "rings"} for c in log)
    assert found.waiting == sum(c.kind in {"waits", "rings"} for c in log)


def test_months_end_at_midnight_of_tokyo_and_know_the_29_february(engine: Engine) -> None:
    log = random_log(Random(5), [date(2024, 2, 29), date(2024, 3, 1), date(2025, 4, 30)], 120)  # noqa: S311
    write(engine, log)
    with engine.connect() as db:
        for day in (date(2024, 2, 10), date(2024, 3, 31), date(2025, 4, 1)):
            month = [c for c in log if (c.arrived.astimezone(TOKYO).year, c.arrived.astimezone(TOKYO).month)
                     == (day.year, day.month)]  # fmt: skip
            assert month
            assert_equal(count_calls(db, *span_of_month(day)), month)
            (told,) = count_calls_by(db, Period.MONTH, *span_of_day(day))
            assert_equal(told.calls, month)


def test_percentiles_are_the_least_waits_that_so_many_did_not_exceed(engine: Engine) -> None:
    log = random_log(Random(11), DAYS[:1], 150)  # noqa: S311
    write(engine, log)
    waits = sorted(wait_of(c) // MICRO for c in log if answered(c))
    with engine.connect() as db:
        found = wait_percentiles(db, *span_of_day(DAYS[0]), (1, 50, 90, 100))
        nothing = wait_percentiles(db, *span_of_day(date(2030, 1, 1)))
    for percent, seconds in found.items():
        rank = -(-Fraction(percent, 100) * len(waits) // 1)
        assert seconds == waits[int(rank) - 1] / 1_000_000
    assert nothing == {}


def test_callers_are_counted_once_and_their_numbers_stay_where_they_are(engine: Engine) -> None:
    log = random_log(Random(2), DAYS[:1], 40)  # noqa: S311
    write(engine, log)
    numbers = {c.sid: None if n % 5 == 0 else f"+8175{n % 7}" for n, c in enumerate(log)}
    with engine.begin() as db:
        for sid, number in numbers.items():
            db.execute(
                text("UPDATE call SET from_number = :number WHERE call_sid = :sid"), {"number": number, "sid": sid}
            )
    counted = [(numbers[c.sid], answered(c)) for c in log if in_hours(c)]
    shown = [(number, got) for number, got in counted if number]
    with engine.connect() as db:
        found = count_callers(db, *span_of_day(DAYS[0]))
    assert (found.calls, found.withheld) == (len(shown), len(counted) - len(shown))
    assert found.callers == len({number for number, _ in shown})
    assert found.rate == Rate(found.rate.definition, len({n for n, got in shown if got}), found.callers)
    assert found.repeated == len(shown) - found.callers
