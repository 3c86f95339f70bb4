import json
from pathlib import Path

import pytest

from benchmarks import book
from benchmarks.stage import set_up

TINY = book.Size(slots=30, rounds=1, in_process=6, posts=12, gets=8, clients=(2, 4), profiled=40)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return book.measure(TINY, tmp_path_factory.mktemp("bench") / "run")


def test_every_comparison_has_both_sides_of_every_round(figures: dict[str, object]) -> None:
    comparisons = figures["comparisons"]
    assert isinstance(comparisons, list)
    assert len(comparisons) == 8
    for each in comparisons:
        shares = sorted(product / bare for product, bare in each["rounds"])
        assert len(shares) == (3 if each["name"].startswith("book()") else 1)
        assert all(product > 0 and bare > 0 for product, bare in each["rounds"])
        assert each["ratio"] == pytest.approx(shares[len(shares) // 2], rel=0.02)
        assert each["holds"] == (each["ratio"] >= each["target"])


def test_every_booking_that_was_answered_is_one_that_was_checked(figures: dict[str, object]) -> None:
    warming_up = 2 * TINY.in_process + 2 * TINY.posts
    measured = 3 * 2 * TINY.in_process + 2 * 4 * TINY.posts
    lookers = TINY.gets
    assert figures["bookings_checked"] == warming_up + measured + lookers + TINY.profiled


def test_one_confirming_post_writes_in_one_transaction(figures: dict[str, object]) -> None:
    post = figures["one_confirming_post"]
    assert isinstance(post, dict)
    assert post["statements"]["COMMIT"] == pytest.approx(1, abs=0.5)
    assert post["statements"]["WITH"] == pytest.approx(1, abs=0.01)
    assert post["redis_requests"] == pytest.approx(1, abs=0.5)  # a new connection says a word more
    assert sum(post["layers"].values()) > 0


def test_the_figures_are_json(figures: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(json.dumps(figures)) == figures
    book.show(figures)
    assert "MISSED" in capsys.readouterr().out or all(each["holds"] for each in figures["comparisons"])  # type: ignore[attr-defined]


def test_a_booking_that_is_not_in_the_book_is_not_counted_as_success(tmp_path: Path) -> None:
    with set_up(tmp_path / "run", slots=3) as stage:
        stage.check(expected=0)
        with pytest.raises(AssertionError, match="1 bookings were answered as made"):
            stage.check(expected=1)
    assert not (tmp_path / "run").exists()
