"""`python3 run.py bench book [--json]`: how fast a booking is, beside the least that the same statements could cost.

Both sides run on the same durable PostgreSQL, in turns, a fixed number of requests each; a figure is the median of its
rounds. Every answer is checked against the book. What is measured and why: benchmarks/README.md.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from flask import Flask
from redis import Redis
from sqlalchemy import text

from benchmarks import bare, http_requests
from benchmarks.comparison import Comparison, show_comparisons
from benchmarks.load import Answer, drive
from benchmarks.recording import connect
from benchmarks.stage import NOW, ROOT, Citizen, Stage, server, set_up, sqlalchemy_url
from booking_core.actors import Actor
from booking_core.booking import book
from booking_core.db import in_transaction, make_engine
from booking_core.refusal import Refusal
from engines.supervisor import Stopped, stop_on_signals

IN_PROCESS_TARGET = 0.6
HTTP_TARGET = 0.5
SEE_OTHER, OK = 303, 200
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]+):\s+(\w+)")
Lookers = Callable[[int], Sequence[Citizen | None]]
RARE = 0.05  # what a connection says once in its life is no part of a booking


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: always the same, so that two runs may be compared.

    Rounds are short and many: what else the machine does meets both sides of a round alike, or that round alone.
    """

    slots: int = 5_000
    rounds: int = 11
    in_process: int = 150
    posts: int = 300
    gets: int = 200
    clients: tuple[int, ...] = (8, 32)
    profiled: int = 500


