"""A simulated operator in a living demo: at her desk while the line is open, and back after whatever went wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.browser import Unexpected
from simulator.day.dice import Dice
from simulator.day.operator_at_work import AVAILABLE, AWAY, OFFLINE, Operator
from simulator.day.shifts import Shift
from simulator.day.site import Declined, NoAnswer
from simulator.day.town import Town

FRESH_TOKEN_EVERY = timedelta(minutes=30)
"""A telephone's token is good for an hour."""

IDLE = "idle"


@dataclass
class Employee:
    """One login. `look_after` is called every few seconds, and does what there is to do."""

    town: Town
    login: str
    password: str
    dice: Dice
    say: Callable[[str], None]
    refresh: Callable[[Operator, str], None]
    operator: Operator | None = None
    _token_at: datetime | None = None

    def look_after(self, *, works: bool, paused: bool) -> None:
        """Be at work or not, as it should be. What fails now is tried again with the next look."""
        try:
            self._look_after(works=works, paused=paused)
        except NoAnswer:
            return  # whoever is being started again will answer soon; a talk need not end for that
        except (Unexpected, Declined) as found:
            if self.operator:
                self.say(f"{self.login} begins afresh: {found}")
                self._drop()

    def go_home(self) -> None:
        """End the work at once, whether the product still answers or not."""
        try:
            if self.operator and self.operator.status != OFFLINE:
                self.operator.set_status(OFFLINE)
        finally:
            self._drop()

    def _look_after(self, *, works: bool, paused: bool) -> None:
        if self.operator is None:
            if works and not paused:
                self._come_to_work()
            return
        state = self.operator.window.ask_json("/desk/line/state")
        self.operator.window.post("/desk/line/heartbeat", {"csrf_token": str(state["csrf_token"])})
        if self._token_at and self.town.now() - self._token_at > FRESH_TOKEN_EVERY:
            self._refresh(str(state["csrf_token"]))
        idle = state["activity"] == IDLE
        if not works and idle and not state["waiting"]:
            self.go_home()
        elif paused and AWAY not in {state["status"], state["next_status"]}:
            self.operator.set_status(AWAY, "other_work")
        elif works and not paused and idle and state["status"] != AVAILABLE:
            self.operator.set_status(AVAILABLE)

    def _come_to_work(self) -> None:
        now = self.town.now()
        shift = Shift(self.login, now, now, now, stays_for_the_queue=True, pauses=())
        operator = Operator(self.town, shift, self.password, self.dice)
        operator.sign_in()
        self.operator, self._token_at = operator, now
        operator.take_calls()

    def _refresh(self, form_token: str) -> None:
        if self.operator:
            told = self.operator.window.post_for_json("/desk/line/token", {"csrf_token": form_token})
            self.refresh(self.operator, str(told["token"]))
            self._token_at = self.town.now()

    def _drop(self) -> None:
        if self.operator and self.operator.telephone:
            self.operator.telephone.leave()
        self.operator = None
