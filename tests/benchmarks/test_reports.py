import json
from pathlib import Path

import pytest

from benchmarks import reports


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    size = reports.Size(many=3_000, rounds=1, quick_rounds=1)
    return reports.measure(size, tmp_path_factory.mktemp("bench") / "run")


def test_every_report_is_measured_on_both_sides(figures: dict[str, object]) -> None:
    comparisons = figures["comparisons"]
    assert isinstance(comparisons, list)
    assert [each["calls"] for each in comparisons] == [750, 3_000, 3_000, 3_000, 3_000]
    for each in comparisons:
        assert each["product_ms"] > 0
        assert each["bare_ms"] > 0
        assert each["holds"] == (each["ratio"] <= each["target"])


def test_the_figures_are_json_and_nothing_is_left_behind(
    figures: dict[str, object], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert json.loads(json.dumps(figures)) == figures
    reports.show(figures)
    assert "a month by half hours" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_two_sides_that_count_differently_give_no_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = {period: sql.replace("wait_us <= 20000000", "wait_us < 9") for period, sql in reports._BARE.items()}
    monkeypatch.setattr(reports, "_BARE", wrong)
    with pytest.raises(AssertionError, match="counted differently"):
        reports.measure(reports.Size(many=800, rounds=1, quick_rounds=1), tmp_path / "run")
    assert not (tmp_path / "run").exists()
