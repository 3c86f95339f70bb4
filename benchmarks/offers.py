"""How long a caller and an operator who could talk wait for each other: from the commit to the redirect's arrival.

100 operators, 1,000 callers in the queue, one line process as in production. Operators become free by the product's own
verb, one after the other and many at once; a stub in another process tells when each redirect reached it.
"""

import json
import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

from sqlalchemy import Connection, Engine, text

from benchmarks.day_of_calls import clear, new_sid, number_of
from benchmarks.stage import NOW, program, sqlalchemy_url, tidy
from booking_core.db import make_engine
from ivr.queue.timers import end_wrap_up

PATIENCE_SECONDS = 30
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Waited:
    """One line of the table: how long pairs waited, in milliseconds, and how busy the line was meanwhile."""

    name: str
    milliseconds: list[float] = field(default_factory=list)
    line_share: float = 0.0

    def as_json(self) -> dict[str, Any]:
        ranked = sorted(self.milliseconds)
        return {
            "name": self.name,
            "pairs": len(ranked),
            **{f"p{part}": round(ranked[min(len(ranked) - 1, len(ranked) * part // 100)], 1) for part in (50, 95, 99)},
            "mean": round(statistics.fmean(ranked), 1),
            "line_share_of_a_core": round(self.line_share, 3),
        }


@dataclass
class Offers:
    """The queue at its busiest, and the line that looks after it."""

    owner: Engine
    engine: Engine
    stub: str
    line: "Popen[bytes]"
    accounts: Sequence[int]
    waiting: int
    _calls: list[int] = field(default_factory=list)

    def fill(self) -> None:
        """Let every operator write up a call, and fill the queue."""
        with self.owner.begin() as db:
            clear(db)
            db.execute(_ONLY_THESE, {"ids": list(self.accounts)})
            for account in self.accounts:
                call = db.execute(_TALKED, {"sid": new_sid(), "now": NOW}).scalar_one()
                db.execute(_WRITES_UP, {"call": call, "account": account, "now": NOW})
            self._top_up(db)
        tidy(self.owner)

    def free(self, operators: int) -> list[float]:
        """Let so many operators be free at one moment; return how long each pair waited, in milliseconds."""
        with self.engine.connect() as db, db.begin() as transaction:
            offers = db.execute(_WRITING_UP, {"most": operators}).scalars().all()
            assert len(offers) == operators
            for offer in offers:
                assert end_wrap_up(db, offer, now=NOW)
            began = time.monotonic()
            transaction.commit()
        came = self._redirects(operators)
        with self.owner.begin() as db:
            assert set(db.execute(_PENDING).scalars()) == set(came), "the redirects are not those of the offers"
            db.execute(_TALKED_ALL, {"now": NOW})
            db.execute(_ENDED_ALL, {"now": NOW})
            self._top_up(db)
        return [(at - began) * 1000 for at in came.values()]

    def measure(self, name: str, *, times: int, operators: int, pause_seconds: float) -> Waited:
        waited, cpu, began = Waited(name), self._line_seconds(), time.monotonic()
        for _ in range(times):
            waited.milliseconds += self.free(operators)
            time.sleep(pause_seconds)
        waited.line_share = (self._line_seconds() - cpu) / (time.monotonic() - began)
        return waited

    def _redirects(self, number: int) -> dict[int, float]:
        found: dict[int, float] = {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found) < number:
            assert time.monotonic() < deadline, f"{number - len(found)} redirects never came"
            time.sleep(0.01)
            for offer, at in _ask(f"{self.stub}/redirects"):
                assert offer not in found, f"the redirect of offer {offer} came twice"
                found[offer] = at
        return found

    def _top_up(self, db: Connection) -> None:
        missing = self.waiting - int(db.execute(text("SELECT count(*) FROM call WHERE state = 'queued'")).scalar_one())
        sids = [new_sid() for _ in range(missing)]
        db.execute(_QUEUE, [{"sid": sid, "now": NOW} for sid in sids])
        first, last = db.execute(_LIVE).one()
        _ask(f"{self.stub}/calls?first={number_of(first)}&last={number_of(last)}", method="PUT")

    def _line_seconds(self) -> float:
        """Return the processor time the line has taken so far."""
        words = Path(f"/proc/{self.line.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / TICKS_A_SECOND


def run(
    environ: dict[str, str],
    owner: Engine,
    folder: Path,
    *,
    accounts: Sequence[int],
    waiting: int,
    times: int,
    burst: int,
) -> list[Waited]:
    """Start a line and a stub, and let operators become free: one by one `times` times, then as many in bursts."""
    with ExitStack() as stack:
        told = folder / "stub.log"
        stack.enter_context(program([sys.executable, "-m", "benchmarks.rest_stub"], os.environ, told))
        stub = f"http://127.0.0.1:{_first_line(told)}"
        engine = make_engine(sqlalchemy_url(environ["DATABASE_URL"]))
        stack.callback(engine.dispose)
        whole = {**environ, "TWILIO_API_BASE": stub, "LOG_LEVEL": "info"}
        command = [sys.executable, "cli.py", "line"]
        line, log = stack.enter_context(program(command, {**os.environ, **whole}, folder / "line.log"))
        offers = Offers(owner, engine, stub, line, accounts, waiting)
        offers.fill()
        _wait_until_it_looks(owner, log)
        for _ in range(3):
            offers.free(1)
        found = [
            offers.measure("one operator after the other", times=times, operators=1, pause_seconds=0.05),
            offers.measure(
                f"{burst} operators at once", times=max(1, times // burst), operators=burst, pause_seconds=0.2
            ),
        ]
        assert "line.failed" not in log.read_text(encoding="utf-8"), "the line met an error of its own"
        return found


def _first_line(file: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if file.exists() and (words := file.read_text(encoding="utf-8")).endswith("\n"):
            return words.splitlines()[0]
        time.sleep(0.02)
    raise AssertionError("the stub did not start")


def _wait_until_it_looks(owner: Engine, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with owner.connect() as db:
            if db.execute(text("SELECT count(*) FROM line_process")).scalar_one():
                return
        time.sleep(0.05)
    raise AssertionError(f"the line did not start: {log.read_text(encoding='utf-8')[-300:]}")


def _ask(url: str, *, method: str = "GET") -> Any:  # noqa: ANN401 - whatever JSON holds
    request = urllib.request.Request(url, method=method)  # noqa: S310 - the stub's address
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - likewise
        return json.loads(answer.read())


_ONLY_THESE = text("""
    UPDATE operator_state SET status = CASE WHEN account_id = ANY(:ids) THEN 'available' ELSE 'offline' END""")
_TALKED = text("""
    INSERT INTO call (call_sid, to_number, state, outcome, received_at, enqueued_at, answered_at, ended_at)
    VALUES (:sid, '+81753660000', 'ended', 'answered', :now, :now, :now, :now) RETURNING id""")
_WRITES_UP = text("""
    INSERT INTO offer (call_id, account_id, state, offered_at, dialled_at, accepted_at, over_at, due_at)
    VALUES (:call, :account, 'wrapping', :now, :now, :now, :now, NULL)""")
_QUEUE = text("""
    INSERT INTO call (call_sid, to_number, state, received_at, enqueued_at, offerable_at, position_said_at)
    VALUES (:sid, '+81753660000', 'queued', :now, :now, :now, :now)""")
_WRITING_UP = text("""
    UPDATE offer SET due_at = offered_at WHERE id IN
        (SELECT id FROM offer WHERE state = 'wrapping' ORDER BY id LIMIT :most) RETURNING id""")
_PENDING = text("SELECT id FROM offer WHERE state = 'pending'")
_TALKED_ALL = text("""
    UPDATE offer SET state = 'wrapping', dialled_at = :now, accepted_at = :now, over_at = :now, due_at = NULL
    WHERE state = 'pending'""")
_ENDED_ALL = text("""
    UPDATE call SET state = 'ended', outcome = 'answered', answered_at = :now, ended_at = :now
    WHERE state = 'offering'""")
_LIVE = text("SELECT min(call_sid), max(call_sid) FROM call WHERE state <> 'ended'")
