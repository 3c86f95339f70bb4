"""The commands that read and check the ledger, as somebody types them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

import cli
from booking_core.db import make_engine
from tests.conftest import PEPPER

LIST = """call,day,came,entered,took,left,what
1,2025-04-07,09:00:00,09:00:05,09:00:25,09:05:25,OK
2,2025-04-07,09:10:00,09:10:05,,09:10:45,LOST
3,2025-04-07,18:20:00,,,18:20:03,LOST
4,2025-04-07,09:30:00,,,09:30:03,TEST
"""
MAPPED = (
    "--map", "id=call", "--map", "arrived=day+came", "--map", "queued=day+entered", "--map", "answered=day+took",
    "--map", "ended=day+left", "--map", "outcome=what", "--outcome", "OK=answered", "--outcome", "LOST=abandoned",
    "--outcome", "TEST=ignored",
)  # fmt: skip


@pytest.fixture(autouse=True)
def from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def book(new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    """A database named by the environment, with a clock that stands on Tuesday 8 April 2025."""
    url, clock = new_database("empty"), tmp_path / "clock.json"
    clock.write_text('{"mode": "stepped", "now": "2025-04-08T12:00:00+09:00"}')
    for name, value in {
        "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "PUBLIC_URL": "https://yoyaku.example.jp",
        "SECRET_KEY": PEPPER, "PEPPER": PEPPER, "TWILIO_AUTH_TOKEN": PEPPER, "CLOCK_FILE": str(clock),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    def run(*words: str) -> tuple[int, Any]:
        code = cli.main([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calls.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


@pytest.mark.usefixtures("book")
def test_a_mapped_list_gives_its_figures_by_period(told: Callable[..., tuple[int, Any]], file: Path) -> None:
    code, imported = told("import-calls", str(file), *MAPPED, "--hours", "line")
    assert code == 0
    assert (imported["rows"], imported["imported"], imported["ignored"]) == (4, 3, 1)
    code, figures = told("figures", "2025-04-07", "--by", "hour")
    assert code == 0
    assert figures["all"]["rates"]["answer_rate.strict/1"] == {"numerator": 1, "denominator": 2, "percent": "50.0"}
    assert figures["all"]["counts"]["received_closed"] == 1
    nine = next(each for each in figures["periods"] if each["since"] == "2025-04-07T09:00:00+09:00")
    assert nine["counts"]["received"] == 2
    assert sum(each["counts"]["received"] for each in figures["periods"]) == 2


def test_a_refused_row_is_told_and_nothing_is_taken(
    book: Engine, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(LIST + "5,2025-04-07,,,,,OK\n", encoding="utf-8")
    assert cli.main(["import-calls", str(file), *MAPPED]) == 1
    said = capsys.readouterr().out
    assert "row 6: arrived" in said
    assert "Nothing was imported" in said
    with book.connect() as db:
        assert db.execute(text("SELECT count(*) FROM call_facts")).scalar_one() == 0


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--map", "arrived=nowhere"), "no column nowhere"),
        (("--map", "somewhen=day"), "no such field"),
        ((*MAPPED, "--outcome", "OK=splendid"), "OK=splendid".partition("=")[2]),
        ((*MAPPED, "--zone", "Asia/Kyoto"), "no such time zone"),
        ((*MAPPED, "--delimiter", "ab"), "one sign, or tab, or space"),
        ((*MAPPED, "--delimiter", ";"), "has no column"),
        ((*MAPPED, "--encoding", "utf-16"), "is not utf-16"),
    ],
)
def test_a_mapping_that_cannot_be_is_told_in_one_line(
    file: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["import-calls", str(file), *words]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize(
    ("sign", "encoding", "words"),
    [
        ("\t", "utf-8-sig", ()),
        ("\t", "utf-16", ("--delimiter", "\\t")),
        (";", "cp932", ("--encoding", "cp932")),
        ("|", "utf-8", ()),
        ("\t", "utf-8", ("--delimiter", "tab")),
    ],
)
def test_a_list_is_read_however_its_columns_and_letters_are_written(
    told: Callable[..., tuple[int, Any]], file: Path, sign: str, encoding: str, words: tuple[str, ...]
) -> None:
    heading, *rows = LIST.replace("OK", "応答").splitlines()
    lines = [heading.replace(",", f" {sign}"), *(row.replace(",", sign) for row in rows)]
    file.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    code, imported = told("import-calls", str(file), *MAPPED, *words, "--outcome", "応答=answered")
    assert (code, imported["imported"], imported["ignored"]) == (0, 3, 1)


@pytest.mark.usefixtures("book")
def test_columns_may_be_parted_by_any_number_of_spaces(told: Callable[..., tuple[int, Any]], file: Path) -> None:
    file.write_text("no   day  came     left\n 1 2025-04-07   09:00:00  09:01:30  \n", encoding="utf-8")
    words = ("--map", "id=no", "--map", "arrived=day+came", "--map", "ended=day+left", "--delimiter", "space")
    code, imported = told("import-calls", str(file), *words)
    assert (code, imported["imported"]) == (0, 1)


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no heading"),
        ("Incoming Calls,Answered Calls\n217,204\n", "no column arrived; it has: Incoming Calls, Answered Calls"),
        (f'arrived,ended\n"2025-04-07 09:00,2025-04-07 09:01\n{"x" * 140_000}\n', "is no such table near line"),
    ],
)
def test_a_file_that_is_no_list_of_calls_is_told_in_one_line(
    file: Path, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(content, encoding="utf-8")
    assert cli.main(["import-calls", str(file)]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("book")
def test_a_day_is_replayed_and_one_that_lies_ahead_is_not(
    told: Callable[..., tuple[int, Any]], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told("import-calls", str(file), *MAPPED)
    code, found = told("replay", "2025-04-07")
    assert (code, found["is_same"], found["calls"], found["events"]) == (0, True, 3, 0)
    assert cli.main(["replay", "2025-04-07"]) == 0
    assert "The code makes the same of them" in capsys.readouterr().out
    assert cli.main(["replay", "2025-04-09"]) == 1
    assert "lies ahead" in capsys.readouterr().err


@pytest.mark.usefixtures("book")
def test_figures_are_read_by_people_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["figures", "2025-04-01", "2025-04-30"]) == 0
    said = capsys.readouterr().out
    assert "answer_rate.strict/1" in said
    assert "waiting.speed_of_answer/1" in said
