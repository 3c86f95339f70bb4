"""What an operator does next in a call: identify, book, read back, close. The page marks one of the four."""

from collections.abc import Sequence
from enum import IntEnum

from booking_core.models import ServiceCode, Verb
from ivr.queue.calls import CallBookingView, CallView
from ivr.queue.models import CallState, Topic


class CallStep(IntEnum):
    """The steps in the order of the talk, numbered as the page numbers them."""

    IDENTIFY = 1
    BOOK = 2
    READ_BACK = 3
    CLOSE = 4


def next_step(call: CallView, done: Sequence[CallBookingView], *, her_booking: int | None) -> CallStep:
    """Return the next step of the talk. It is advice: every other step stays open to an operator.

    Args:
        call: in the operator's hand.
        done: what was booked, moved or cancelled in it, in order.
        her_booking: the identified caller's live booking. One that was not made in this call may be why she calls; and
            after the first of a family was booked for, the next has none.
    """
    if any(each.to_be_read_back for each in done):
        return CallStep.READ_BACK
    if call.state == CallState.ENDED:
        return CallStep.CLOSE
    last = done[-1] if done else None
    if call.identified_card_id is None:
        if last and last.service_code != ServiceCode.DELIVERY:
            return CallStep.CLOSE
        return CallStep.BOOK if call.topic == Topic.OTHER_SERVICE else CallStep.IDENTIFY
    served = last and (
        last.booking_id == her_booking or last.verb == Verb.CANCEL or last.service_code != ServiceCode.DELIVERY
    )
    return CallStep.CLOSE if served else CallStep.BOOK
