"""What open boards cost: the share of one core that their questions take, beside the same processes idle.

`python3 run.py bench board [--json] [--seconds N]`. A hundred operators at their desks, twenty callers in the queue, a
day of 750 calls and the month before it in the ledger; ten boards, each of a supervisor of its own, ask every three
seconds. What is measured and why: benchmarks/README.md.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from benchmarks.browsers import Ask, Browser, keep_asking
from benchmarks.day_of_calls import LINE, new_sid
from benchmarks.reports import CALLS_A_DAY, FILL, FIRST_DAY
from benchmarks.stage import ROOT, engines_below, free_port, program, tidy, wait_for
from booking_core.actors import Actor
from booking_core.clock import real_now
from booking_core.models import Role
from booking_core.refusal import Refusal
from booking_core.staff.sessions import open_session
from engines import clock_file
from engines.supervisor import Stopped, stop_on_signals
from ivr.queue import progress
from ivr.queue.assignment import make_offer
from ivr.queue.models import Status
from ivr.queue.operators import set_status
from ivr.queue.timers import end_wrap_up
from metrics.call_counts import count_calls
from metrics.open_seats import count_open_seats
from process_types import process_types

MOST_OF_A_CORE = 0.10
BOARD_EVERY = 3.0
"""Seconds between two questions of a board, as its page says; likewise the list and the call of a desk."""

STATE_EVERY_ON_A_CALL, STATE_EVERY, BEAT_EVERY = 2.0, 4.0, 10.0
"""Seconds between two questions of a desk's telephone, and between its signs of life (heartbeat-worker.js)."""

DAYS_BEFORE = 24
NOW = FIRST_DAY + timedelta(days=DAYS_BEFORE, hours=15)
"""15:00 in Tokyo on Friday 25 April 2025."""

SEATS_OPEN_AT = NOW - timedelta(hours=6, minutes=10)
FIRST_CALL_AT = NOW - timedelta(hours=6)
CALLS_ARRIVE_FOR = timedelta(hours=5, minutes=40)
WAITS, TALKS, WRITES_UP = timedelta(seconds=8), timedelta(minutes=5), timedelta(minutes=1)
ABANDONED_EVERY = 20
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
LEAST_ASKED = 0.9
"""The share of the questions that must have been asked while it was watched, or the figures would flatter."""

UNDERSTOOD = frozenset({200, 204, 304})


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is, and how long it is watched.

    Attributes:
        talking: of the operators, those on a call; the others would take one.
        days_before: days in the ledger before this one.
        hurry: how many times as often as in real time everybody asks; for tests.
    """

    operators: int = 100
    talking: int = 80
    waiting: int = 20
    calls: int = CALLS_A_DAY
    days_before: int = DAYS_BEFORE
    boards: int = 10
    seconds: float = 30.0
    warm_up: float = 6.0
    hurry: float = 1.0


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time, in seconds, of the web processes and of PostgreSQL."""

    web: float
    postgres: float

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.web - other.web, self.postgres - other.postgres)

    def __truediv__(self, seconds: float) -> "Spent":
        return Spent(self.web / seconds, self.postgres / seconds)

    def as_json(self) -> dict[str, float]:
        return {
            "web": round(self.web, 4),
            "postgres": round(self.postgres, 4),
            "share_of_a_core": round(self.web + self.postgres, 4),
        }


@dataclass(frozen=True, slots=True)
class Watched:
    """How often which status answered, how many questions were due, and the shares of one core meanwhile."""

    answers: Mapping[int, int]
    due: int
    shares: Spent


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the table: what somebody's questions cost above idle."""

    name: str
    watched: Watched
    idle: Spent
    seconds: float
    target: float | None = None

    def as_json(self) -> dict[str, Any]:
        above, asked = self.watched.shares - self.idle, sum(self.watched.answers.values())
        told = above.as_json()
        return {
            "name": self.name,
            "asked": asked,
            "due": self.watched.due,
            "answers": {str(status): number for status, number in sorted(self.watched.answers.items())},
            **told,
            "processor_ms_each": round(1000 * (above.web + above.postgres) * self.seconds / asked, 2),
            "target": self.target,
            "holds": self.target is None or told["share_of_a_core"] < self.target,
        }


@dataclass
class Meter:
    """Reads what the web master's and the postmaster's trees of processes have taken so far."""

    web: int
    postmaster: int

    def read(self) -> Spent:
        return Spent(processor_seconds(self.web), processor_seconds(self.postmaster))


