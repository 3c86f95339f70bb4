"""`run.py call` against a product that answers on a real port."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from simulator import one_call
from tests.conftest import House
from tests.desk import add_staff

TOKEN = "12345678901234567890123456789012"
SATURDAY_EVENING = "2025-04-12T20:00:00+09:00"


@pytest.fixture
def running(open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A product with the demo's operators and one card, on a port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    house = open_house(PUBLIC_URL=site)
    for login in one_call.OPERATORS:
        add_staff(house.engine, login)
    for n in range(1, one_call.FREE_CARDS + 1):
        house.add_citizen(f"9{n:09d}", f"{12340000 + n}")
    server = make_server("127.0.0.1", port, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PUBLIC_URL", site)
    monkeypatch.setenv("VOICE_URL", "")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("CLOCK_FILE", str(house.clock_file))
    yield house
    server.shutdown()
    thread.join()
    server.server_close()


def outcomes(house: House) -> list[str]:
    with house.engine.connect() as db:
        return list(db.execute(text("SELECT outcome FROM call ORDER BY id")).scalars())


def test_a_call_goes_all_the_way_and_again(running: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert one_call.main([]) == 0
    assert one_call.main([]) == 0
    printed = capsys.readouterr().out
    assert "応答数\t1件  ->  2件" in printed
    assert "応答率\t100.0％  ->  100.0％" in printed
    assert outcomes(running) == ["answered", "answered"]
    with running.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM booking WHERE channel = 'phone'")).scalar_one() == 2


def test_outside_the_hours_the_clock_moves_to_the_next_morning(running: House) -> None:
    running.step_to(datetime.fromisoformat(SATURDAY_EVENING))
    assert one_call.main(["--keep-clock"]) == 1
    assert one_call.main([]) == 0
    assert outcomes(running) == ["closed", "closed", "answered"]


def test_a_wrong_token_ends_it_with_an_exit_code(
    running: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "0" * 32)
    assert one_call.main([]) == 1
    assert "NOT AS EXPECTED" in capsys.readouterr().err
    assert outcomes(running) == []
