from datetime import timedelta

import pytest

from ivr.queue.models import CallState, Outcome
from metrics.answer_rate import meets_goal, queue_based_rate, rate_without_short_waits, strict_rate
from metrics.call_facts import CallFact
from metrics.definition import Definition, Rate
from tests.conftest import MONDAY_MORNING


def call(
    outcome: Outcome | None,
    *,
    queued_after: int | None = 5,
    answered_after: int | None = None,
    lasted: int = 60,
    state: CallState = CallState.ENDED,
) -> CallFact:
    def after(seconds: int | None) -> object:
        return None if seconds is None else MONDAY_MORNING + timedelta(seconds=seconds)

    return CallFact(
        id=1,
        state=state,
        outcome=outcome,
        received_at=MONDAY_MORNING,
        enqueued_at=after(queued_after),  # type: ignore[arg-type]
        answered_at=after(answered_after),  # type: ignore[arg-type]
        ended_at=after(lasted) if state is CallState.ENDED else None,  # type: ignore[arg-type]
    )


ANSWERED = call(Outcome.ANSWERED, answered_after=20)
IN_THE_GREETING = call(Outcome.ABANDONED_IVR, queued_after=None, lasted=3)
IN_THE_QUEUE = call(Outcome.ABANDONED_QUEUE, lasted=45)
CLOSED = call(Outcome.CLOSED, queued_after=None, lasted=9)
LOST = call(Outcome.FAILED, queued_after=None, lasted=9)
WAITING = call(None, state=CallState.QUEUED)
TALKING = call(None, state=CallState.CONNECTED, answered_after=20)


@pytest.mark.req("3-2-J")
@pytest.mark.parametrize(
    ("calls", "numerator", "denominator"),
    [
        ([], 0, 0),
        ([ANSWERED], 1, 1),
        ([ANSWERED, IN_THE_GREETING], 1, 2),
        ([ANSWERED, IN_THE_QUEUE], 1, 2),
        ([ANSWERED, LOST], 1, 2),
        ([ANSWERED, CLOSED], 1, 1),
        ([ANSWERED, WAITING], 1, 1),
        ([TALKING, IN_THE_QUEUE], 1, 2),
        ([ANSWERED] * 17 + [IN_THE_QUEUE] * 2 + [IN_THE_GREETING], 17, 20),
    ],
)
def test_the_contract_s_rate_counts_every_decided_call_of_the_hours(
    calls: list[CallFact], numerator: int, denominator: int
) -> None:
    rate = strict_rate(calls)
    assert (rate.numerator, rate.denominator) == (numerator, denominator)
    assert str(rate.definition) == "answer_rate.strict/1"


def test_the_queue_based_rate_leaves_out_who_hung_up_in_the_greeting() -> None:
    rate = queue_based_rate([ANSWERED, IN_THE_GREETING, IN_THE_QUEUE, LOST, CLOSED])
    assert (rate.numerator, rate.denominator) == (1, 2)


@pytest.mark.parametrize(("waited", "counted"), [(9, 1), (10, 1), (11, 2)])
def test_a_short_wait_is_forgotten_up_to_its_last_second(waited: int, counted: int) -> None:
    short = call(Outcome.ABANDONED_QUEUE, queued_after=5, lasted=5 + waited)
    assert rate_without_short_waits([ANSWERED, short], 10).denominator == counted


def test_an_answer_after_a_short_wait_is_never_forgotten() -> None:
    at_once = call(Outcome.ANSWERED, queued_after=5, answered_after=6)
    assert rate_without_short_waits([at_once], 30).numerator == 1


@pytest.mark.parametrize(
    ("numerator", "denominator", "percent", "met"),
    [(0, 0, None, None), (85, 100, "85.0", True), (8499, 10_000, "84.9", False), (84_999, 100_000, "84.9", False)],
)
def test_a_rate_is_never_rounded_up_to_the_goal(
    numerator: int, denominator: int, percent: str | None, *, met: bool | None
) -> None:
    rate = Rate(Definition("answer_rate.strict", 1), numerator, denominator)
    assert (rate.percent, meets_goal(rate)) == (percent, met)
