"""A whole working day in a few minutes: `run.py day`. Everybody in it comes in by the front doors."""

import argparse
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg

from booking_core.db import APP_ROLE
from engines.postgres import Postgres
from engines.redis import Redis
from engines.supervisor import Stopped, stop_on_signals
from simulator.day.plan import FULL_DAY, DayPlan
from simulator.opening_time import TOKYO
from whole_day.book import prepare
from whole_day.played import PlayedDay, play
from whole_day.stage import set_up
from whole_day.told import as_json, tables

ROOT = Path(__file__).resolve().parent
DATABASE = "day"
MONDAY = date(2025, 4, 14)
SEED = 1


def main(arguments: Sequence[str]) -> int:
    """Play a day and print what came of it; 1 if anything does not agree with anything else."""
    chosen = _parser().parse_args(arguments)
    plan = DayPlan(chosen.date, chosen.calls, chosen.seed)
    began = time.monotonic()
    stop_on_signals()
    try:
        with ExitStack() as stack:
            folder = _folder(stack, keep=chosen.keep)
            played = _play(plan, folder, stack, _say(quiet=chosen.json))
    except Stopped:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return 1
    machine = {"wall_seconds": round(time.monotonic() - began, 1), "requests": played.requests, "steps": played.steps}
    _print(played, machine, as_object=chosen.json)
    if chosen.keep:
        print(f"kept: {folder}", file=sys.stderr)
    return 1 if played.mismatches else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py day", description=__doc__)
    parser.add_argument(
        "--calls",
        type=_callers,
        default=FULL_DAY,
        metavar="N|2x",
        help=f"callers in the line's hours (default {FULL_DAY}, an ordinary day), or a multiple of it",
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"the same seed gives the same day (default {SEED})")
    parser.add_argument("--date", type=date.fromisoformat, default=MONDAY, help=f"which day (default {MONDAY})")
    parser.add_argument("--json", action="store_true", help="one JSON object; all but `machine` is the same everywhere")
    parser.add_argument("--keep", action="store_true", help="keep the day's database and mail below .run/")
    return parser  # fmt: skip


def _callers(told: str) -> int:
    number = round(FULL_DAY * float(told[:-1])) if told.endswith("x") else int(told)
    if number < 1:
        raise argparse.ArgumentTypeError("write a number of callers, or 2x for twice an ordinary day")
    return number


def _folder(stack: ExitStack, *, keep: bool) -> Path:
    folder = ROOT / ".run" / f"day-{os.getpid()}"
    folder.mkdir(parents=True)
    if not keep:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _play(plan: DayPlan, folder: Path, stack: ExitStack, say: Callable[[str], None]) -> PlayedDay:
    say("Starting PostgreSQL and Redis, and filling a book for the day …")
    postgres = stack.enter_context(Postgres(folder / "postgres", durable=False))
    redis = stack.enter_context(Redis(folder / "redis"))
    with psycopg.connect(postgres.url(), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{DATABASE}"'.encode())
    engines = {
        "DATABASE_URL": postgres.url(DATABASE, user=APP_ROLE),
        "DATABASE_OWNER_URL": postgres.url(DATABASE),
        "REDIS_URL": redis.url,
        "PEPPER": secrets.token_hex(32),
    }
    midnight = datetime.combine(plan.day, datetime.min.time(), TOKYO)
    props = prepare(sqlalchemy_url(postgres.url(DATABASE)), plan, pepper=engines["PEPPER"], now=midnight)
    stage = stack.enter_context(set_up(folder, midnight, engines))
    return play(plan, props, stage, folder, say)


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _say(*, quiet: bool) -> Callable[[str], None]:
    return lambda line: print(line, file=sys.stderr if quiet else sys.stdout, flush=True)


def _print(played: PlayedDay, machine: dict[str, Any], *, as_object: bool) -> None:
    if as_object:
        print(json.dumps(as_json(played) | {"machine": machine}, ensure_ascii=False, indent=2))
        return
    print("", *tables(played), "", sep="\n")
    print(f"  {machine['wall_seconds']} s on this machine, {machine['requests']} requests")
