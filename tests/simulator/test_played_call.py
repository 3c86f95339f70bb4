"""`run.py call` against a product with its line, beside a telephone network."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import text

from booking_core.clock import real_now
from engines.clock_file import write_shifted
from simulator import one_call
from tests.conftest import House
from tests.desk import add_staff
from tests.exchange import Exchange, exchange

SATURDAY_EVENING = datetime.fromisoformat("2025-04-12T20:00:00+09:00")


@pytest.fixture
def running(open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """A product with the demo's operators and cards, a line, and a network."""
    with exchange(open_house) as running:
        for login in one_call.OPERATORS:
            add_staff(running.house.engine, login)
        for n in range(1, one_call.FREE_CARDS + 1):
            running.house.add_citizen(f"9{n:09d}", f"{12340000 + n}")
        monkeypatch.setenv("PUBLIC_URL", running.site)
        monkeypatch.setenv("VOICE_URL", "")
        monkeypatch.setenv("TWILIO_API_BASE", running.network.url)
        monkeypatch.setenv("CLOCK_FILE", str(running.house.clock_file))
        yield running


def outcomes(running: Exchange) -> list[str]:
    with running.house.engine.connect() as db:
        return list(db.execute(text("SELECT outcome FROM call ORDER BY id")).scalars())


def test_a_call_goes_all_the_way_and_again(running: Exchange, capsys: pytest.CaptureFixture[str]) -> None:
    assert one_call.main([]) == 0
    assert one_call.main([]) == 0
    printed = capsys.readouterr().out
    assert "応答数\t1件  ->  2件" in printed
    assert "応答率\t100.0％（1件 ÷ 1件）  ->  100.0％（2件 ÷ 2件）" in printed
    assert outcomes(running) == ["answered", "answered"]
    with running.house.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM booking WHERE channel = 'phone'")).scalar_one() == 2


def test_outside_the_hours_the_clock_moves_to_the_next_morning(running: Exchange) -> None:
    write_shifted(running.house.clock_file, SATURDAY_EVENING - real_now())
    assert one_call.main(["--keep-clock"]) == 1
    assert one_call.main([]) == 0
    assert outcomes(running) == ["closed", "closed", "answered"]


def test_without_a_network_it_ends_with_an_exit_code(
    running: Exchange, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TWILIO_API_BASE", "http://127.0.0.1:1")
    assert one_call.main([]) == 1
    assert "NOT AS EXPECTED" in capsys.readouterr().err
    assert outcomes(running) == []
