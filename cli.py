"""Every command of the project. `run.py` prepares the environment and comes here; production calls it directly."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from config import Settings, SettingsError, load_settings
from engines.failure import EngineError

if TYPE_CHECKING:  # no command waits for what it does not use
    from sqlalchemy import Connection

    from booking_core.refusal import Refusal

ROOT = Path(__file__).resolve().parent
DEFAULT_PORT = 8000
T = TypeVar("T")
HELP = ("-h", "--help")
DURATION = re.compile(r"([+-]?\d+)([smhd])")
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; what the outside world refuses is told in one line."""
    os.chdir(ROOT)
    try:
        if argv and argv[0] in PASSED_ON:
            return PASSED_ON[argv[0]][0](list(argv[1:]))
        chosen = _parser().parse_args(argv if argv and (argv[0] in HELP or argv[0][0] != "-") else ["start", *argv])
        return int(chosen.run(chosen))
    except (EngineError, SettingsError) as error:
        print(f"madoguchi: {error}", file=sys.stderr)
        return 1


def start(chosen: argparse.Namespace) -> int:
    """Run the demo."""
    import demo

    demo.start(chosen.port, quiet=chosen.quiet)
    return 0


def test(arguments: list[str]) -> int:
    """Check the source and run the suite; arguments go to pytest."""
    import suite

    return suite.run_suite(arguments)


def check(arguments: list[str]) -> int:
    """Run the long checks."""
    import suite

    return suite.run_check(arguments)


def call(arguments: list[str]) -> int:
    """Play one telephone call against the running demo."""
    import demo
    from simulator import one_call

    os.environ.update(demo.running_environment())
    return int(one_call.main(arguments) or 0)


def day(arguments: list[str]) -> int:
    """Play a whole working day, in a database of its own."""
    import day as whole

    return whole.main(arguments)


def bench(arguments: list[str]) -> int:
    """Measure what is named: `bench book`, `bench line`, `bench reports`, `bench board`."""
    match arguments:
        case ["book", *rest]:
            from benchmarks import book

            return book.main(rest)
        case ["line", *rest]:
            from benchmarks import line

            return line.main(rest)
        case ["reports", *rest]:
            from benchmarks import reports

            return reports.main(rest)
        case ["board", *rest]:
            from benchmarks import board

            return board.main(rest)
    raise EngineError("name what to measure: python3 run.py bench book|line|reports|board [--json]")


def drill(arguments: list[str]) -> int:
    """Break what is named while it works: `drill line`."""
    if arguments != ["line"]:
        raise EngineError("name what to break: python3 run.py drill line")
    from drills import line

    return line.main()


def figures(arguments: list[str]) -> int:
    """Print the figures of a span of days."""
    import ledger_commands

    return ledger_commands.figures(arguments)


def replay(arguments: list[str]) -> int:
    """Tell a past day's events to the code again."""
    import ledger_commands

    return ledger_commands.replay(arguments)


def import_calls(arguments: list[str]) -> int:
    """Take a list of calls into the ledger."""
    import ledger_commands

    return ledger_commands.import_list(arguments)


def trace(arguments: list[str]) -> int:
    """List every requirement with the tests that show it."""
    import runpy

    return int(runpy.run_path("tests/trace.py")["main"](arguments))


def clock(arguments: list[str]) -> int:
    """Show or move the demo's business time; running processes see it with their next look."""
    from booking_core.clock import TOKYO, Clock, real_now
    from demo import CLOCK
    from engines import clock_file

    path = Path(os.environ.get("CLOCK_FILE") or CLOCK)
    match arguments:
        case [] | ["show"]:
            pass
        case ["real"]:
            clock_file.write_real(path)
        case ["step", when]:
            clock_file.write_stepped(path, _moment(when, Clock(path).now()).astimezone(TOKYO))
        case ["shift", when]:
            clock_file.write_shifted(path, _moment(when, Clock(path).now()) - real_now())
        case _:
            raise EngineError("write clock [show | real | shift WHEN | step WHEN]; WHEN: 2025-04-07T09:00, +2h or -1d")
    told = path.read_text(encoding="utf-8") if path.exists() else '{"mode": "real"}'
    print(f"{Clock(path).now().astimezone(TOKYO):%Y-%m-%d %H:%M:%S} in Tokyo   {told}")
    return 0


def migrate(_: argparse.Namespace) -> int:
    """Bring the database of the environment up to date."""
    from migrations.upgrade import upgrade

    print(f"The database is at revision {upgrade(load_settings().owner_url.get_secret_value())}.")
    return 0


def city(_: argparse.Namespace) -> int:
    """Load Kyoto's venues, services and hours into an empty book, and cut the first slots."""
    from booking_core.clock import Clock, tokyo_day
    from booking_core.seed.city import load_city
    from booking_core.slots import materialise

    settings = load_settings()
    now = Clock(settings.clock_file).now()

    def work(db: "Connection") -> bool:
        return load_city(db, valid_from=tokyo_day(now)) and materialise(db, now=now) > 0

    if not _in_book(settings, work):
        raise EngineError("the book already has venues: a city is loaded only into an empty one")
    print("The city is loaded and its slots are cut. Next: cli.py account LOGIN NAME")
    return 0


