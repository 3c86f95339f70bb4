"""What each person of a day is going to do, drawn from the seed before the day begins."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from simulator.day import arrivals
from simulator.day.dice import Dice
from simulator.day.errands import EFFORT, NEEDS_BOOKED_CARD, Errand, draw_errand
from simulator.day.errands import KEYS as KEY_OF

FULL_DAY = 750
"""Callers of an ordinary working day: 15,480 calls a month on 124 days in six months (requirements §B)."""

WEB_BOOKERS = 376
"""Citizens who book on the web on such a day."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a citizen's letter says."""

    number: str
    password: str


@dataclass(frozen=True, slots=True)
class CallerPlan:
    """One caller.

    Attributes:
        at: when she calls first.
        number: what her telephone shows; `anonymous` for nobody's.
        card: the letter in her hand; None where her errand needs none.
        presses: keys in the menu, each so many seconds after the call is answered, or after the key before.
        leaves_menu_after: seconds after which she hangs up while our voice still speaks; None: she stays.
        patience_seconds: how long she waits for a person, from dialling on.
        mistypes: how often she tells the wrong password before the right one; more than two is never the right one.
        rings_off_after: share of the talk after which she hangs up before anything is done; None: she does not.
        redials: pauses in seconds after which she calls again, if nobody has talked to her.
    """

    id: int
    at: datetime
    number: str
    errand: Errand
    card: Card | None
    presses: tuple[tuple[float, str], ...]
    leaves_menu_after: float | None
    patience_seconds: float
    mistypes: int
    rings_off_after: float | None
    talk_seconds: float
    wrap_up_seconds: float
    redials: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CitizenPlan:
    """One citizen on the web.

    Attributes:
        mistypes: how often she gets her password wrong first; she gives up after the third time.
        then: `move` or `cancel` what she has booked, or nothing.
        then_after: so many seconds later.
    """

    id: int
    at: datetime
    card: Card
    mistypes: int
    then: str
    then_after: float


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Which day is played, how large, and with which chance."""

    day: date
    callers: int
    seed: int

    @property
    def share(self) -> float:
        """How large the day is beside an ordinary one; above 1 for a rush."""
        return self.callers / FULL_DAY

    @property
    def web_bookers(self) -> int:
        return max(1, round(self.callers * WEB_BOOKERS / FULL_DAY))

    @property
    def callers_outside_hours(self) -> int:
        return max(1, round(self.callers * arrivals.OUTSIDE_HOURS_SHARE))


def draw_callers(plan: DayPlan, free: Iterator[Card], booked: Iterator[Card]) -> list[CallerPlan]:
    """Return the callers in the order in which they call; each who needs a letter gets the next one."""
    in_hours = [(n, arrivals.call_in_hours) for n in range(plan.callers)]
    outside = [(n + plan.callers, arrivals.call_outside_hours) for n in range(plan.callers_outside_hours)]
    drawn = [_draw_caller(plan, n, when, free, booked) for n, when in in_hours + outside]
    return sorted(drawn, key=lambda each: (each.at, each.id))


def draw_citizens(plan: DayPlan, free: Iterator[Card]) -> list[CitizenPlan]:
    """Return the citizens who come to the web, in order."""
    drawn = [_draw_citizen(plan, n, next(free)) for n in range(plan.web_bookers)]
    return sorted(drawn, key=lambda each: (each.at, each.id))


def _draw_caller(
    plan: DayPlan,
    n: int,
    when: Callable[[date, Dice], datetime],
    free: Iterator[Card],
    booked: Iterator[Card],
) -> CallerPlan:
    dice = Dice(plan.seed, plan.day, "caller", n)
    at, errand = when(plan.day, dice), draw_errand(dice)
    card = next(booked) if errand in NEEDS_BOOKED_CARD else next(free) if errand is Errand.DELIVERY else None
    effort = EFFORT[errand]
    return CallerPlan(
        id=n,
        at=at,
        number="anonymous" if dice.chance(0.06) else f"+817512{n:05d}",
        errand=errand,
        card=card,
        presses=_draw_keys(dice, errand),
        leaves_menu_after=dice.between(1, 12) if dice.chance(0.02) else None,
        patience_seconds=dice.between(15, 30) + arrivals.patience(dice),
        mistypes=dice.weighted({0: 0.9, 1: 0.06, 2: 0.03, 3: 0.01}) if card else 0,
        rings_off_after=dice.between(0.1, 0.15) if dice.chance(0.01) else None,
        talk_seconds=dice.around(effort.talk),
        wrap_up_seconds=dice.around(effort.wrap_up) + (70 if dice.chance(0.04) else 0),
        redials=_draw_redials(dice),
    )


def _draw_keys(dice: Dice, errand: Errand) -> tuple[tuple[float, str], ...]:
    """Most press what the menu says, some nothing at all, a few first a key to no choice."""
    how = dice.weighted({"right": 0.78, "silent": 0.15, "wrong first": 0.05, "wrong twice": 0.02})
    right = KEY_OF[errand]
    match how:
        case "right":
            return ((dice.between(4, 18), right),)
        case "wrong first":
            return ((dice.between(4, 12), "9"), (dice.between(6, 14), right))
        case "wrong twice":
            return ((dice.between(4, 12), "7"), (dice.between(6, 14), "8"))
    return ()


def _draw_redials(dice: Dice) -> tuple[float, ...]:
    """Four of ten who were not answered call again within half an hour; some of them a second time."""
    pauses: list[float] = []
    while len(pauses) < 2 and dice.chance(0.4):  # noqa: PLR2004 - nobody calls a fourth time
        pauses.append(dice.between(60, 1800))
    return tuple(pauses)


def _draw_citizen(plan: DayPlan, n: int, card: Card) -> CitizenPlan:
    dice = Dice(plan.seed, plan.day, "citizen", n)
    return CitizenPlan(
        id=n,
        at=arrivals.visit_on_the_web(plan.day, dice),
        card=card,
        mistypes=dice.weighted({0: 0.92, 1: 0.05, 2: 0.02, 3: 0.01}),
        then=dice.weighted({"": 0.88, "move": 0.08, "cancel": 0.04}),
        then_after=dice.between(300, 4 * 3600),
    )
