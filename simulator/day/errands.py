"""Why people call, in the proportions of the specification's volumes (3-2, requirements §B), and how long it takes.

Of 15,480 calls a month 9,375 book, 938 change or cancel, 5,167 only ask. How the bookings fall to the three services
and how many of the changes cancel is not said there; these shares are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from simulator.day.dice import Dice


class Errand(StrEnum):
    """What a caller wants."""

    DELIVERY = "delivery"
    CERTIFICATE = "certificate"
    APPLICATION = "application"
    MOVE = "move"
    CANCEL = "cancel"
    QUESTION = "question"


BOOKINGS, CHANGES, QUESTIONS = 9_375, 938, 5_167
SERVICES: Mapping[Errand, float] = {Errand.DELIVERY: 0.45, Errand.CERTIFICATE: 0.40, Errand.APPLICATION: 0.15}
CANCELLED_SHARE = 0.3
BOOKS = frozenset(SERVICES)
NEEDS_BOOKED_CARD = frozenset({Errand.MOVE, Errand.CANCEL})

KEYS: Mapping[Errand, str] = {
    Errand.DELIVERY: "1",
    Errand.CERTIFICATE: "2",
    Errand.APPLICATION: "2",
    Errand.MOVE: "3",
    Errand.CANCEL: "3",
    Errand.QUESTION: "0",
}
"""What she presses in the menu, if she presses what it says."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a call takes on the mean, in seconds: the talk, and the writing up after it."""

    talk: float
    wrap_up: float


EFFORT: Mapping[Errand, Effort] = {
    Errand.DELIVERY: Effort(345, 60),
    Errand.CERTIFICATE: Effort(360, 70),
    Errand.APPLICATION: Effort(400, 70),
    Errand.MOVE: Effort(310, 55),
    Errand.CANCEL: Effort(220, 45),
    Errand.QUESTION: Effort(280, 50),
}


def draw_errand(dice: Dice) -> Errand:
    kind = dice.weighted({"booking": BOOKINGS, "change": CHANGES, "question": QUESTIONS})
    if kind == "booking":
        return dice.weighted(SERVICES)
    if kind == "change":
        return Errand.CANCEL if dice.chance(CANCELLED_SHARE) else Errand.MOVE
    return Errand.QUESTION
