"""Whatever callers, operators and the product do in whatever order, every call ends once and nothing is left over."""

from collections import Counter
from random import Random

import pytest

from simulator.network.callers import Caller
from simulator.network.calls import Ask
from simulator.network.conferences import RoomStatus
from simulator.network.orders import hang_up, send_elsewhere
from tests.simulator.conftest import Operator, Stage
from tests.simulator.product import EMPTY, dial, document, say

OPERATORS, CALLS, SECONDS = 4, 40, 600
LEG = 'url="/voice/whisper" statusCallback="/voice/leg" statusCallbackEvent="initiated ringing answered completed"'


@pytest.mark.parametrize("seed", range(12))
def test_every_call_ends_once_and_nothing_is_left_over(stage: Stage, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - it has to be the same again
    _write_product(stage, chance)
    operators = [stage.operator(f"op_{number}") for number in range(OPERATORS)]
    callers: list[Caller] = []
    for _ in range(SECONDS):
        if len(callers) < CALLS and chance.random() < 0.15:
            callers.append(stage.call(f"+8190{len(callers):08d}", patience=chance.choice([20, 90, 600])))
        for caller in callers:
            _act(stage, caller, chance)
        for operator in operators:
            _work(operator, chance)
        stage.run(1)
    for caller in callers:
        caller.hang_up()
    stage.run(60)
    _check(stage, callers, operators)


def _write_product(stage: Stage, chance: Random) -> None:
    """Answer anything that could come in a call; now and then somebody acts while the answer is on its way."""
    menu = f'<Gather numDigits="1" timeout="4" action="/voice/menu">{say("番号を押してください。")}</Gather>'
    enqueue = '<Enqueue waitUrl="/voice/wait" action="/voice/left-queue">madoguchi</Enqueue>'
    room = '<Dial action="/voice/dial-ended"><Conference endConferenceOnExit="true">room</Conference></Dial>'
    record = '<Record timeout="3" action="/voice/dial-ended"/>'

    def meanwhile(form: dict[str, str], answer: str) -> str:
        call, exchange = stage.network.exchange.calls[form["CallSid"]], stage.network.exchange
        deed = chance.random()
        with exchange.entered():
            if deed < 0.02:
                hang_up(exchange, call)
            elif deed < 0.04:
                send_elsewhere(call, Ask(f"{stage.product.url}/voice/elsewhere"))
        return answer

    def connect(form: dict[str, str]) -> str:
        return meanwhile(form, document(dial(f"op_{chance.randrange(OPERATORS + 1)}", noun=LEG)))

    def left_queue(form: dict[str, str]) -> str:
        return EMPTY if form["QueueResult"] in {"redirected", "hangup"} else connect(form)

    def dial_ended(form: dict[str, str]) -> str:
        again = form.get("DialCallStatus") in {"no-answer", "busy"}
        return meanwhile(form, document(enqueue) if again else EMPTY)

    pauses, whispers = (
        document('<Pause length="3"/>'),
        [EMPTY, EMPTY, document(say("入電です。")), document("<Hangup/>")],
    )
    stage.answer(
        incoming=lambda form: meanwhile(form, document(menu, enqueue)),
        menu=lambda form: meanwhile(form, document(chance.choice([enqueue, enqueue, room, record, "<Hangup/>"]))),
        wait=lambda form: meanwhile(form, pauses if chance.random() < 0.9 else document("<Leave/>")),
        left_queue=left_queue,
        connect=connect,
        whisper=lambda form: meanwhile(form, chance.choice(whispers)),
        dial_ended=dial_ended,
        elsewhere=document('<Pause length="9"/>', "<Hangup/>"),
    )


def _act(stage: Stage, caller: Caller, chance: Random) -> None:
    deed = chance.random()
    if deed < 0.006:
        caller.hang_up()
    elif deed < 0.05:
        caller.press(chance.choice("0123456789*#"))
    elif deed < 0.056:
        with stage.network.exchange.entered():
            send_elsewhere(caller.call, Ask(f"{stage.product.url}/voice/{chance.choice(['connect', 'elsewhere'])}"))


def _work(operator: Operator, chance: Random) -> None:
    if "incoming" not in operator.kinds:
        return
    exchange, deed = operator.network.exchange, chance.random()
    leg = exchange.clients.legs.get(operator.leg)
    if leg is None:
        return
    if deed < 0.2:
        operator.accept()
    elif deed < 0.24 and operator.registration in leg.ringing:
        operator.reject()
    elif deed < 0.28 and leg.taken_by is operator.registration:
        operator.hang_up()
    elif deed < 0.3 and leg.taken_by is operator.registration:
        with exchange.entered():
            send_elsewhere(leg.call, Ask(f"{exchange.account.voice_url}/voice/elsewhere"))


def _check(stage: Stage, callers: list[Caller], operators: list[Operator]) -> None:
    exchange = stage.network.exchange
    assert [call.sid for call in exchange.calls.values() if not call.over] == []
    ends = Counter(told["CallSid"] for told in stage.product.to("/voice/status"))
    assert ends == Counter(caller.call.sid for caller in callers)
    told = Counter((each["CallSid"], each["SequenceNumber"]) for each in stage.product.to("/voice/leg"))
    assert set(told.values()) <= {1}
    assert all(not queue.members for queue in exchange.queues.values())
    assert all(room.status is RoomStatus.COMPLETED and not room.participants for room in exchange.rooms.values())
    assert exchange.clients.legs == {}
    assert all(operator.registration.talking is None for operator in operators)
    for operator in operators:
        counts = Counter(operator.kinds)
        assert counts["connected"] == counts["disconnected"]
        assert counts["incoming"] == counts["connected"] + counts["cancel"]
    assert stage.codes == []
