"""The line's own moves: offers, redirects, timers, silent desks, and the look at the provider's list."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Row, text

from booking_core.actors import Actor
from booking_core.clock import Clock, real_now
from booking_core.db import in_transaction
from ivr.line import RECONCILE_EVERY, Line
from ivr.queue import presence
from ivr.queue.assignment import REACH_WITHIN, assign
from ivr.queue.calls import close_call, list_unclosed
from ivr.queue.models import AwayReason, MainReason, Redirect, Status
from ivr.queue.operators import OperatorView, get_operator, set_status
from ivr.queue.progress import AFTER_RING, RING
from ivr.queue.redirects import AFTER_AN_ERROR, AFTER_SILENCE, NOT_SENT_FOR
from ivr.queue.timers import LOOK_AGAIN, ON_OUR_OWN_AFTER
from ivr.reconcile import SILENT_IN_QUEUE, YOUNG
from tests.caller import Caller, verbs
from tests.conftest import MONDAY_MORNING, House
from tests.desk import available_operator, signed_in_at
from tests.factories import done
from tests.provider import ProviderDouble

SECOND = timedelta(seconds=1)


@pytest.fixture
def provider() -> ProviderDouble:
    return ProviderDouble()


@pytest.fixture
def line(house: House, provider: ProviderDouble) -> Iterator[Line]:
    line = Line(house.engine, Clock(house.clock_file), provider, "line under test")
    yield line
    settle(line)


def settle(line: Line) -> None:
    """Wait until everything that was handed to the senders is done."""
    line.senders.shutdown(wait=True)
    line.senders = ThreadPoolExecutor(4)


def tick(line: Line) -> None:
    """Let the line make its offers, send its redirects and fire its timers, and wait for the provider's answers."""
    line.make_offers()
    line.fire_timers()
    settle(line)


def waiting(house: House, provider: ProviderDouble, *, second: int = 0) -> Caller:
    house.step_to(MONDAY_MORNING + second * SECOND)
    caller = Caller(house)
    caller.calls()
    caller.presses("0")
    caller.waits()
    provider.status[caller.sid] = "in-progress"
    return caller


def after(house: House, passed: timedelta) -> datetime:
    now = Clock(house.clock_file).now() + passed
    house.step_to(now)
    return now


def call_of(house: House, caller: Caller) -> Row[Any]:
    with house.engine.connect() as db:
        return db.execute(text("SELECT * FROM call WHERE call_sid = :sid"), {"sid": caller.sid}).one()


def offers(house: House) -> list[Row[Any]]:
    with house.engine.connect() as db:
        return list(db.execute(text("SELECT * FROM offer ORDER BY id")).all())


def operator(house: House, account_id: int) -> OperatorView:
    with house.engine.connect() as db:
        return get_operator(db, account_id)


def becomes(house: House, account_id: int, status: Status, reason: AwayReason | None = None) -> None:
    now = Clock(house.clock_file).now()
    by = Actor.operator(account_id)
    done(in_transaction(house.engine, lambda db: set_status(db, account_id, status, reason, by=by, now=now)))


def connected(house: House, line: Line, provider: ProviderDouble) -> tuple[Caller, int]:
    """Let the first caller talk with her operator; return the caller and the offer."""
    caller = waiting(house, provider)
    tick(line)
    ((sid, offer),) = provider.sent
    assert sid == caller.sid
    assert verbs(caller.is_redirected(offer)) == ["Dial"]
    assert verbs(caller.operator_picks_up(offer)) == []
    return caller, offer


