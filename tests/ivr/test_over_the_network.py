"""Whole calls over a telephone network: our documents executed, our requests judged, nothing told behind its back."""

from collections.abc import Callable, Iterator

import pytest

from ivr.provider import ProviderDown
from simulator.network.callback_delivery import Delivery
from simulator.network.rest_faults import Fault
from simulator.network.scripts import Script, Step
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.exchange import Exchange, Operator, exchange

CALLER = "+819012345678"
PRESSES_0 = Step(heard="1を", press="0")
FOR_A_PERSON = Script((PRESSES_0,))
STATES = "SELECT string_agg(state || ':' || coalesce(outcome, ''), ' ' ORDER BY id) FROM call"
BUSY = "SELECT count(*) FROM offer WHERE state IN ('pending', 'accepted')"


@pytest.fixture
def telephone(open_house: Callable[..., House]) -> Iterator[Exchange]:
    with exchange(open_house) as running:
        for n in (1, 2, 3):
            add_staff(running.house.engine, f"operator{n}")
        yield running
        assert [str(each) for each in running.network.debugger.violations] == []


def talk_and_hang_up(telephone: Exchange, who: Operator, *, nth: int = 1) -> None:
    """Let her answer, and hang up once the two are connected: before that nobody has talked."""
    leg = who.answers(nth=nth)
    telephone.until_joined(leg)
    who.softphone.hang_up(leg)


def test_a_call_goes_from_the_menu_to_an_operator_who_hangs_up_and_closes_it(telephone: Exchange) -> None:
    who = telephone.at_work("operator1")
    caller = telephone.network.call(CALLER, script=Script((Step(heard="1を", press="1"),)))
    leg = who.answers()
    telephone.until("SELECT state FROM call", "connected")
    telephone.until_joined(leg)
    assert telephone.scalar("SELECT topic FROM call") == "delivery"
    page = who.desk.open("/desk/").links()["対応の画面を開く"]
    who.softphone.hang_up(leg)
    telephone.until(STATES, "ended:answered")
    telephone.until_heard(caller, "お電話ありがとうございました。")
    telephone.until("SELECT state FROM offer", "wrapping")
    who.desk.open(page).submit({"main_reason": "question"}, action="/close")
    assert telephone.scalar("SELECT state FROM offer") == "completed"


def test_silence_and_a_wrong_key_lead_to_a_person(telephone: Exchange) -> None:
    who = telephone.at_work("operator1")
    telephone.network.call(CALLER)
    talk_and_hang_up(telephone, who)
    telephone.until(STATES, "ended:answered")
    page = who.desk.open("/desk/").links()["対応の画面を開く"]
    who.desk.open(page).submit({"main_reason": "other"}, action="/close")
    wrong = Script((Step(heard="1を", press="9"), Step(heard="1を", press="8")))
    telephone.network.call(CALLER, script=wrong)
    who.answers(nth=2)
    assert telephone.scalar("SELECT max(wrong_keys) FROM call") == 2


def test_an_operator_who_declines_passes_the_caller_on_and_is_parked(telephone: Exchange) -> None:
    first = telephone.at_work("operator1")
    telephone.network.call(CALLER, script=FOR_A_PERSON)
    leg = str(first.softphone.wait_for("incoming", seconds=60).data["leg"])
    first.softphone.reject(leg)
    telephone.until("SELECT reason FROM operator_state", "missed")
    second = telephone.at_work("operator2")
    talk_and_hang_up(telephone, second)
    telephone.until(STATES, "ended:answered")
    assert telephone.scalar("SELECT count(*) FROM offer") == 2


def test_an_operator_without_a_telephone_is_parked_and_the_caller_waits_on(telephone: Exchange) -> None:
    signed_in_at(telephone.house, "desk", "operator1").submit({"status": "available"}, action="/desk/status")
    telephone.network.call(CALLER, script=FOR_A_PERSON)
    telephone.until("SELECT reason FROM operator_state", "missed")
    telephone.until("SELECT state FROM call", "queued")