class Measurement:
    """One run: counts what was booked, so that the book can be held against it at the end."""

    def __init__(self, stage: Stage, app: Flask, size: Size) -> None:
        self.stage, self.app, self.size = stage, app, size
        self.booked = 0
        self.client_share: list[float] = []
        self._slots = cycle(stage.slots)

    def comparisons(self) -> list[Comparison]:
        """Measure everything that is compared."""
        found = [self.in_process()]
        with ExitStack() as stack:
            ports = (
                stack.enter_context(server(self.stage.environ, self.stage.folder, "app:web")),
                stack.enter_context(
                    server(self.stage.environ, self.stage.folder, "benchmarks.bare_app:app", **self._spare())
                ),
            )
            for port in ports:
                self._posts(port, 32, hot=False)
                self._gets(port, 8, self._nobody(self.size.gets))
            self.stage.tidy()
            found += [self._posting(ports, clients, hot=hot) for hot in (False, True) for clients in self.size.clients]
            lookers: dict[str, Lookers] = {
                "anonymous": self._nobody,
                "logged in": self.stage.new_citizens,
                "logged in with a booking": self._booked_citizens,
            }
            found += [self._looking(ports, self.size.clients[0], who, make) for who, make in lookers.items()]
        self.stage.check(expected=self.booked)
        return found

    def in_process(self) -> Comparison:
        """(a) The booking function beside bare psycopg, one caller after the other in this process."""
        found = Comparison("book() in process, one caller", IN_PROCESS_TARGET)
        engine = make_engine(sqlalchemy_url(self.stage.database_url))
        plain = connect(self.stage.database_url)
        (spare,) = self.stage.new_citizens(1)
        statements = bare.record_booking(
            engine, slot_id=self.stage.slots[0], service_id=self.stage.service_id, card_id=spare.card_id, now=NOW
        )
        bare_book = bare.BareBooking(statements)

        def ours(citizen: Citizen, slot_id: int, key: str) -> bool:
            wish = bare.wish_of(slot_id, self.stage.service_id, citizen.card_id)
            by = Actor.citizen(citizen.card_id, source=bare.SOURCE)
            answer = in_transaction(engine, lambda db: book(db, wish, by=by, key=key, now=NOW))
            return not isinstance(answer, Refusal)

        def theirs(citizen: Citizen, slot_id: int, key: str) -> bool:
            return bool(bare_book(plain, slot_id=slot_id, card_id=citizen.card_id, key=key, phone=bare.PHONE))

        for one in (ours, theirs):
            self._call(one)
        self.stage.tidy()
        for _ in range(3 * self.size.rounds):
            found.product.append(self._call(ours))
            found.bare.append(self._call(theirs))
        plain.close()
        engine.dispose()
        return found

    def _call(self, one: Callable[[Citizen, int, str], bool]) -> float:
        citizens = self.stage.new_citizens(self.size.in_process)
        wishes = [(each, slot, f"bench-{each.token[:20]}") for each, slot in zip(citizens, self._slots, strict=False)]
        began = time.perf_counter()
        made = sum(one(*wish) for wish in wishes)
        seconds = time.perf_counter() - began
        assert made == len(wishes), f"{len(wishes) - made} of {len(wishes)} bookings were refused"
        self.booked += made
        return made / seconds

    def _posting(self, ports: tuple[int, int], clients: int, *, hot: bool) -> Comparison:
        where = "one hot slot" if hot else f"{len(self.stage.slots)} slots"
        found = Comparison(f"confirming POST, {clients} clients, {where}", HTTP_TARGET)
        for _ in range(self.size.rounds):
            found.product.append(self._posts(ports[0], clients, hot=hot))
            found.bare.append(self._posts(ports[1], clients, hot=hot))
        return found

    def _posts(self, port: int, clients: int, *, hot: bool) -> float:
        citizens = self.stage.new_citizens(self.size.posts)
        slots = cycle([self.stage.hot_slot]) if hot else self._slots
        requests = [
            http_requests.confirming_post(self.app, each, slot) for each, slot in zip(citizens, slots, strict=False)
        ]
        before = self.stage.bookings()
        rate, answers = self._load(port, clients, requests)
        made = (SEE_OTHER, "/my/?done=1")
        strange = Counter((status, place) for status, place, _ in answers if (status, place) != made)
        assert not strange, f"bookings were answered with {dict(strange)}"
        added = self.stage.bookings() - before
        assert added == len(requests), f"{len(requests)} bookings were answered as made, {added} stand in the book"
        self.booked += added
        return rate

    def _looking(self, ports: tuple[int, int], clients: int, who: str, make: Lookers) -> Comparison:
        found = Comparison(f"free days, {clients} clients, {who}", HTTP_TARGET)
        for _ in range(self.size.rounds):
            lookers = make(self.size.gets)
            found.product.append(self._gets(ports[0], clients, lookers))
            found.bare.append(self._gets(ports[1], clients, lookers))
        return found

    def _nobody(self, number: int) -> list[None]:
        return [None] * number

    def _booked_citizens(self, number: int) -> list[Citizen]:
        """Return citizens who look for another day than the one they have."""
        citizens = self.stage.new_citizens(number)
        engine = make_engine(sqlalchemy_url(self.stage.database_url))
        for citizen, slot_id in zip(citizens, self._slots, strict=False):
            wish, by = bare.wish_of(slot_id, self.stage.service_id, citizen.card_id), Actor.citizen(citizen.card_id)
            answer = in_transaction(engine, partial(book, wish=wish, by=by, key=citizen.token[:20], now=NOW))
            assert not isinstance(answer, Refusal), answer.reason
        engine.dispose()
        self.booked += number
        return citizens

    def _gets(self, port: int, clients: int, lookers: Sequence[Citizen | None]) -> float:
        venues = cycle(self.stage.venues)
        requests = [http_requests.days_get(venue, looker) for venue, looker in zip(venues, lookers, strict=False)]
        rate, answers = self._load(port, clients, requests)
        strange = Counter(status for status, _, length in answers if status != OK or not length)
        assert not strange, f"pages were answered with {dict(strange)}"
        return rate

    def _load(self, port: int, clients: int, requests: list[str]) -> tuple[float, list[Answer]]:
        told = drive(port, clients, requests)
        self.client_share.append(told.client_share)
        return told.rate, told.answers

    def _spare(self) -> dict[str, str]:
        (citizen,) = self.stage.new_citizens(1)
        return {
            "SPARE_CARD": str(citizen.card_id),
            "SPARE_TOKEN": citizen.token,
            "SPARE_SLOT": str(self.stage.slots[0]),
            "SERVICE_ID": str(self.stage.service_id),
            "VENUES": ",".join(self.stage.venues),
        }

    def breakdown(self) -> dict[str, Any]:
        """Profile the POST in a process of its own, and count on the servers' side what one booking sends them."""
        citizens = self.stage.new_citizens(self.size.profiled)
        posts = [
            [http_requests.confirm_path(slot), http_requests.cookie_of(each), http_requests.form_of(self.app, each)]
            for each, slot in zip(citizens, self._slots, strict=False)
        ]
        log = self.stage.folder / "postgres" / "server.log"
        with self.stage.owner.begin() as db:
            db.execute(text("ALTER DATABASE bench SET log_statement = 'all'"))
        self.stage.owner.dispose()
        begin, redis = log.stat().st_size, Redis.from_url(self.stage.environ["REDIS_URL"])
        requests = _requests(redis)
        job = {"environ": dict(self.stage.environ), "posts": posts, "log": str(self.stage.folder / "breakdown.log")}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.breakdown"],
            cwd=ROOT,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"the profiled bookings failed: {done.stderr.strip().splitlines()[-1:]}"
        with log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(begin)
            sent = Counter(match[1].upper() for match in STATEMENT.finditer(lines.read()))
        self.booked += len(posts)
        figures: dict[str, Any] = json.loads(done.stdout)
        each = {name: round(number / len(posts), 2) for name, number in sent.most_common()}
        figures["statements"] = {name: number for name, number in each.items() if number >= RARE}
        figures["redis_requests"] = round((_requests(redis) - requests) / len(posts), 2)
        redis.close()
        self.stage.check(expected=self.booked)
        return figures


