"""Everybody of a day: who they are follows from the plan, and from the cards and accounts that are there for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from simulator.day.caller import CallerAtTheNetwork
from simulator.day.citizen import Citizen
from simulator.day.dice import Dice
from simulator.day.operator_at_work import Operator
from simulator.day.plan import Card, DayPlan, draw_callers, draw_citizens
from simulator.day.shifts import Shift, draw_reserve, draw_shifts
from simulator.day.supervisor import Supervisor
from simulator.day.town import Town
from simulator.network.server import Network
from simulator.opening_time import TOKYO

FIRST_LOOK, LAST_LOOK, LOOKS_EVERY = time(8, 30), time(18, 30), timedelta(minutes=30)
FINAL_LOOK = time(23, 59, 50)


@dataclass(frozen=True, slots=True)
class Props:
    """What the book was prepared with.

    Attributes:
        free, booked: cards without and with a booking, handed out in order.
        operators: logins of those who sit, and of the one in `reserve`; `supervisor` looks at the board; one password
            for all.
    """

    free: Sequence[Card]
    booked: Sequence[Card]
    operators: Sequence[str]
    reserve: str
    supervisor: str
    password: str


@dataclass
class Cast:
    """Everybody, ready to begin."""

    callers: list[CallerAtTheNetwork]
    operators: list[Operator]
    citizens: list[Citizen]
    supervisor: Supervisor

    def begin(self) -> None:
        """Let everybody plan her first step; nothing happens before the clock moves."""
        actors: list[Operator | CallerAtTheNetwork | Citizen | Supervisor] = [*self.operators, *self.callers]
        for each in (*actors, *self.citizens, self.supervisor):
            each.begin()


def make_cast(plan: DayPlan, props: Props, town: Town, network: Network) -> Cast:
    free, booked = iter(props.free), iter(props.booked)
    callers = draw_callers(plan, free, booked)
    citizens = draw_citizens(plan, free)
    shifts = draw_shifts(plan.day, props.operators, plan.seed)
    reserve = _at_work(plan, props, town, draw_reserve(plan.day, props.reserve, plan.seed))
    return Cast(
        callers=[CallerAtTheNetwork(town, network, each) for each in callers],
        operators=[*(_at_work(plan, props, town, shift) for shift in shifts), reserve],
        citizens=[Citizen(town, each, Dice(plan.seed, plan.day, "on the web", each.id)) for each in citizens],
        supervisor=Supervisor(town, props.supervisor, props.password, looks_at(plan), reserve),
    )


def _at_work(plan: DayPlan, props: Props, town: Town, shift: Shift) -> Operator:
    return Operator(town, shift, props.password, Dice(plan.seed, plan.day, "at work", shift.login))


def looks_at(plan: DayPlan) -> list[datetime]:
    """Return when the supervisor looks at the board: every half hour of the day's work, and at its very end."""
    moment = datetime.combine(plan.day, FIRST_LOOK, TOKYO)
    last = datetime.combine(plan.day, LAST_LOOK, TOKYO)
    looks = []
    while moment <= last:
        looks.append(moment)
        moment += LOOKS_EVERY
    return [*looks, datetime.combine(plan.day, FINAL_LOOK, TOKYO)]
