from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

import cli
from booking_core.clock import Clock, real_now
from booking_core.db import make_engine
from booking_core.staff.accounts import sign_in
from process_types import process_types
from tests.conftest import PEPPER
from tests.factories import done


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


def test_the_line_does_not_start_without_an_account_to_reach_its_callers_by(
    new_book: Engine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert new_book
    assert cli.main(["line"]) == 1
    assert "TWILIO_ACCOUNT_SID" in capsys.readouterr().err


@pytest.fixture
def new_book(new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A migrated, empty database, named by the environment as in production."""
    url = new_database("empty")
    for name, value in {
        "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "PUBLIC_URL": "https://yoyaku.example.jp",
        "SECRET_KEY": PEPPER, "PEPPER": PEPPER, "TWILIO_AUTH_TOKEN": PEPPER,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    engine = make_engine(url)
    yield engine
    engine.dispose()


def test_production_begins_with_the_city_and_an_administrator(
    new_book: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["city"]) == 0
    monkeypatch.setattr("sys.stdin", StringIO("Kamo-gawa7\n"))
    assert cli.main(["account", "cityadmin", "市管理者"]) == 0
    assert "Kamo-gawa7" not in "".join(capsys.readouterr())
    with new_book.begin() as db:
        assert db.execute(text("SELECT count(*) FROM venue WHERE kind = 'counter'")).scalar_one() == 15
        assert db.execute(text("SELECT count(*) FROM slot")).scalar_one() > 0
        entered = sign_in(
            db, "cityadmin", "Kamo-gawa7", door="admin", source=None, now=real_now(), business_now=real_now()
        )
        assert done(entered).role == "city_admin"


def test_a_city_is_loaded_once_and_only_the_first_account_is_made_here(
    new_book: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["city"]) == 0
    assert cli.main(["city"]) == 1
    for line, login in (("weak", "first"), ("Kamo-gawa7", "first"), ("Kamo-gawa7", "second")):
        monkeypatch.setattr("sys.stdin", StringIO(f"{line}\n"))
        cli.main(["account", login, "市管理者"])
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[2].strip()[:24] for line in told] == [
        "the book already has ven", "no account was made (pas", "the book already has acc",
    ]  # fmt: skip
    with new_book.connect() as db:
        assert db.execute(text("SELECT login FROM staff_account")).scalars().all() == ["first"]