@pytest.mark.parametrize(
    "script",
    [
        Script((Step(when="answered", hang_up=True),)),
        Script((PRESSES_0, Step(when="queued", after=0.1, hang_up=True))),
        Script((PRESSES_0, Step(when="ringing_out", hang_up=True))),
        Script((PRESSES_0, Step(when="connected", after=0.2, hang_up=True))),
    ],
    ids=["in the menu", "in the queue", "while it rings", "in the talk"],
)
def test_a_caller_may_hang_up_at_any_moment(telephone: Exchange, script: Script) -> None:
    who = telephone.at_work("operator1")
    telephone.network.call(CALLER, script=script)
    if script.steps[-1].when == "connected":
        who.answers()
    telephone.until("SELECT state FROM call", "ended")
    telephone.until(BUSY, 0)
    answered = script.steps[-1].when == "connected"
    assert (telephone.scalar("SELECT outcome FROM call") == "answered") is answered
    assert telephone.scalar("SELECT status FROM operator_state") == "available"


@pytest.mark.parametrize(
    ("fault", "noted"),
    [
        (Fault.TOO_MANY, "refused"),
        (Fault.SERVER_ERROR, "unknown"),
        (Fault.SERVER_ERROR_AFTER, "unknown"),
        (Fault.GARBLED_AFTER, "unknown"),
    ],
)
def test_a_redirect_that_fails_costs_nobody_her_operator(telephone: Exchange, fault: Fault, noted: str) -> None:
    telephone.network.rest_faults.plan(fault, only="/Calls/", method="POST")
    who = telephone.at_work("operator1")
    telephone.network.call(CALLER, script=FOR_A_PERSON)
    talk_and_hang_up(telephone, who)
    telephone.until(STATES, "ended:answered")
    assert telephone.scalar("SELECT count(*) FROM offer") == 1
    telephone.until("SELECT redirect FROM offer", noted)


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.GARBLED_AFTER])
def test_an_answer_that_cannot_be_read_is_the_provider_failing(telephone: Exchange, fault: Fault) -> None:
    provider, faults = telephone.line.provider, telephone.network.rest_faults
    for ask in (lambda: provider.find_call("CA" + "0" * 32), provider.list_live_calls, provider.make_queue):
        faults.plan(fault, times=100)  # the line asks, too, as often as it likes
        with pytest.raises(ProviderDown):
            ask()
        faults.clear()


@pytest.mark.parametrize("delivery", [Delivery.TWICE, Delivery.REORDERED, Delivery.NEVER])
def test_callbacks_may_come_twice_out_of_order_or_never(telephone: Exchange, delivery: Delivery) -> None:
    telephone.network.exchange.delivery.usual = delivery
    who = telephone.at_work("operator1")
    telephone.network.call(CALLER, script=FOR_A_PERSON)
    talk_and_hang_up(telephone, who)
    telephone.until(STATES, "ended:answered")
    telephone.until("SELECT state FROM offer", "wrapping")


def test_many_callers_and_few_operators_end_in_one_outcome_each(telephone: Exchange) -> None:
    workers = [telephone.at_work(f"operator{n}") for n in (1, 2, 3)]
    callers = [telephone.network.call(f"+819000000{n:03d}", script=FOR_A_PERSON) for n in range(12)]
    for nth in (1, 2, 3):
        for each in workers:
            talk_and_hang_up(telephone, each, nth=nth)
            page = each.desk.open("/desk/").links()["対応の画面を開く"]
            each.desk.open(page)
            call = page.rstrip("/").rpartition("/")[2]
            telephone.until("SELECT state FROM offer WHERE call_id = :call", "wrapping", call=call)
            each.desk.submit({"main_reason": "question"}, action="/close")
    for caller in callers:
        caller.hang_up()
    telephone.until("SELECT count(*) FROM call WHERE state = 'ended'", 12)
    telephone.until("SELECT count(*) FROM call WHERE outcome = 'answered'", 9)
    # Who came within the same moment came together: their requests are under way at once.
    order = telephone.scalar(
        "SELECT coalesce(bool_and(a.first_offered_at <= b.first_offered_at), true) FROM call a JOIN call b"
        " ON a.enqueued_at + interval '1 s' < b.enqueued_at WHERE b.first_offered_at IS NOT NULL"
    )
    assert order is True
