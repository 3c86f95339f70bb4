"""Which of the four steps of a call an operator is shown as the next one."""

from datetime import UTC, datetime

import pytest

from booking_core.models import ServiceCode, Verb
from ivr.queue.calls import CallBookingView, CallView
from ivr.queue.models import CallState, OfferState, Topic
from operator_ui.call_steps import CallStep, next_step
from tests.conftest import House
from tests.talk import MINE, choose, in_a_call

NINE = datetime(2025, 4, 7, 0, tzinfo=UTC)
HERS, ANOTHERS = 7, 8


def call(*, card: int | None = None, topic: Topic | None = None, state: CallState = CallState.CONNECTED) -> CallView:
    return CallView(
        id=1, state=state, outcome=None, from_number=None, received_at=NINE, enqueued_at=NINE, answered_at=NINE,
        ended_at=None, identified_card_id=card, identified_by=None, topic=topic, main_reason=None, closed_at=None,
        offer_id=1, offer_state=OfferState.ACCEPTED, account_id=1, dialled_at=NINE, bookings_of_number=0,
    )  # fmt: skip


def done(
    verb: Verb = Verb.BOOK, *, booking: int = HERS, service: ServiceCode = ServiceCode.DELIVERY, told: bool = True
) -> CallBookingView:
    return CallBookingView(1, booking, verb, service, NINE if told else None, verb != Verb.CANCEL)


@pytest.mark.parametrize(
    ("standing", "bookings", "her_booking", "expected"),
    [
        (call(), [], None, CallStep.IDENTIFY),
        (call(topic=Topic.DELIVERY), [], None, CallStep.IDENTIFY),
        (call(topic=Topic.OTHER_SERVICE), [], None, CallStep.BOOK),
        (call(card=3), [], None, CallStep.BOOK),
        (call(card=3, topic=Topic.CHANGE), [], HERS, CallStep.BOOK),
        (call(card=3), [done(told=False)], HERS, CallStep.READ_BACK),
        (call(card=3, state=CallState.ENDED), [done(told=False)], HERS, CallStep.READ_BACK),
        (call(card=3), [done()], HERS, CallStep.CLOSE),
        (call(card=3), [done(Verb.CANCEL)], None, CallStep.CLOSE),
        (call(card=3), [done(service=ServiceCode.CERTIFICATE)], None, CallStep.CLOSE),
        (call(), [done(service=ServiceCode.APPLICATION)], None, CallStep.CLOSE),
        (call(), [done()], None, CallStep.IDENTIFY),  # the first of a family is served, the next is to be identified
        (call(card=4), [done()], None, CallStep.BOOK),
        (call(card=4), [done()], ANOTHERS, CallStep.BOOK),
        (call(state=CallState.ENDED), [], None, CallStep.CLOSE),
    ],
)
def test_the_next_step_follows_from_what_was_done(
    standing: CallView, bookings: list[CallBookingView], her_booking: int | None, expected: CallStep
) -> None:
    assert next_step(standing, bookings, her_booking=her_booking) == expected


def test_the_page_marks_one_step_and_no_step_of_a_call_that_is_not_hers(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)
    assert "2 予約次はここ" in desk.open(page).text()
    choose(desk, page).submit({"phone": "075-123-4567"}, action="/slot/")
    assert "3 復唱次はここ" in desk.text()
    assert desk.text().count("次はここ") == 1
    desk.submit(action="/read-back").submit({"main_reason": "new_booking"}, action="/close")
    assert "次はここ" not in desk.open(page).text()


def test_the_bar_says_on_every_page_for_whom_she_works(house: House) -> None:
    desk, page, _, _ = in_a_call(house, "operator1", MINE)

    def caller() -> str:
        return str(desk.client.get("/desk/line/state").get_json()["call"]["caller"])

    assert caller() == "本人：テスト 様"
    desk.open(page).submit(action="/next-person")
    assert caller() == "本人：未確認"