@dataclass
class Centre:
    """The call centre at three in the afternoon: who works in it, and on which call."""

    owner: Engine
    size: Size
    operators: Sequence[int] = ()
    supervisors: Sequence[int] = ()
    in_hand: dict[int, int] = field(default_factory=dict)  # by operator, the call she is on

    def fill(self) -> None:
        """Let the day go by until now, by the product's own verbs; only the accounts and earlier days are just put in.

        Raises:
            AssertionError: a verb said no.
        """
        with self.owner.begin() as db:
            self.operators = _accounts(db, Role.OPERATOR, self.size.operators)
            self.supervisors = _accounts(db, Role.SUPERVISOR, self.size.boards)
            for each in self.operators:
                by = Actor.operator(each)
                done = set_status(db, each, Status.AVAILABLE, None, by=by, now=SEATS_OPEN_AT)
                assert not isinstance(done, Refusal)
            self._earlier_days(db)
            for number in range(self.size.calls):
                self._past_call(db, number)
            for number, each in enumerate(self.operators[: self.size.talking]):
                self.in_hand[each] = self._call_in_hand(db, each, number)
            for number in range(self.size.waiting):
                _queued(db, ago=timedelta(seconds=5 + 3 * number))
            self._check(db)
        tidy(self.owner)
        with self.owner.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.execute(text("CHECKPOINT"))  # or it would come while the processes should be idle

    def _check(self, db: Connection) -> None:
        today, seats = count_calls(db, NOW - timedelta(hours=15), NOW), count_open_seats(db)
        assert today.received == self.size.calls + self.size.talking + self.size.waiting
        assert (today.waiting, seats.able) == (self.size.waiting, self.size.operators)

    def _earlier_days(self, db: Connection) -> None:
        first = FIRST_DAY + timedelta(days=DAYS_BEFORE - self.size.days_before)
        values = {"first": first, "many": self.size.days_before * CALLS_A_DAY, "a_day": CALLS_A_DAY}
        db.connection.cursor().execute(FILL, values)  # written for the driver itself

    def _past_call(self, db: Connection, number: int) -> None:
        arrived = FIRST_CALL_AT + CALLS_ARRIVE_FOR * number / self.size.calls
        call = _queued(db, ago=NOW - arrived)
        if number % ABANDONED_EVERY == ABANDONED_EVERY - 1:
            assert progress.end(db, call, wrap_up=WRITES_UP, now=arrived + WAITS)
            return
        offer = _talk(db, call, self.operators[number % len(self.operators)], ago=NOW - arrived - WAITS)
        over = arrived + WAITS + TALKS
        assert progress.end(db, call, wrap_up=WRITES_UP, now=over)
        assert end_wrap_up(db, offer, now=over + WRITES_UP)

    def _call_in_hand(self, db: Connection, operator: int, number: int) -> int:
        ago = timedelta(seconds=20 + number * TALKS.total_seconds() / self.size.talking)
        call = _queued(db, ago=ago)
        _talk(db, call, operator, ago=ago - WAITS)
        return call

    def boards(self, port: int) -> list[Ask]:
        every = BOARD_EVERY / self.size.hurry
        browsers = [self._browser(port, "board", each) for each in self.supervisors]
        return [
            Ask(browser, "/board/figures", every, first=every * place / len(browsers))
            for place, browser in enumerate(browsers)
        ]

    def desks(self, port: int) -> list[Ask]:
        """Return what every desk asks by itself: its telephone's state and sign of life, and the part of its page."""
        asks = []
        for place, each in enumerate(self.operators):
            browser, call = self._browser(port, "desk", each), self.in_hand.get(each)
            part = f"/desk/calls/{call}/state" if call else "/desk/waiting"
            state_every = STATE_EVERY_ON_A_CALL if call else STATE_EVERY
            for path, pace in (
                ("/desk/line/state", state_every),
                (part, BOARD_EVERY),
                ("/desk/line/heartbeat", BEAT_EVERY),
            ):
                every = pace / self.size.hurry
                asks.append(Ask(browser, path, every, first=every * place / len(self.operators)))
        return asks

    def _browser(self, port: int, door: str, account: int) -> Browser:
        with self.owner.begin() as db:
            token = open_session(db, account, door=door, source=None, now=real_now())
        return Browser(port, f"madoguchi_{door}={token}")


def _accounts(db: Connection, role: Role, number: int) -> Sequence[int]:
    return db.execute(_ADD_ACCOUNTS, {"role": role, "number": number, "now": SEATS_OPEN_AT}).scalars().all()


def _queued(db: Connection, *, ago: timedelta) -> int:
    sid, now = new_sid(), NOW - ago
    assert progress.receive(db, progress.Arrival(sid, "+819012345678", LINE), open_now=True, now=now)
    call = progress.lock_call(db, sid)
    assert call
    assert progress.enter_queue(db, call.id, now=now)
    return call.id


