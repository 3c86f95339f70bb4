"""`python3 run.py bench line [--json]`: how fast the telephone is.

How long a caller and an operator who could talk wait for each other, and how many of the provider's requests a server
answers, beside the least that the same statements could cost. What is measured and why: benchmarks/README.md.
"""

import argparse
import json
import os
import platform
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from benchmarks import bare_voice, day_of_calls, offers
from benchmarks.comparison import Comparison, show_comparisons
from benchmarks.day_of_calls import EVENTS_A_CALL, KINDS, REQUESTS_A_CALL
from benchmarks.load import drive
from benchmarks.stage import NOW, ROOT, engines_below, server
from booking_core.clock import real_now
from engines.supervisor import Stopped, stop_on_signals

TARGET = 0.5
OK = 200
VOICE_URL = "http://127.0.0.1:8000"
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of an account that exists nowhere
ENVIRON = {
    "DOORS": "voice",
    "VOICE_URL": VOICE_URL,
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_NUMBER": day_of_calls.LINE,
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: always the same, so that two runs may be compared."""

    operators: int = 100
    waiting: int = 1_000
    pairs: int = 400
    burst: int = 20
    rounds: int = 9
    calls: int = 12
    clients: tuple[int, ...] = (8, 32)


@dataclass(slots=True)
class Servers:
    """Where the three sides answer."""

    product: int
    bare: int
    without_book: int


@dataclass
class Webhooks:
    """The provider's requests of a day, sent to each side in turns."""

    environ: Mapping[str, str]
    owner: Engine
    folder: Path
    accounts: Sequence[int]
    size: Size
    waits: dict[str, list[float]] = field(default_factory=dict)
    client_share: list[float] = field(default_factory=list)

    def comparisons(self) -> list[Comparison]:
        with ExitStack() as stack:
            recorded = {"RECORDED": str(self._record())}
            product, bare, without_book = (
                stack.enter_context(server(self.environ, self.folder, name, **variables))
                for name, variables in (
                    ("app:web", {}),
                    ("benchmarks.bare_voice:app", recorded),
                    ("benchmarks.bare_voice:app_without_book", recorded),
                )
            )
            sides = Servers(product, bare, without_book)
            for port in (product, bare, without_book):
                self._round(port, 8, writes=port != without_book)
            self.waits.clear()
            return [each for clients in self.size.clients for each in self._compare(sides, clients)]

    def _compare(self, sides: Servers, clients: int) -> list[Comparison]:
        beside = Comparison(f"the requests of a day, {clients} connections", TARGET)
        bound = Comparison(f"  … beside one that writes nothing, {clients} connections", 0.0)
        for _ in range(self.size.rounds):
            beside.product.append(self._round(sides.product, clients, side=f"product, {clients} connections"))
            beside.bare.append(self._round(sides.bare, clients, side=f"bare, {clients} connections"))
            bound.bare.append(self._round(sides.without_book, clients, writes=False))
        bound.product = beside.product
        return [beside, bound]

    def _round(self, port: int, clients: int, *, writes: bool = True, side: str = "") -> float:
        prepared = day_of_calls.prepare(self.owner, self.size.calls, operators=self.accounts, now=NOW)
        before = self._events()
        told = drive(port, clients, [day_of_calls.signed(each, voice_url=VOICE_URL, token=TOKEN) for each in prepared])
        strange = Counter(
            (each.kind, status)
            for each, (status, _, length) in zip(prepared, told.answers, strict=True)
            if status != OK or not length
        )
        assert not strange, f"requests were answered with {dict(strange)}"
        added = self._events() - before
        expected = self.size.calls * EVENTS_A_CALL if writes else 0
        assert added == expected, f"{added} events stand in the log, not {expected}"
        self.waits.setdefault(side, []).extend(told.waits)
        self.client_share.append(told.client_share)
        return told.rate

    def _events(self) -> int:
        with self.owner.connect() as db:
            return int(db.execute(text("SELECT count(*) FROM call_event")).scalar_one())

    def _record(self) -> Path:
        """Put a call of every kind into the book, and record what the product does with it."""
        kinds, file = zip(KINDS, self.accounts, strict=False), self.folder / "recorded"
        spare = [day_of_calls.prepare_one(self.owner, name, operator=account, now=NOW) for name, account in kinds]
        bare_voice.record_all(self.environ, spare, file)
        return file

    def milliseconds(self) -> dict[str, dict[str, float]]:
        return {
            side: {f"p{part}": round(sorted(waits)[len(waits) * part // 100] * 1000, 1) for part in (50, 95, 99)}
            for side, waits in self.waits.items()
            if side
        }


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """Run everything once and return the figures.

    Raises:
        AssertionError: an answer, a redirect or a row was not what it must be; there are no figures then.
    """
    with engines_below(folder, ENVIRON) as (environ, owner):
        accounts = _operators(owner, max(size.operators, len(KINDS) * size.calls))
        webhooks = Webhooks(environ, owner, folder, accounts, size)
        comparisons = webhooks.comparisons()
        waited = offers.run(
            environ,
            owner,
            folder,
            accounts=accounts[: size.operators],
            waiting=size.waiting,
            times=size.pairs,
            burst=size.burst,
        )
        return {
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
            "size": {**asdict(size), "clients": list(size.clients)},
            "offers": [each.as_json() for each in waited],
            "comparisons": [each.as_json() for each in comparisons],
            "answered_within_ms": webhooks.milliseconds(),
            "requests_a_call": REQUESTS_A_CALL,
            "client_share_of_a_core": round(statistics.median(webhooks.client_share), 3),
        }


def _operators(owner: Engine, number: int) -> list[int]:
    with owner.begin() as db:
        ids = db.execute(_ADD_ACCOUNTS, {"number": number, "now": NOW}).scalars().all()
        db.execute(_AT_WORK, {"ids": list(ids), "now": NOW})
        db.execute(_SIGNED_IN, {"ids": list(ids), "real_now": real_now()})  # or the line would end their work
        return list(ids)


def show(figures: Mapping[str, Any]) -> None:
    """Print the tables."""
    size = figures["size"]
    print(f"{size['operators']} operators, {size['waiting']} waiting: until the redirect reached the provider, ms")
    print(f"{'':52}{'p50':>8}{'p95':>8}{'p99':>8}{'pairs':>8}   line's share of a core")
    for each in figures["offers"]:
        share = f"{each['line_share_of_a_core']:.0%}"
        print(f"{each['name']:<52}{each['p50']:>8}{each['p95']:>8}{each['p99']:>8}{each['pairs']:>8}   {share}")
    print()
    show_comparisons(figures["comparisons"])
    print(f"\n{'a request was answered within, ms':<52}{'p50':>8}{'p95':>8}{'p99':>8}")
    for side, found in figures["answered_within_ms"].items():
        print(f"{side:<52}{found['p50']:>8}{found['p95']:>8}{found['p99']:>8}")
    print(f"\nServers, PostgreSQL and the client share {figures['machine']['cores']} cores; ", end="")
    print(f"the client takes {figures['client_share_of_a_core']:.0%} of one.")


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="run.py bench line", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print every figure as one JSON object")
    parser.add_argument("--rounds", type=int, default=Size().rounds, help="how often each side is measured")
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


_ADD_ACCOUNTS = text("""
    INSERT INTO staff_account (login, display_name, role, password_hash, created_at)
    SELECT 'bench' || n, 'ベンチ' || n, 'operator', '', :now FROM generate_series(1, :number) n RETURNING id""")
_AT_WORK = text("""
    INSERT INTO operator_state (account_id, status, since, idle_since)
    SELECT id, 'available', :now, :now FROM unnest(CAST(:ids AS int[])) id""")
_SIGNED_IN = text("""
    INSERT INTO staff_session (token_digest, account_id, door, created_at, seen_at)
    SELECT decode(md5(CAST(id AS text)), 'hex'), id, 'desk', :real_now, :real_now
    FROM unnest(CAST(:ids AS int[])) id""")
