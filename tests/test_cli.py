from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import cli
from booking_core.clock import Clock, real_now
from process_types import process_types


@pytest.fixture(autouse=True)
def from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """main() goes to the repository by itself; come back afterwards."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clock_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "clock.json"
    monkeypatch.setenv("CLOCK_FILE", str(path))
    return path


def test_the_clock_can_be_put_to_a_moment_and_moved_on_from_there(clock_path: Path) -> None:
    assert cli.main(["clock", "step", "2025-04-07T09:00"]) == 0
    assert Clock(clock_path).now() == datetime(2025, 4, 7, 0, 0, tzinfo=UTC)
    assert cli.main(["clock", "step", "+90m"]) == 0
    assert Clock(clock_path).now() == datetime(2025, 4, 7, 1, 30, tzinfo=UTC)


def test_a_shifted_clock_runs_on_from_the_moment_named(clock_path: Path) -> None:
    before = real_now()
    assert cli.main(["clock", "shift", "-1d"]) == 0
    told = Clock(clock_path).now()
    assert before <= told + timedelta(days=1) <= real_now()


def test_a_time_that_is_none_is_told_in_one_line_and_changes_nothing(
    clock_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["clock", "step", "tomorrow"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not clock_path.exists()


def test_a_wrong_setting_ends_a_process_type_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///book.db")
    assert cli.main(["serve", "web"]) == 1
    assert capsys.readouterr().err.startswith("madoguchi: DATABASE_URL: is not a PostgreSQL address")


def test_the_procfile_names_every_process_type_of_production() -> None:
    kinds = process_types()
    assert set(kinds) == {"web", "desk", "admin", "voice", "line", "worker", "beat", "release"}
    assert kinds["desk"].variables == {"DOORS": "desk,board"}


def test_a_process_type_that_is_not_built_yet_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "line"]) == 0
    assert "not built yet" in capsys.readouterr().out
