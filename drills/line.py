"""`python3 run.py drill line`: each process is killed during thirty calls, and nobody may be lost by it.

Six operators talk at desks of their own, thirty people call, some of them hang up while they wait. One after the other
the line, a worker of the web, the whole web, the worker of the jobs, Redis and PostgreSQL are killed (SIGKILL); the
supervisor starts them again. What is claimed is then read from the book and from the network, which know nothing of
each other.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from drills.people import Operator, log_in_and_book
from drills.system import MORNING, System, running
from engines.supervisor import Stopped, stop_on_signals
from simulator.browser import Browser, Unexpected
from simulator.network.callers import Caller
from simulator.network.scripts import Script, Step
from suite import RUN

OPERATORS = 6
CALLS = 30
TALK_SECONDS = 9.0
OFFERS_GO_ON_WITHIN_SECONDS = 5.0
START_SECONDS = 90.0
BACK_SECONDS = 60.0
CALM_SECONDS = 180.0
REDIS_DEAD_SECONDS = 6.0
HANGS_UP_IN_THE_QUEUE = frozenset({7, 19, 26})


@dataclass
class Drill:
    """The story, and what was found."""

    system: System
    operators: list[Operator] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def play(self) -> None:
        system = self.system
        blows: Sequence[tuple[str, Callable[[], object], Callable[[], object]]] = (
            ("line", self._kill_program("line"), lambda: system.supervisor.pid_of("line")),
            ("a worker of the web", self._kill_web_worker, lambda: len(system.web_workers()) == self._web_workers),
            ("the whole web", self._kill_web, self._web_answers),
            ("the jobs' worker", self._kill_program("worker"), lambda: system.supervisor.pid_of("worker")),
            ("Redis", self._kill_redis, lambda: system.redis.poll() is None),
            ("PostgreSQL", self._kill_postgres, lambda: system.scalar("SELECT 1")),
        )
        self._open()
        self._call(CALLS - 4 * len(blows))
        for name, kill, is_back in blows:
            self._call(4)
            self._blow(name, kill, is_back)
        self._calm_down()
        self._judge()

    # --- The story --------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._claim(self.system.until(self._web_answers, seconds=START_SECONDS) is not None, "the web has started")
        self._web_workers = len(self.system.web_workers())
        for n in range(1, OPERATORS + 1):
            each = Operator(self.system.site, self.system.network.url, f"operator{n}", TALK_SECONDS)
            self.operators.append(each)
            each.start()
        for each in self.operators:
            self._claim(each.at_work.wait(START_SECONDS), f"{each.login} takes calls")

    def _call(self, number: int) -> None:
        """Let so many people call, one a quarter of a second."""
        for _ in range(number):
            n = len(self.callers)
            steps = [Step(heard="1を", press="123"[n % 3])] if n % 2 else []
            if n in HANGS_UP_IN_THE_QUEUE:
                steps.append(Step(when="queued", after=1.0, hang_up=True))
            self.callers.append(self.system.network.call(f"+8190123400{n:02d}", script=Script(tuple(steps))))
            time.sleep(0.25)

    def _blow(self, name: str, kill: Callable[[], object], is_back: Callable[[], object]) -> None:
        """Kill, wait until it is back, and see how long it takes until the next caller is offered."""
        talking, waiting = self._count("connected"), self._count("queued")
        killed_at = time.monotonic()
        kill()
        back = self.system.until(is_back, seconds=BACK_SECONDS)
        if back is None:
            self._claim(False, f"{name} comes back within {BACK_SECONDS:.0f} s")  # noqa: FBT003 - it did not
            return
        came_back, real_back = self.system.business_now(), time.monotonic() - killed_at
        delay: float | None = None

        def next_offer() -> bool:
            nonlocal delay
            found = self.system.scalar(_NEXT_OFFER, back=came_back)
            delay = None if found is None else float(str(found))
            return delay is not None

        self.system.until(next_offer, seconds=BACK_SECONDS)
        told = f"killed {name} with {talking} talking and {waiting} waiting: back after {real_back:.1f} s"
        later = "never" if delay is None else f"{delay:.2f} s after there was a pair"
        self._claim(delay is not None and delay <= OFFERS_GO_ON_WITHIN_SECONDS, f"{told}, the next offer {later}")

    def _kill_program(self, name: str) -> Callable[[], object]:
        def kill() -> None:
            pid = self.system.supervisor.pid_of(name)
            self.system.kill(pid)
            self.system.until(lambda: self.system.supervisor.pid_of(name) != pid, seconds=BACK_SECONDS)

        return kill

    def _kill_web_worker(self) -> None:
        (victim, *_) = self.system.web_workers()
        self.system.kill(victim)
        self.system.until(lambda: victim not in self.system.web_workers(), seconds=BACK_SECONDS)

    def _kill_web(self) -> None:
        for pid in (*self.system.web_workers(), self.system.supervisor.pid_of("web")):
            self.system.kill(pid)
        self.system.until(lambda: not self._web_answers(), seconds=BACK_SECONDS)

    def _kill_redis(self) -> None:
        """Leave Redis dead for a while: callers must come to their operators, and a citizen log in and book."""
        redis = self.system.redis
        redis.hold = True
        self.system.kill(redis.pid)
        died = self.system.business_now()
        try:
            told = log_in_and_book(self.system.site, 11)
            self._claim(True, f"with Redis dead a citizen logs in and books: {told}")  # noqa: FBT003 - she did
        except Unexpected as error:
            self._claim(False, f"with Redis dead a citizen logs in and books: {error}")  # noqa: FBT003 - she did not
        time.sleep(REDIS_DEAD_SECONDS)
        answered = self.system.until(
            lambda: self.system.scalar("SELECT count(*) FROM offer WHERE accepted_at > :at", at=died), seconds=30
        )
        self._claim(answered is not None, "with Redis dead callers come to their operators")
        redis.hold = False

    def _kill_postgres(self) -> None:
        events = set(self.system.rows("SELECT id FROM call_event"))
        states = {name: self.system.supervisor.pid_of(name) for name in ("web", "line")}
        old = self.system.postgres.pid
        self.system.kill(old)
        self.system.until(lambda: self.system.postgres.pid != old and self.system.scalar("SELECT 1"), seconds=30)
        kept = set(self.system.rows("SELECT id FROM call_event"))
        self._claim(events <= kept, f"all {len(events)} events committed before PostgreSQL was killed are there after")
        same = states == {name: self.system.supervisor.pid_of(name) for name in states}
        self._claim(same, "web and line went on by themselves, in the same processes")

    def _calm_down(self) -> None:
        calm = self.system.until(lambda: self._count_live() == 0, seconds=CALM_SECONDS)
        self._claim(calm is not None, f"every call is over in the book within {CALM_SECONDS:.0f} s")
        free = "SELECT count(*) FROM offer WHERE state IN ('pending', 'accepted', 'wrapping')"
        self._claim(self.system.until(lambda: self.system.scalar(free) == 0, seconds=30) is not None, "nobody is stuck")
        for each in self.operators:
            each.leave()
        for each in self.operators:
            each.join(30)

    # --- What is claimed --------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        talks = {e.details["leg"]: each.call.sid for each in self.callers for e in each.entries("met")}
        met = set(talks.values())
        outcomes = {str(sid): str(outcome) for sid, outcome in self.system.rows(_OUTCOMES)}
        answered = {sid for sid, outcome in outcomes.items() if outcome == "answered"}
        self._claim(set(outcomes) == {each.call.sid for each in self.callers}, f"{len(outcomes)} calls, one row each")
        counted = ", ".join(f"{list(outcomes.values()).count(each)} {each}" for each in sorted(set(outcomes.values())))
        self._claim(answered == met, f"each in one outcome, as the network has it: {counted}")
        lost = [each.call.sid for n, each in enumerate(self.callers) if each.call.sid not in met
                and n not in HANGS_UP_IN_THE_QUEUE]  # fmt: skip
        self._claim(not lost, f"everybody who did not hang up came to an operator ({len(lost)} did not)")
        self._claim(not self.system.rows(_OVERTAKEN), "whoever came to the queue first was offered first")
        self._claim(not self.system.rows(_DOUBLED), "no call and no operator ever had two offers at once")
        sent = [e["form"]["Url"] for e in self.system.network.rest_log.entries if "connect?offer=" in str(e["form"])]
        self._claim(len(sent) == len(set(sent)), f"each of {len(sent)} redirects was sent once")
        left = {each.call.sid for each in self.callers if each.entries("put_down")}
        cut = [leg for each in self.operators for leg in each.cut if leg in talks and talks[leg] not in left]
        self._claim(not cut, f"none of {len(talks)} talks ended before one of the two hung up {cut or ''}".rstrip())
        ours = [line for line in self.system.said if line.startswith(("web ", "line "))]  # Celery tells of a dead Redis
        bugs = [line for line in ours if '"bug"' in line or "line.failed" in line or "Traceback" in line]
        self._claim(not bugs, f"no unhandled error in the logs {bugs[:2] if bugs else ''}".rstrip())

    def write_down(self, file: Path) -> Path:
        """Keep what helps to understand a failure: the log, the line's rows, what the network did with each call."""
        rows = [
            str(row)
            for table in ("call", "offer", "operator_state")
            for row in self.system.rows(f"SELECT row_to_json(t)::text FROM {table} t ORDER BY 1")  # noqa: S608 - ours
        ]
        journal = [str(entry.as_json()) for caller in self.callers for entry in caller.entries()]
        faults = [str(each) for each in self.system.network.debugger.violations]
        trouble = [f"{each.login}: {told}" for each in self.operators for told in each.trouble]
        parts = (self.system.said, rows, journal, faults, trouble)
        file.write_text("\n\n".join("\n".join(lines) for lines in parts), encoding="utf-8")
        return file

    def _count(self, state: str) -> int:
        return int(str(self.system.scalar("SELECT count(*) FROM call WHERE state = :state", state=state)))

    def _count_live(self) -> int:
        at_network = sum(1 for each in self.callers if not each.call.over)
        return at_network + int(str(self.system.scalar("SELECT count(*) FROM call WHERE state <> 'ended'")))

    def _web_answers(self) -> bool:
        with suppress(Unexpected, OSError):
            return Browser(self.system.site).open("/healthz").status == 200  # noqa: PLR2004 - OK
        return False

    def _claim(self, holds: bool, told: str) -> None:  # noqa: FBT001 - it reads as an assertion
        print(f"  {'holds ' if holds else 'FAILED'}  {told}", flush=True)
        if not holds:
            self.failed.append(told)


