import pytest

from metrics.answer_rate import (
    meets_goal,
    queue_based_rate,
    rate_with_call_backs,
    rate_without_short_waits,
    strict_rate,
)
from metrics.call_counts import CallCounts
from metrics.definition import Definition, Rate

DAY = CallCounts(
    received=100,
    received_closed=9,
    answered=70,
    abandoned_in_ivr=6,
    abandoned_in_queue=10,
    abandoned_while_ringing=3,
    failed=2,
    undecided=4,
    self_served=5,
    called_back=3,
    queued=85,
    gave_up_in_5s=1,
    gave_up_in_10s=2,
    gave_up_in_20s=4,
    gave_up_in_30s=7,
)


@pytest.mark.req("3-2-J")
def test_the_contract_s_rate_is_of_every_decided_call_of_the_hours_but_self_service() -> None:
    rate = strict_rate(DAY)
    assert (rate.numerator, rate.denominator) == (70, 91)
    assert str(rate.definition) == "answer_rate.strict/1"


@pytest.mark.req("3-2-J")
def test_the_others_leave_out_what_their_names_say() -> None:
    assert (queue_based_rate(DAY).numerator, queue_based_rate(DAY).denominator) == (70, 85)
    assert [rate_without_short_waits(DAY, seconds).denominator for seconds in (5, 10, 20, 30)] == [84, 83, 81, 78]
    assert (rate_with_call_backs(DAY).numerator, rate_with_call_backs(DAY).denominator) == (73, 91)


@pytest.mark.req("3-2-J")
@pytest.mark.parametrize(
    ("numerator", "denominator", "percent", "met"),
    [(0, 0, None, None), (85, 100, "85.0", True), (8499, 10_000, "84.9", False), (84_999, 100_000, "84.9", False)],
)
def test_a_rate_is_never_rounded_up_to_the_goal(
    numerator: int, denominator: int, percent: str | None, *, met: bool | None
) -> None:
    rate = Rate(Definition("answer_rate.strict", 1), numerator, denominator)
    assert (rate.percent, meets_goal(rate)) == (percent, met)