def test_the_first_caller_goes_to_whoever_has_been_idle_longest(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    newest = available_operator(house.engine, "operator1")
    longest = available_operator(house.engine, "operator2")
    house.step_to(MONDAY_MORNING + SECOND)
    becomes(house, newest, Status.AWAY, AwayReason.BREAK)
    becomes(house, newest, Status.AVAILABLE)
    callers = [waiting(house, provider, second=n) for n in (2, 3, 4)]
    tick(line)
    assert [(each.account_id, each.state) for each in offers(house)] == [(longest, "pending"), (newest, "pending")]
    assert [sid for sid, _ in provider.sent] == [callers[0].sid, callers[1].sid]
    assert [call_of(house, each).state for each in callers] == ["offering", "offering", "queued"]


def test_nobody_is_offered_before_she_stands_in_the_queue(house: House, line: Line) -> None:
    available_operator(house.engine, "operator1")
    caller = Caller(house)
    caller.calls()
    caller.presses("0")
    tick(line)
    assert offers(house) == []


def test_two_lines_at_once_make_each_offer_once(house: House, line: Line, provider: ProviderDouble) -> None:
    for n in range(6):
        available_operator(house.engine, f"operator{n}")
    callers = [waiting(house, provider, second=n) for n in range(9)]
    lines = [line, *(Line(house.engine, Clock(house.clock_file), provider, f"line {n}") for n in range(3))]
    start = Barrier(len(lines))

    def run(each: Line) -> None:
        start.wait()
        while each.make_offers():
            pass
        settle(each)

    with ThreadPoolExecutor(len(lines)) as pool:
        list(pool.map(run, lines))
    assert sorted(sid for sid, _ in provider.sent) == sorted(each.sid for each in callers[:6])
    assert len({each.account_id for each in offers(house)}) == len(offers(house)) == 6


def test_a_redirected_caller_talks_and_the_talk_is_answered_when_the_operator_hears(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    tick(line)
    ((_, offer),) = provider.sent
    assert verbs(caller.leaves_queue("redirected")) == []
    assert verbs(caller.is_redirected(offer)) == ["Dial"]
    answered = after(house, 4 * SECOND)
    caller.operator_picks_up(offer)
    assert (call_of(house, caller).state, call_of(house, caller).answered_at) == ("connected", answered)


@pytest.mark.parametrize(
    ("answer", "patience"),
    [(Redirect.REFUSED, timedelta(0)), (Redirect.UNKNOWN, AFTER_AN_ERROR), (Redirect.DONE, AFTER_SILENCE)],
)
def test_a_caller_whom_no_redirect_reaches_leaves_by_her_own_document(
    house: House, line: Line, provider: ProviderDouble, answer: Redirect, patience: timedelta
) -> None:
    provider.answer = answer
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    tick(line)
    if patience:
        after(house, patience - SECOND)
        assert verbs(caller.waits()) == ["Pause"]
        after(house, SECOND)
    assert verbs(caller.waits()) == ["Leave"]
    assert verbs(caller.leaves_queue()) == ["Dial"]
    tick(line)
    assert len(provider.sent) == 1


def test_when_the_line_dies_before_it_sends_the_caller_leaves_by_herself_and_is_not_redirected_later(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    with house.engine.begin() as db:
        assign(db, Clock(house.clock_file), real_now=real_now())
    assert verbs(caller.waits()) == ["Pause"]
    after(house, NOT_SENT_FOR)
    assert verbs(caller.waits()) == ["Leave"]
    line.send_redirects()
    settle(line)
    assert provider.sent == []


def test_a_redirect_left_due_is_sent_by_the_next_line(house: House, line: Line, provider: ProviderDouble) -> None:
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    with house.engine.begin() as db:
        (offer,) = assign(db, Clock(house.clock_file), real_now=real_now())
    line.send_redirects()
    settle(line)
    assert provider.sent == [(caller.sid, offer)]


def test_a_caller_whom_the_provider_refuses_to_redirect_because_she_is_gone_is_ended(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    who = available_operator(house.engine, "operator1")
    provider.answer = Redirect.REFUSED
    caller = waiting(house, provider)
    provider.status[caller.sid] = "completed"
    tick(line)
    assert (call_of(house, caller).state, call_of(house, caller).outcome) == ("ended", "abandoned_queue")
    assert [each.state for each in offers(house)] == ["rescinded"]
    assert operator(house, who).activity == "idle"


def test_an_operator_whose_caller_hangs_up_keeps_her_turn(house: House, line: Line, provider: ProviderDouble) -> None:
    first = available_operator(house.engine, "operator1")
    caller = waiting(house, provider, second=1)
    tick(line)
    house.step_to(MONDAY_MORNING + 2 * SECOND)
    available = available_operator(house.engine, "operator2")
    assert available
    caller.ends()
    waiting(house, provider, second=3)
    tick(line)
    assert [each.account_id for each in offers(house)] == [first, first]


def test_an_operator_who_misses_a_call_is_parked_and_the_caller_goes_first_to_the_next(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    missed = available_operator(house.engine, "operator1")
    first = waiting(house, provider)
    tick(line)
    waiting(house, provider, second=1)
    ((_, offer),) = provider.sent
    first.is_redirected(offer)
    assert verbs(first.dial_ended(offer, "no-answer")) == ["Say", "Enqueue"]
    assert (operator(house, missed).status, operator(house, missed).reason) == ("away", "missed")
    other = available_operator(house.engine, "operator2")
    first.waits()
    tick(line)
    assert provider.sent[-1][0] == first.sid
    assert offers(house)[-1].account_id == other


def test_a_wrap_up_ends_by_itself_and_its_call_can_still_be_closed(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    who = available_operator(house.engine, "operator1")
    caller, offer = connected(house, line, provider)
    caller.dial_ended(offer, "completed", seconds=60)
    caller.ends()
    after(house, timedelta(seconds=119))
    tick(line)
    assert operator(house, who).activity == "acw"
    now = after(house, SECOND)
    tick(line)
    assert operator(house, who).activity == "idle"
    call_id = call_of(house, caller).id
    with house.engine.connect() as db:
        assert [each.id for each in list_unclosed(db, who)] == [call_id]
    by = Actor.operator(who)
    done(
        in_transaction(
            house.engine, lambda db: close_call(db, call_id, MainReason.QUESTION, account_id=who, by=by, now=now)
        )
    )
    with house.engine.connect() as db:
        assert list_unclosed(db, who) == []


def rung(house: House, line: Line, provider: ProviderDouble) -> tuple[Caller, int]:
    """Let the operator of a caller be rung, and everything that is told about it be lost."""
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    tick(line)
    ((_, offer),) = provider.sent
    caller.is_redirected(offer)
    caller.operator_status(offer, "ringing", 1)
    return caller, offer


@pytest.mark.parametrize(
    ("leg", "stands"),
    [
        ("in-progress", ("connected", "accepted")),
        ("ringing", ("offering", "pending")),
        ("completed", ("queued", "timed_out")),
        ("no-answer", ("queued", "timed_out")),
    ],
)
def test_an_offer_of_which_nothing_is_told_is_looked_after(
    house: House, line: Line, provider: ProviderDouble, leg: str, stands: tuple[str, str]
) -> None:
    caller, offer = rung(house, line, provider)
    provider.status[caller.operator_leg] = leg
    after(house, RING + AFTER_RING - SECOND)
    tick(line)
    assert call_of(house, caller).state == "offering"
    after(house, SECOND)
    tick(line)
    assert (call_of(house, caller).state, offers(house)[0].state) == stands
    assert offers(house)[0].id == offer


def test_an_overdue_offer_whose_caller_is_gone_ends_the_call(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    caller, _ = rung(house, line, provider)
    provider.status[caller.sid] = "completed"
    after(house, RING + AFTER_RING)
    tick(line)
    assert (call_of(house, caller).state, call_of(house, caller).outcome) == ("ended", "abandoned_queue")


def test_while_the_provider_cannot_be_asked_an_offer_is_kept_but_not_for_ever(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    caller, _ = rung(house, line, provider)
    provider.is_down = True
    after(house, RING + AFTER_RING)
    tick(line)
    assert call_of(house, caller).state == "offering"
    after(house, ON_OUR_OWN_AFTER)
    tick(line)
    assert (call_of(house, caller).state, offers(house)[0].state) == ("queued", "timed_out")


def test_a_redirect_without_effect_gives_the_caller_back_without_blaming_the_operator(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    who = available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    tick(line)
    after(house, REACH_WITHIN)
    tick(line)
    assert call_of(house, caller).state == "queued"
    assert operator(house, who).status == "available"
    after(house, LOOK_AGAIN)
    caller.waits()
    tick(line)
    assert [sid for sid, _ in provider.sent] == [caller.sid, caller.sid]


def test_a_late_redirect_of_an_offer_that_is_gone_brings_the_caller_back_to_her_place(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    tick(line)
    ((_, offer),) = provider.sent
    after(house, REACH_WITHIN)
    tick(line)
    assert verbs(caller.is_redirected(offer)) == ["Say", "Enqueue"]
    assert call_of(house, caller).enqueued_at == MONDAY_MORNING


def test_a_desk_that_falls_silent_gets_no_calls_and_a_talk_at_it_goes_on(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    talking = available_operator(house.engine, "operator1")
    caller, _ = connected(house, line, provider)
    idle = available_operator(house.engine, "operator2")
    long_ago = real_now() - timedelta(seconds=31)
    for each in (talking, idle):
        with house.engine.begin() as db:
            presence.heard_from(db, each, real_now=long_ago)
    waiting(house, provider, second=5)
    tick(line)
    assert len(offers(house)) == 1
    assert (operator(house, idle).status, operator(house, idle).reason) == ("away", "unreachable")
    assert (operator(house, talking).status, operator(house, talking).next_status) == ("available", "away")
    assert call_of(house, caller).state == "connected"


def test_a_desk_that_never_gave_a_sign_of_life_is_not_missed(house: House, line: Line) -> None:
    who = available_operator(house.engine, "operator1")
    tick(line)
    assert operator(house, who).status == "available"


def test_an_operator_whose_session_has_ended_gets_up_from_her_seat(house: House, line: Line) -> None:
    stays = available_operator(house.engine, "operator1")
    signed_in_at(house, "desk", "operator1")
    leaves = available_operator(house.engine, "operator2")
    line._now_and_then()
    settle(line)
    assert (operator(house, stays).status, operator(house, leaves).status) == ("available", "offline")
    with house.engine.connect() as db:
        events = db.execute(text("SELECT change, account_id, by_account_id FROM seat_event ORDER BY id")).all()
    assert tuple(events[-1]) == ("closed", leaves, None)


def test_a_call_that_ended_unheard_is_ended_by_the_look_at_the_provider_s_list(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    caller = waiting(house, provider)
    provider.status[caller.sid] = "completed"
    line.reconcile()
    assert call_of(house, caller).state == "queued"  # too young to be missed
    after(house, YOUNG)
    line.reconcile()
    assert (call_of(house, caller).state, call_of(house, caller).outcome) == ("ended", "abandoned_queue")


def test_a_call_the_provider_does_not_know_ends_only_after_a_long_silence(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    caller = waiting(house, provider)
    del provider.status[caller.sid]
    after(house, SILENT_IN_QUEUE)
    line.reconcile()
    assert call_of(house, caller).state == "queued"
    after(house, SECOND)
    line.reconcile()
    assert call_of(house, caller).state == "ended"


def test_a_caller_we_never_heard_of_is_brought_to_the_start_once_she_is_seen_twice(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    assert house
    provider.status["CA" + "f" * 32] = "in-progress"
    line.reconcile()
    assert provider.brought_back == []
    line.reconcile()
    assert provider.brought_back == ["CA" + "f" * 32]


def test_a_caller_whom_the_fallback_brings_back_keeps_her_place_and_no_operator_rings_for_nobody(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    caller, _ = rung(house, line, provider)
    caller.status = "in-progress"
    assert verbs(caller.calls()) == ["Say", "Enqueue"]
    assert (call_of(house, caller).state, offers(house)[0].state) == ("queued", "failed")
    assert call_of(house, caller).enqueued_at == MONDAY_MORNING


def test_after_hours_a_caller_is_not_left_waiting_when_nobody_is_at_work_any_more(
    house: House, provider: ProviderDouble
) -> None:
    who = available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    house.step_to(datetime.fromisoformat("2025-04-07T17:05:00+09:00"))
    assert "Pause" in verbs(caller.waits())
    becomes(house, who, Status.OFFLINE)
    assert verbs(caller.waits()) == ["Say", "Hangup"]
    caller.ends()
    assert call_of(house, caller).outcome == "failed"


def test_the_line_says_that_it_lives(house: House, line: Line) -> None:
    line._now_and_then()
    settle(line)
    with house.engine.connect() as db:
        assert db.execute(text("SELECT name FROM line_process")).scalars().all() == ["line under test"]


def test_a_late_redirect_of_another_offer_does_not_ring_the_operator_whose_own_is_on_its_way(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    tick(line)
    after(house, REACH_WITHIN)
    tick(line)  # nothing came of the first
    caller.waits()
    tick(line)
    (_, first), (_, second) = provider.sent
    assert verbs(caller.is_redirected(first)) == ["Say", "Enqueue"]
    assert offers(house)[1].dialled_at is None
    assert verbs(caller.is_redirected(second)) == ["Dial"]


def test_a_caller_whom_the_fallback_brings_back_is_left_to_the_redirect_that_is_on_its_way(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    tick(line)
    ((_, offer),) = provider.sent
    assert verbs(caller.calls()) == ["Say", "Enqueue"]
    assert verbs(caller.is_redirected(offer)) == ["Dial"]


def test_without_such_a_redirect_the_fallback_leads_to_her_operator_at_once(
    house: House, line: Line, provider: ProviderDouble
) -> None:
    available_operator(house.engine, "operator1")
    caller = waiting(house, provider)
    provider.answer = Redirect.REFUSED
    tick(line)
    assert verbs(caller.calls()) == ["Dial"]


@pytest.mark.parametrize("is_busy_again", [False, True])
def test_a_talk_whose_offer_was_given_up_unheard_counts_as_answered(
    house: House, line: Line, provider: ProviderDouble, *, is_busy_again: bool
) -> None:
    caller, offer = rung(house, line, provider)
    provider.is_down = True
    after(house, RING + AFTER_RING + ON_OUR_OWN_AFTER)
    tick(line)
    assert offers(house)[0].state == "timed_out"
    if is_busy_again:
        becomes(house, offers(house)[0].account_id, Status.AVAILABLE)
        waiting(house, provider)
        tick(line)
    assert verbs(caller.dial_ended(offer, "completed", seconds=80)) == ["Say", "Hangup"]
    assert (call_of(house, caller).state, call_of(house, caller).outcome) == ("ended", "answered")
    with house.engine.connect() as db:
        assert [each.id for each in list_unclosed(db, offers(house)[0].account_id)] == [call_of(house, caller).id]


def test_a_queue_that_could_not_be_made_at_the_start_is_made_once_the_provider_answers(
    line: Line, provider: ProviderDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for passed, provider.is_down in enumerate([True, False, False]):
        monkeypatch.setattr("ivr.line.real_now", lambda passed=passed: real_now() + passed * RECONCILE_EVERY)
        line.tick()
        settle(line)
        made.append(provider.queues_made)
    assert made == [0, 1, 1]
