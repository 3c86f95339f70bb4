"""The living demo: everybody acts in one thread, the timeline's; whatever goes wrong is tried again a little later."""

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from simulator.browser import Unexpected
from simulator.day.citizen import Citizen
from simulator.day.dice import Dice
from simulator.day.operator_at_work import Operator
from simulator.day.record import Record
from simulator.day.site import Declined, Site
from simulator.day.town import Telephone, Tell, Town
from simulator.living.hours import is_open, is_time_to_call
from simulator.living.network_over_http import NetworkOverHttp, TelephoneOverHttp
from simulator.living.people import Pace, draw_caller, draw_citizen
from simulator.living.staff import Employee
from simulator.network.timeline import RealTimeline, Timer
from simulator.opening_time import business_time

LOGINS = ("sim1", "sim2", "sim3")
PASSWORD = "Madoguchi-2025"  # noqa: S105 - the demo's sign-ins are public
LONGEST_PAUSE = timedelta(minutes=5)
"""Whoever asked for a pause and died must not end the play."""

MOST_REMEMBERED = 200
PATIENCE_SECONDS = 30.0


class Guarded(RealTimeline):
    """A timeline that ends the program when somebody's step breaks; started again, nobody is left standing."""

    def __init__(self, broken: threading.Event) -> None:
        self._broken = broken
        super().__init__()

    def call_later(self, seconds: float, happen: Callable[[], None]) -> Timer:
        def guarded() -> None:
            try:
                happen()
            except Exception:  # noqa: BLE001 - whatever it is, the program must not go on without this thread
                traceback.print_exc()
                self._broken.set()

        return super().call_later(seconds, guarded)


@dataclass
class Living:
    """The play. `begin` starts it, `end` sends the operators home."""

    site: str
    network_url: str
    clock_file: Path | None
    say: Callable[[str], None]
    pace: Pace = field(default_factory=Pace)
    broken: threading.Event = field(default_factory=threading.Event)
    paused_until: datetime | None = None
    _number: int = 0

    def __post_init__(self) -> None:
        self.timeline = Guarded(self.broken)
        self.network = NetworkOverHttp(self.network_url, self._soon)
        self.town = Town(self.timeline, Site(self.site), self._telephone, self.network.put_down, Record())
        self.dice = Dice("living", self.timeline.now())
        self.employees = [
            Employee(self.town, login, PASSWORD, Dice(login, self.timeline.now()), self.say, _refresh)
            for login in LOGINS
        ]

    def begin(self) -> None:
        self._soon(self._look)
        self._soon(self._call)
        self._soon(self._book)

    def end(self) -> None:
        """Let the operators go home, as far as the product still answers."""
        self.timeline.close()
        for each in self.employees:
            try:
                each.go_home()
            except (Unexpected, Declined):
                continue

    def pause(self) -> None:
        """Stand aside: nobody of ours waits or takes calls any more once this returns; talks go on to their end."""
        self._in_turn(self._pause)

    def resume(self) -> None:
        self._in_turn(self._resume)

    # -- in the timeline's thread -------------------------------------------------------------------------------

    @property
    def is_paused(self) -> bool:
        return self.paused_until is not None and self.timeline.now() < self.paused_until

    def _look(self) -> None:
        works = is_open(self._business_now())
        for each in self.employees:
            each.look_after(works=works, paused=self.is_paused)
        del self.town.record.deeds[:-MOST_REMEMBERED], self.town.record.refusals[:-MOST_REMEMBERED]
        for told in self.town.record.unexpected:
            self.say(told)
        self.town.record.unexpected.clear()
        self._later(self.pace.look_every, self._look)

    def _call(self) -> None:
        self._later(self.dice.between(0.4, 1.6) * self.pace.caller_every, self._call)
        if self.is_paused or not is_time_to_call(self._business_now()) or not self._anybody_at_work():
            return
        self._number += 1
        plan = draw_caller(self.dice, self._number, self.town.now(), self.pace)
        try:
            self.town.talks[self.network.dial(plan)] = plan
        except Unexpected as found:
            self.say(str(found))
        while len(self.town.talks) > MOST_REMEMBERED:
            self.town.talks.pop(next(iter(self.town.talks)))

    def _book(self) -> None:
        self._later(self.dice.between(0.4, 1.6) * self.pace.citizen_every, self._book)
        if not self.is_paused:
            self._number += 1
            Citizen(self.town, draw_citizen(self.dice, self._number, self.town.now()), self.dice).begin()

    def _pause(self) -> None:
        self.paused_until = self.timeline.now() + LONGEST_PAUSE
        for sid in self.town.talks:
            try:
                self.network.give_up_waiting(sid)
            except Unexpected:
                continue
        for each in self.employees:
            each.look_after(works=is_open(self._business_now()), paused=True)

    def _resume(self) -> None:
        self.paused_until = None
        for each in self.employees:
            each.look_after(works=is_open(self._business_now()), paused=False)

    def _anybody_at_work(self) -> bool:
        return any(each.operator for each in self.employees)

    def _business_now(self) -> datetime:
        return business_time(self.clock_file) if self.clock_file else self.timeline.now()

    # -- between threads ----------------------------------------------------------------------------------------

    def _telephone(self, _identity: str, token: str, tell: Tell) -> Telephone:
        return self.network.telephone(token, tell)

    def _soon(self, act: Callable[[], None]) -> None:
        self.timeline.call_later(0, act)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self.timeline.call_later(seconds, act)

    def _in_turn(self, act: Callable[[], None]) -> None:
        """Let everybody's thread do something, and wait until it has."""
        done = threading.Event()

        def acted() -> None:
            act()
            done.set()

        self._soon(acted)
        done.wait(PATIENCE_SECONDS)


def _refresh(operator: Operator, token: str) -> None:
    if isinstance(operator.telephone, TelephoneOverHttp):
        operator.telephone.softphone.refresh(token)
