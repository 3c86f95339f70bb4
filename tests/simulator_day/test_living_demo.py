"""The living demo beside a product in real time: simulated people come, stand aside when they are asked to, and go."""

import threading
from collections.abc import Callable, Iterator

import pytest

from simulator.living.control import serve
from simulator.living.people import FIRST_CARD, Pace
from simulator.living.program import LOGINS, Living
from simulator.one_call import asked
from tests.conftest import House
from tests.desk import add_staff
from tests.exchange import Exchange, exchange

QUICK = Pace(caller_every=4.0, citizen_every=5.0, talk=0.01, look_every=0.3)
AT_WORK = "SELECT count(*) FROM operator_state WHERE status = 'available'"
STAYS = """
    SELECT count(*) FROM operator_state
    WHERE status <> 'offline' AND next_status IS DISTINCT FROM 'offline'"""
"""Who is at work and stays: who is still writing up a call goes home after it."""

ANSWERED = "SELECT (count(*) >= :wanted)::int FROM call WHERE outcome = 'answered' AND main_reason IS NOT NULL"


@pytest.fixture
def running(open_house: Callable[..., House]) -> Iterator[Exchange]:
    with exchange(open_house) as running:
        for login in (*LOGINS, "operator1"):
            add_staff(running.house.engine, login)
        for n in range(FIRST_CARD, FIRST_CARD + 200):
            running.house.add_citizen(f"9{n:09d}", f"{12340000 + n}")
        yield running


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def living(running: Exchange, said: list[str]) -> Iterator[Living]:
    living = Living(running.site, running.network.url, running.house.clock_file, said.append, QUICK)
    living.begin()
    yield living
    living.end()


@pytest.mark.long
def test_callers_are_answered_served_and_closed_and_citizens_book(
    running: Exchange, living: Living, said: list[str]
) -> None:
    running.until(AT_WORK, 3)
    running.until(ANSWERED, 1, wanted=2, seconds=150)
    running.until("SELECT (count(*) > 0)::int FROM booking WHERE channel = 'web'", 1)
    assert not living.broken.is_set()
    assert said == []
    assert running.network.debugger.violations == []
    living.end()
    running.until(STAYS, 0)


def test_they_stand_aside_while_they_are_asked_to_and_a_visitor_gets_her_call(
    running: Exchange, living: Living
) -> None:
    running.until(AT_WORK, 3)
    control = serve(0, {"pause": living.pause, "resume": living.resume})
    try:
        _post(f"http://127.0.0.1:{control.server_port}/pause")
        running.until("SELECT count(*) FROM call WHERE state IN ('queued', 'offering')", 0)
        running.until(AT_WORK, 0)
        visitor = running.at_work("operator1")
        running.network.call("+81751239000")
        visitor.answers()
        _post(f"http://127.0.0.1:{control.server_port}/resume")
        running.until("SELECT count(*) FROM operator_state s JOIN staff_account a ON a.id = s.account_id "
                      "WHERE a.login LIKE 'sim%' AND s.status = 'available'", 3)  # fmt: skip
    finally:
        control.shutdown()
        control.server_close()


def test_a_visitor_who_calls_is_answered_by_a_simulated_operator(running: Exchange, living: Living) -> None:
    running.until(AT_WORK, 3)
    caller = running.network.call("+81751239009")
    running.until("SELECT outcome FROM call WHERE call_sid = :sid", "answered", sid=caller.call.sid)
    assert not living.broken.is_set()


@pytest.mark.long
def test_a_telephone_goes_on_at_a_network_that_was_started_again(running: Exchange, living: Living) -> None:
    running.until(AT_WORK, 3)
    for registration in list(running.network.exchange.clients.registrations.values()):
        with running.network.exchange.entered():
            running.network.exchange.clients.remove(registration)  # all that a fresh network knows of it
    waiting = threading.Event()
    for _ in range(200):
        if len(running.network.exchange.clients.registrations) == len(LOGINS):
            break
        waiting.wait(0.05)
    running.until(ANSWERED, 1, wanted=2, seconds=150)
    assert not living.broken.is_set()


def _post(address: str) -> None:
    assert asked(address)
