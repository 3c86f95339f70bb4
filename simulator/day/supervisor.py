"""A supervisor who looks at the board now and then, compares it with what really happened, and minds the seats."""

import re
from dataclasses import dataclass, field
from datetime import datetime, time

from simulator.browser import Unexpected
from simulator.day.figures import Figures, figures_of
from simulator.day.operator_at_work import AVAILABLE, OFFLINE, Operator
from simulator.day.site import Window
from simulator.day.town import Town
from simulator.opening_time import TOKYO

NUMBER = re.compile(r"\d+(?:\.\d+)?")
ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
CELL = re.compile(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", re.DOTALL)
BOOKINGS = re.compile(r"<caption>\s*今日の予約.*?</table>", re.DOTALL)
NOTE = re.compile(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>(?:\s*<dd[^>]*>(.*?)</dd>)?", re.DOTALL)

OPENS, CLOSES = time(9), time(17)
LUNCH_FROM, LUNCH_UNTIL = time(11, 30), time(14, 30)
MANY_WAIT = 3
"""So many at once are too many: one more seat is opened for them."""


@dataclass(frozen=True, slots=True)
class BoardLook:
    """What the board showed at an instant, beside what the simulator knew then; both as `name: figure`."""

    at: datetime
    shown: dict[str, str]
    known: dict[str, str]


@dataclass
class Supervisor:
    """She has a session of her own, and looks at fixed times. `reserve` may be given a seat beside the planned ones."""

    town: Town
    login: str
    password: str
    looks_at: list[datetime]
    reserve: Operator
    looks: list[BoardLook] = field(default_factory=list)
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        self.window = Window(self.town.site)

    def begin(self) -> None:
        self.town.at(self.looks_at[0], self._sign_in, self.login)
        for each in self.looks_at:
            self.town.at(each, self.look, self.login)

    def _sign_in(self) -> None:
        self.window.open("/board/").submit("/sign-in", {"login": self.login, "password": self.password})

    def look(self) -> None:
        self.window.open("/board/")
        self._compare()
        self._mind_the_seats()

    def _compare(self) -> None:
        self.looks.append(
            BoardLook(self.town.now(), read_board(self.window.page.text), known(figures_of(self.town.record)))
        )

    def _mind_the_seats(self) -> None:
        """Open the reserve's seat over lunch and while many wait; close it once nobody does (3-2-C, 3-2-J)."""
        moment = self.town.now().astimezone(TOKYO).time()
        if not OPENS <= moment <= CLOSES:
            return
        waiting, is_lunch = int(self.looks[-1].shown["待ち呼"]), LUNCH_FROM <= moment < LUNCH_UNTIL
        if self.reserve.keeps_her_seat:
            if not waiting and not is_lunch:
                self._order("close", "plan")
        elif moment < CLOSES and (is_lunch or waiting >= MANY_WAIT):
            self._order("open", "plan" if is_lunch else "answer_rate")

    def _order(self, verb: str, why: str) -> None:
        """Press the one button of the reserve's row, and look at the board again."""
        account = self.reserve.identity.removeprefix("op_")
        if f'id="seat-{account}" name="{verb}"' not in self.window.page.text:
            raise Unexpected(f"no button to {verb} the seat of {self.reserve.shift.login}")
        self.window.submit("/seats/", {"why": why, verb: account})
        self.reserve.is_told(AVAILABLE if verb == "open" else OFFLINE, why=why, by=self.login)
        self._compare()


def read_board(text: str) -> dict[str, str]:
    """Return the board's figures by name, and the bookings as one sum of all services and channels.

    The first figure of a name counts: below them all the board explains each again.
    """
    told: dict[str, tuple[str, str]] = {}
    for term, value, note in NOTE.findall(text):
        told.setdefault(term, (value, note))
    first = {
        name: _number(told[name][0].partition("（")[0])
        for name in ("入電数", "待ち呼", "応答数", "応答率", "着座数")
        if name in told
    }
    received = list(NUMBER.findall(told["入電数"][0])) if "入電数" in told else []
    given_up = [_number(value) for name, (value, _) in told.items() if name.startswith("放棄")]
    beside = {
        "時間外": received[1] if len(received) > 1 else "-",
        "放棄": str(sum(int(each) for each in given_up)) if given_up else "-",
        "受付可": _number(told["着座数"][1]) if "着座数" in told else "-",
    }
    bookings = BOOKINGS.search(text)
    listed = ROW.findall(bookings[0]) if bookings else []
    rows = [[NUMBER.search(cell) for cell in CELL.findall(row)[2:5]] for row in listed]
    counted = [[int(found[0]) for found in row if found] for row in rows]
    sums = [sum(row[n] for row in counted if len(row) == 3) for n in range(3)]  # noqa: PLR2004 - made, moved, cancelled
    return first | beside | dict(zip(("予約", "変更", "取消"), map(str, sums), strict=True))


def known(figures: Figures) -> dict[str, str]:
    """Return what the board should show."""
    made, moved, cancelled = (sum(each[n] for each in figures.bookings.values()) for n in range(3))
    return {
        "入電数": str(figures.received),
        "待ち呼": str(figures.waiting),
        "応答数": str(figures.answered),
        "応答率": figures.strict.percent,
        "着座数": str(figures.seats_present),
        "時間外": str(figures.received_closed),
        "放棄": str(figures.abandoned),
        "受付可": str(figures.seats_able),
        "予約": str(made),
        "変更": str(moved),
        "取消": str(cancelled),
    }


def _number(shown: str) -> str:
    found = NUMBER.search(shown)
    return found[0] if found else "-"