def main() -> int:
    """Play the drill and return 1 when a claim failed."""
    stop_on_signals()
    folder = RUN / f"drill-{os.getpid()}"
    print(f"{OPERATORS} operators, {CALLS} calls, business time from {MORNING:%Y-%m-%d %H:%M} UTC on", flush=True)
    try:
        with running(folder, operators=OPERATORS) as system:
            drill = Drill(system)
            return _play(drill)
    except Stopped:
        return 130


def _play(drill: Drill) -> int:
    """Let the story run beside the supervisor, which belongs to the thread that started the programs."""
    over = threading.Event()
    found: list[BaseException] = []

    def story() -> None:
        try:
            drill.play()
        except (AssertionError, DBAPIError, OSError) as error:
            found.append(error)
        finally:
            over.set()

    thread = threading.Thread(target=story, name="story", daemon=True)
    thread.start()
    drill.system.supervisor.run(until=over.is_set)
    if found:
        drill.failed.append(f"the drill broke off: {type(found[0]).__name__}: {found[0]}")
    for each in drill.failed:
        print(f"FAILED: {each}")
    if drill.failed:
        print(f"What everybody said and what the book holds: {drill.write_down(RUN / 'drill-line.log')}")
        return 1
    print("Every claim holds.")
    return 0


_OUTCOMES = (
    "SELECT call_sid, coalesce(outcome, '-') || CASE state WHEN 'ended' THEN '' ELSE ' still ' || state END FROM call"
)
_NEXT_OFFER = """
    SELECT extract(epoch FROM o.offered_at - greatest(:back, c.offerable_at, s.idle_since, s.since))
    FROM offer o JOIN call c ON c.id = o.call_id JOIN operator_state s ON s.account_id = o.account_id
    WHERE o.offered_at > :back ORDER BY o.id LIMIT 1"""
_OVERTAKEN = """
    SELECT a.call_sid, b.call_sid FROM call a JOIN call b ON a.enqueued_at + interval '1 s' < b.enqueued_at
    WHERE b.first_offered_at IS NOT NULL
      AND (a.first_offered_at > b.first_offered_at
           OR a.first_offered_at IS NULL AND coalesce(a.ended_at, b.first_offered_at) > b.first_offered_at)"""
_DOUBLED = """
    SELECT a.id, b.id FROM offer a JOIN offer b ON a.id < b.id
    WHERE (a.call_id = b.call_id AND b.offered_at < coalesce(a.over_at, b.offered_at + interval '1 s'))
       OR (a.account_id = b.account_id
           AND b.offered_at < coalesce(a.completed_at, a.over_at, b.offered_at + interval '1 s'))"""
