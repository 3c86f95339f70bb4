"""One call in an operator's hands: who is it, what does she want, is it booked, was it read back, why did she call."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.browser import Unexpected
from simulator.day.booking_walk import choose, confirm
from simulator.day.dice import Dice
from simulator.day.errands import BOOKS, Errand
from simulator.day.plan import CallerPlan
from simulator.day.record import Deed, Heard, Refused
from simulator.day.site import Declined, Window
from simulator.day.town import Town

REFERENCE = re.compile(r"受付番号は、([\w-]+)です")
READ_OUT = re.compile(r"<strong>([^<]*です。)</strong>")
PURPOSES = ("renew", "issue", "pin_change", "pin_reset", "face")
MOST_TRIES = 3
IDENTIFIED_AT, CHOSEN_AT, CONFIRMED_AT, READ_BACK_AT = 0.2, 0.35, 0.65, 0.85
"""Which shares of a talk have passed when an operator has come so far."""

NEW_BOOKING, CHANGE, CANCELLATION, QUESTION, NOTHING_HEARD = (
    "new_booking", "change", "cancellation", "question", "nothing_heard",
)  # fmt: skip
OTHER_QUESTIONS = {QUESTION: 0.86, "complaint": 0.05, "not_for_us": 0.07, "other": 0.02}
STRANGERS_TALK_SECONDS = 90.0
"""How long somebody is listened to whom the simulator does not know: a visitor at a telephone of hers."""


@dataclass
class Conversation:
    """From the answer to the closed call. `goodbye` ends the talk, `closed` is told once the call is closed."""

    town: Town
    operator: str
    tab: Window
    url: str
    plan: CallerPlan | None
    heard: Heard | None
    dice: Dice
    goodbye: Callable[[], None]
    closed: Callable[[], None]
    over: bool = False
    reason: str = QUESTION
    _tries: int = 0
    _told_wrong: int = field(default=0, init=False)

    def begin(self) -> None:
        self.tab.open(self.url)
        plan = self.plan
        if plan is None:
            self._in_talk(STRANGERS_TALK_SECONDS, self.goodbye)
        elif plan.card is not None:
            self._in_talk(plan.talk_seconds * IDENTIFIED_AT, self._identify)
        elif plan.errand in BOOKS:
            self._in_talk(plan.talk_seconds * CHOSEN_AT, self._choose)
        else:
            self.reason = self.dice.weighted(OTHER_QUESTIONS)
            self._in_talk(plan.talk_seconds, self.goodbye)

    def ended(self) -> None:
        """The talk is over: write it up, then close the call."""
        self.over = True
        wrap_up = self.plan.wrap_up_seconds if self.plan else self.dice.between(5, 20)
        if self.plan and self.plan.rings_off_after is not None:
            self.reason = NOTHING_HEARD
        self.town.later(wrap_up, self._close, self.operator)

    # -- what is done during the talk ---------------------------------------------------------------------------

    def _identify(self) -> None:
        card = self._plan.card
        if card is None:
            raise Unexpected("identified without a card")
        right = self._told_wrong >= self._plan.mistypes
        self.tab.open(self.url)
        try:
            self.tab.submit("/identify", {"number": card.number, "password": card.password if right else "11112222"})
        except Declined as declined:
            self._told_wrong += 1
            self._note_refusal("identify", declined.reason)
            again = self._told_wrong < MOST_TRIES
            self._in_talk(self.dice.between(15, 40), self._identify if again else self.goodbye)
            return
        rest = self._plan.talk_seconds * (CHOSEN_AT - IDENTIFIED_AT)
        self._in_talk(rest, self._cancel if self._plan.errand is Errand.CANCEL else self._choose)

    def _choose(self) -> None:
        """Go with her through the shared screens until one time is left to be confirmed."""
        service = self._service
        if self._plan.errand is Errand.MOVE and "予約を取り消す" not in self.tab.page.text:
            self._note_refusal("move", "nothing_booked")
            self._in_talk(self._rest(CHOSEN_AT), self.goodbye)
            return
        if reason := choose(self.tab, self.dice, f"{self.url}book/{service}/"):
            self._try_again(reason)
            return
        self._in_talk(self._rest(CHOSEN_AT, CONFIRMED_AT), self._confirm)

    def _confirm(self) -> None:
        if reason := confirm(self.tab, self._typed()):
            self._try_again(reason)
            return
        moves = self._plan.errand is Errand.MOVE
        self.reason = CHANGE if moves else NEW_BOOKING
        page = self.tab.page
        reference = REFERENCE.search(page.text)
        if reference is None:
            raise Unexpected(f"nothing to read back at {page.url}")
        read_out = READ_OUT.search(page.text)
        self._note("move" if moves else "book", reference[1], read_out[1] if read_out else "")
        self._in_talk(self._rest(CONFIRMED_AT, READ_BACK_AT), self._read_back)

    def _read_back(self) -> None:
        self.tab.submit("/read-back")
        self._in_talk(self._rest(READ_BACK_AT), self.goodbye)

    def _cancel(self) -> None:
        page = self.tab.page
        if "予約を取り消す" not in page.text:
            self._note_refusal("cancel", "nothing_booked")
            self._in_talk(self._rest(CHOSEN_AT), self.goodbye)
            return
        facts = page.facts()
        self.tab.open(page.link("予約を取り消す"))
        try:
            self.tab.submit("/cancel/")
        except Declined as declined:
            self._note_refusal("cancel", declined.reason)
        else:
            self.reason = CANCELLATION
            self._note("cancel", facts["受付番号"], f"{facts.get('日時', '')} {facts.get('場所', '')}")
        self._in_talk(self._rest(CHOSEN_AT), self.goodbye)

    def _try_again(self, reason: str) -> None:
        self._note_refusal("book", reason)
        self._tries += 1
        again = self._tries < MOST_TRIES
        self._in_talk(self.dice.between(10, 30), self._choose if again else self.goodbye)

    # -- after it -----------------------------------------------------------------------------------------------

    def _close(self) -> None:
        self.tab.open(self.url)
        self.tab.submit("/close", {"main_reason": self.reason})
        if self.heard:
            self.heard.main_reason = self.reason
        self.closed()

    # -- helpers ------------------------------------------------------------------------------------------------

    @property
    def _plan(self) -> CallerPlan:
        if self.plan is None:
            raise Unexpected("a stranger has no errand")
        return self.plan

    @property
    def _service(self) -> str:
        errand = self._plan.errand
        return errand.value if errand in BOOKS else Errand.DELIVERY.value

    def _typed(self) -> dict[str, str]:
        """Return what is typed into the confirmation: nothing for a move, a name where no card stands for one."""
        plan = self._plan
        if plan.errand is Errand.MOVE:
            return {}
        typed = {"phone": f"08012{plan.id:06d}"}
        if plan.errand is not Errand.DELIVERY:
            typed |= {"name": f"練習　{plan.id}番", "kana": "レンシュウ"}
        if plan.errand is Errand.CERTIFICATE:
            typed["purpose"] = PURPOSES[plan.id % len(PURPOSES)]
        return typed

    def _rest(self, since: float, until: float = 1.0) -> float:
        return round(self._plan.talk_seconds * (until - since), 1)

    def _in_talk(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something a little later, if the two still talk by then."""

        def unless_over() -> None:
            if self.over:
                return
            try:
                act()
            except (Unexpected, Declined):
                self.goodbye()  # whatever her screen does, nobody is kept waiting at a telephone
                raise

        self.town.later(seconds, unless_over, self.operator)

    def _note(self, verb: str, reference: str, visit: str) -> None:
        card = self._plan.card
        sid = self.heard.sid if self.heard else ""
        number = card.number if card else ""
        deed = Deed(self.town.now(), "phone", verb, self._service, reference.replace("-", ""), number, visit, sid)
        self.town.record.deeds.append(deed)

    def _note_refusal(self, what: str, reason: str) -> None:
        self.town.record.refusals.append(Refused(self.town.now(), self.operator, what, reason))


def call_page(state: dict[str, object]) -> str:
    """Return the address of the page of the call an operator has now, from what her desk tells."""
    call = state.get("call")
    if not isinstance(call, dict):
        raise Unexpected("her telephone rings, and her desk knows of no call")
    return str(call["url"])
