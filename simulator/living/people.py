"""Who calls and who books in a living demo: drawn as they come, with errands that leave the book as full as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from simulator.day.dice import Dice
from simulator.day.errands import EFFORT, KEYS, Errand
from simulator.day.plan import CallerPlan, Card, CitizenPlan

FIRST_CARD, LAST_CARD = 1_261, 1_460
"""The cards that are the simulator's own: those before them are for visitors."""

ERRANDS: Mapping[Errand, float] = {
    Errand.DELIVERY: 0.35,
    Errand.CANCEL: 0.15,
    Errand.CERTIFICATE: 0.12,
    Errand.APPLICATION: 0.05,
    Errand.QUESTION: 0.33,
}
"""Who has a letter and a booking already moves it instead: the shared screens see to that."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How lively it is, in seconds; three operators keep up with it.

    Attributes:
        talk: which part of an ordinary talk one takes: a visitor sees a whole call within two minutes.
        look_every: how often operators look after themselves.
    """

    caller_every: float = 40.0
    citizen_every: float = 90.0
    talk: float = 0.2
    look_every: float = 5.0


def draw_caller(dice: Dice, number: int, now: datetime, pace: Pace) -> CallerPlan:
    errand = dice.weighted(ERRANDS)
    effort = EFFORT[errand]
    return CallerPlan(
        id=number,
        at=now,
        number="anonymous" if dice.chance(0.06) else f"+817512{number % 100_000:05d}",
        errand=errand,
        card=_card(dice) if errand in {Errand.DELIVERY, Errand.CANCEL} else None,
        presses=((dice.between(3, 9), KEYS[errand]),) if dice.chance(0.85) else (),
        leaves_menu_after=dice.between(2, 10) if dice.chance(0.03) else None,
        patience_seconds=60 + dice.exponential(120),
        mistypes=dice.weighted({0: 0.95, 1: 0.05}),
        rings_off_after=None,
        talk_seconds=dice.around(effort.talk * pace.talk),
        wrap_up_seconds=dice.around(effort.wrap_up * pace.talk),
        redials=(),
    )


def draw_citizen(dice: Dice, number: int, now: datetime) -> CitizenPlan:
    return CitizenPlan(id=number, at=now, card=_card(dice), mistypes=0, then="", then_after=0)


def _card(dice: Dice) -> Card:
    n = FIRST_CARD + int(dice.between(0, LAST_CARD - FIRST_CARD))
    return Card(f"9{n:09d}", f"{12340000 + n}")