def account(chosen: argparse.Namespace) -> int:
    """Make the first account, a city administrator, who makes all others. The password is asked, or read from stdin."""
    from booking_core.actors import Actor
    from booking_core.clock import Clock
    from booking_core.models import Role
    from booking_core.refusal import Refusal
    from booking_core.staff.accounts import NewAccount, create_account, list_accounts

    settings = load_settings()
    now = Clock(settings.clock_file).now()
    new = NewAccount(chosen.login, chosen.name, Role.CITY_ADMIN, _ask_password())

    def work(db: "Connection") -> int | Refusal | None:
        return None if list_accounts(db, now=now) else create_account(db, new, by=Actor.job(), now=now)

    answer = _in_book(settings, work)
    if answer is None:
        raise EngineError("the book already has accounts: its administrators make others at /admin/")
    if isinstance(answer, Refusal):
        raise EngineError(f"no account was made ({answer.reason}): {answer.message}")
    print(f"{new.login} can sign in at /admin/.")
    return 0


def _ask_password() -> str:
    """Return a password from the terminal, typed twice, or else the first line of stdin; never from an argument."""
    from getpass import getpass

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise EngineError("the two passwords differ: nothing was made")
    return password


def _in_book(settings: Settings, work: "Callable[[Connection], T]") -> "T | Refusal":
    """Run `work` in one transaction on the book of the environment, with the owner's rights."""
    from booking_core.db import in_transaction, make_engine
    from booking_core.refusal import Reason, Refusal

    engine = make_engine(settings.owner_url.get_secret_value(), role=None)
    try:
        answer = in_transaction(engine, work)
    finally:
        engine.dispose()
    if isinstance(answer, Refusal) and answer.reason is Reason.BUSY:
        raise EngineError("the book is busy: try again")
    return answer


def serve(chosen: argparse.Namespace) -> int:
    """Become a process type of the Procfile."""
    from process_types import process_types

    kind = process_types()[chosen.type]
    environ = {**os.environ, **kind.variables}
    load_settings(environ)  # a wrong setting is told before anything starts
    os.execve(kind.command[0], kind.command, environ)  # noqa: S606  becomes it, needs no shell
    return 0


def line(_: argparse.Namespace) -> int:
    """Look after the telephone's queue until SIGTERM or Ctrl-C."""
    import signal
    import threading

    from app import create_line

    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    create_line(load_settings()).run(stop)
    return 0


PASSED_ON: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "test": (test, "the whole suite; what follows goes to pytest"),
    "check": (check, "the long checks: both PostgreSQL majors, interleavings at scale, mutation"),
    "call": (call, "one telephone call against the running demo, step by step"),
    "day": (day, "[--calls N|2x] [--seed S] [--json] a whole working day on a stepped clock, and whether all adds up"),
    "bench": (bench, "bench book | line | reports | board [--json]: how fast it is, what it costs"),
    "drill": (drill, "drill line: kill each process during thirty calls, and see that nobody is lost"),
    "figures": (figures, "DAY [DAY] [--by half_hour] [--json] every published number of calls"),
    "replay": (replay, "DAY [--json] a past day's events told to the code again, and every difference"),
    "import-calls": (import_calls, "FILE [--json] a provider's call list or a public log into the ledger"),
    "trace": (trace, "[--json] each requirement, how to verify it, and the tests that do"),
    "clock": (clock, "[show | real | shift WHEN | step WHEN] the demo's business time"),
}
"""Commands that read their own arguments, and their line in the help."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Madoguchi: the appointment book and the call centre of a city's counters.",
        epilog="Without a command the demo starts. Production processes: serve TYPE, with settings in the environment.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    starting = commands.add_parser("start", help="the demo: engines, web, worker and schedule until Ctrl-C (default)")
    starting.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"on this machine only (default {DEFAULT_PORT})"
    )
    quiet = "without simulated callers and operators, and by the clock as it is (also with QUIET=1 in the environment)"
    starting.add_argument("--quiet", action="store_true", default=os.environ.get("QUIET", "0") != "0", help=quiet)
    starting.set_defaults(run=start)
    for name, (_, purpose) in PASSED_ON.items():
        commands.add_parser(name, help=purpose)
    commands.add_parser("migrate", help="bring the database of DATABASE_URL up to date").set_defaults(run=migrate)
    loading = "load the city into the empty book of DATABASE_URL"
    commands.add_parser("city", help=loading).set_defaults(run=city)
    first = commands.add_parser("account", help="make the first account; its password is asked, or read from stdin")
    first.add_argument("login", help="3 to 40 of a-z 0-9 . _ -")
    first.add_argument("name", help="as it is shown, such as 市管理者")
    first.set_defaults(run=account)
    looking_after = "look after the telephone's queue: offers, redirects, timers (a process type of the Procfile)"
    commands.add_parser("line", help=looking_after).set_defaults(run=line)
    serving = commands.add_parser("serve", help="one process type of the Procfile")
    serving.add_argument("type", choices=_types(), metavar="TYPE", help=", ".join(_types()))
    serving.set_defaults(run=serve)
    return parser


def _types() -> list[str]:
    from process_types import process_types

    return list(process_types())


def _moment(text: str, now: datetime) -> datetime:
    """Read `+2h` from `now` on, or a date and time, in Tokyo unless it says otherwise."""
    from booking_core.clock import TOKYO

    duration = DURATION.fullmatch(text)
    if duration:
        return now + timedelta(seconds=int(duration[1]) * UNIT_SECONDS[duration[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise EngineError(f"{text} is no time: write 2025-04-07T09:00, or +90m, +2h, -1d from now") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=TOKYO)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
