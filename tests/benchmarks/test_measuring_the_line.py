import json

import pytest

from benchmarks import line
from benchmarks.day_of_calls import KINDS, REQUESTS_A_CALL

TINY = line.Size(operators=8, waiting=30, pairs=6, burst=3, rounds=1, calls=2, clients=(2, 4))


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return line.measure(TINY, tmp_path_factory.mktemp("bench") / "run")


def test_every_pair_of_caller_and_operator_is_timed(figures: dict[str, object]) -> None:
    offers = figures["offers"]
    assert isinstance(offers, list)
    assert [each["pairs"] for each in offers] == [TINY.pairs, TINY.pairs]
    for each in offers:
        assert 0 < each["p50"] <= each["p95"] <= each["p99"]
        assert each["line_share_of_a_core"] >= 0


def test_the_door_stands_beside_a_bare_one_and_beside_one_that_writes_nothing(figures: dict[str, object]) -> None:
    comparisons = figures["comparisons"]
    assert isinstance(comparisons, list)
    assert len(comparisons) == 2 * len(TINY.clients)
    assert [each["target"] for each in comparisons] == [0.5, 0.0] * len(TINY.clients)
    assert all(product > 0 and bare > 0 for each in comparisons for product, bare in each["rounds"])


def test_both_sides_tell_how_long_a_request_takes(figures: dict[str, object]) -> None:
    waits = figures["answered_within_ms"]
    assert isinstance(waits, dict)
    assert len(waits) == 2 * len(TINY.clients)
    for each in waits.values():
        assert 0 < each["p50"] <= each["p95"] <= each["p99"]


def test_most_requests_of_a_day_are_callers_who_wait() -> None:
    waits = sum(kind.times for kind in KINDS.values() if kind.path == "wait")
    assert waits / REQUESTS_A_CALL > 0.5


def test_the_figures_are_json(figures: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(json.dumps(figures)) == figures
    line.show(figures)
    assert f"{TINY.operators} operators, {TINY.waiting} waiting" in capsys.readouterr().out