def _requests(redis: "Redis") -> int:
    """How often Redis was asked; a script of several commands is asked once."""
    return int(redis.info("stats")["total_reads_processed"])


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """Run everything once and return the figures.

    Raises:
        AssertionError: an answer, a counter or a row was not what it must be; there are no figures then.
    """
    with set_up(folder, slots=size.slots) as stage:
        app = _product(stage)
        measurement = Measurement(stage, app, size)
        comparisons = measurement.comparisons()
        breakdown = measurement.breakdown()
        return {
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
            "size": {**asdict(size), "clients": list(size.clients)},
            "comparisons": [each.as_json() for each in comparisons],
            "bookings_checked": measurement.booked,
            "client_share_of_a_core": round(statistics.median(measurement.client_share), 3),
            "one_confirming_post": breakdown,
        }


def _product(stage: Stage) -> Flask:
    """Return the product's application in this process, which makes the forms' tokens; it serves nothing."""
    from app import create_app
    from config import load_settings

    return create_app(load_settings(stage.environ))


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    show_comparisons(figures["comparisons"])
    post = figures["one_confirming_post"]
    print(f"\nEvery one of {figures['bookings_checked']} bookings stands in the book, witnessed and counted.")
    print(f"Servers, PostgreSQL, Redis and the client share {figures['machine']['cores']} cores; ", end="")
    print(f"the client takes {figures['client_share_of_a_core']:.0%} of one.")
    print(f"\nOne confirming POST sends PostgreSQL {sum(post['statements'].values()):.2f} statements: ", end="")
    print(", ".join(f"{name} {number:g}" for name, number in post["statements"].items()), end="")
    print(f"; and asks Redis {post['redis_requests']:g} times.")
    print(f"In process it takes {post['wall_us']:.0f} µs, {post['cpu_us']:.0f} µs of them our own CPU.")
    for title, parts in (
        ("under the profiler, by library, self time", post["layers"]),
        ("under the profiler, by step, with all below", post["steps"]),
    ):
        print(f"  {title}")
        for name, microseconds in parts.items():
            print(f"    {microseconds:7.0f} µs  {name}")


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="run.py bench book", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print every figure as one JSON object")
    parser.add_argument("--rounds", type=int, default=Size().rounds, help="how often each pair is measured")
    chosen = parser.parse_args(argv)
    stop_on_signals()
    try:
        figures = measure(Size(rounds=chosen.rounds), ROOT / ".run" / f"bench-{os.getpid()}")
    except Stopped:
        return 130
    if chosen.json:
        print(json.dumps(figures, ensure_ascii=False, indent=1))
    else:
        show(figures)
    return 0 if all(each["holds"] for each in figures["comparisons"]) else 1