def _talk(db: Connection, call: int, operator: int, *, ago: timedelta) -> int:
    at = NOW - ago
    offer = make_offer(db, call, operator, now=at)
    progress.ring_operator(db, call, offer, now=at)
    assert progress.answered(db, call, offer, at=at)
    return offer


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """Run everything once and return the figures.

    Raises:
        AssertionError: a question was not answered as it must be; there are no figures then.
    """
    with engines_below(folder, {}) as (environ, owner):
        centre = Centre(owner, size)
        centre.fill()
        clock_file.write_shifted(Path(environ["CLOCK_FILE"]), NOW - real_now())  # what a board shows moves on
        postmaster = int((folder / "postgres" / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        with _desk_processes(environ, folder) as (web, port):
            meter = Meter(web, postmaster)
            boards = _watch(meter, centre.boards(port), size)
            desks = _watch(meter, centre.desks(port), size)
            before = meter.read()
            time.sleep(size.seconds)
            idle = (meter.read() - before) / size.seconds
    costs = (
        Cost(f"{size.boards} boards", boards, idle, size.seconds, MOST_OF_A_CORE),
        Cost(f"{size.operators} desks", desks, idle, size.seconds),
    )
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "size": asdict(size),
        "idle": idle.as_json(),
        "costs": [each.as_json() for each in costs],
    }


@contextmanager
def _desk_processes(environ: Mapping[str, str], folder: Path) -> Iterator[tuple[int, int]]:
    """Serve desks and boards as in production; yields the master's process and its port on loopback."""
    told, port = process_types()["desk"], free_port()
    whole = {**environ, **told.variables, "PORT": str(port), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    with program(list(told.command), whole, folder / "desk.log") as (process, log):
        wait_for(process, port, log)
        yield process.pid, port


def _watch(meter: Meter, asks: Sequence[Ask], size: Size) -> Watched:
    """Let all of them ask, first unwatched."""
    keep_asking(asks, size.warm_up / size.hurry)
    before, began = meter.read(), time.monotonic()
    answers = keep_asking(asks, size.seconds)
    shares = (meter.read() - before) / (time.monotonic() - began)
    strange = {status: number for status, number in answers.items() if status not in UNDERSTOOD}
    assert not strange, f"questions were answered with {strange}"
    due = sum(math.ceil(max(0.0, size.seconds - each.first) / each.every) for each in asks)
    return Watched(answers, due, shares)


def processor_seconds(root: int) -> float:
    """Return the processor time a process and all below it have taken so far, those that have ended included."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended; its parent tells its time from now on
            continue
        parents[int(file.parent.name)] = int(words[1])
        ticks[int(file.parent.name)] = sum(int(word) for word in words[11:15])  # its own, and its ended children's
    return sum(number for pid, number in ticks.items() if _is_below(pid, root, parents)) / TICKS_A_SECOND


def _is_below(pid: int, root: int, parents: Mapping[int, int]) -> bool:
    while pid and pid != root:
        pid = parents.get(pid, 0)
    return pid == root


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    size, idle = figures["size"], figures["idle"]
    print(f"{size['operators']} operators, {size['talking']} on a call, {size['waiting']} waiting, ", end="")
    print(f"{size['calls']} calls today: shares of one core above idle, over {size['seconds']:g} seconds")
    print(f"{'':20}{'asked':>8}{'ms each':>10}{'web':>9}{'PostgreSQL':>12}{'together':>10}{'target':>10}")
    for each in figures["costs"]:
        target = "" if each["target"] is None else f"< {each['target']:.2f}"
        verdict = "" if each["holds"] else "   MISSED"
        print(
            f"{each['name']:<20}{each['asked']:>8}{each['processor_ms_each']:>10.1f}{each['web']:>9.3f}"
            f"{each['postgres']:>12.3f}{each['share_of_a_core']:>10.3f}{target:>10}{verdict}"
        )
    print(f"{'idle':<20}{'':18}{idle['web']:>9.3f}{idle['postgres']:>12.3f}{idle['share_of_a_core']:>10.3f}")


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="run.py bench board", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print every figure as one JSON object")
    parser.add_argument(
        "--seconds", type=float, default=Size().seconds, help="how long each is watched; best a multiple of 15"
    )
    chosen = parser.parse_args(argv)
    stop_on_signals()
    try:
        figures = measure(Size(seconds=chosen.seconds), ROOT / ".run" / f"bench-{os.getpid()}")
        for each in figures["costs"]:
            in_time = each["asked"] >= LEAST_ASKED * each["due"]
            assert in_time, f"the machine is too busy: {each['asked']} of {each['due']} questions could be asked"
    except Stopped:
        return 130
    if chosen.json:
        print(json.dumps(figures, ensure_ascii=False, indent=1))
    else:
        show(figures)
    return 0 if all(each["holds"] for each in figures["costs"]) else 1


_ADD_ACCOUNTS = text("""
    INSERT INTO staff_account (login, display_name, role, password_hash, created_at)
    SELECT CAST(:role AS text) || n, 'ベンチ' || n, :role, '', :now FROM generate_series(1, :number) n RETURNING id""")
