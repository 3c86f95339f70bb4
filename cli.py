"""Every command of the project. `run.py` prepares the environment and comes here; production calls it directly."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from config import SettingsError, load_settings
from engines.failure import EngineError

ROOT = Path(__file__).resolve().parent
DEFAULT_PORT = 8000
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

    demo.start(chosen.port)
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


def bench(arguments: list[str]) -> int:
    """Measure what is named: `bench book`."""
    if arguments[:1] != ["book"]:
        raise EngineError("name what to measure: python3 run.py bench book [--json]")
    from benchmarks import book

    return int(book.main(arguments[1:]) or 0)


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


def serve(chosen: argparse.Namespace) -> int:
    """Become a process type of the Procfile; returns only where there is nothing to become."""
    from process_types import process_types

    if chosen.type == "line":
        print("line: the queue's own process is not built yet; calls wait in the order of their arrival.")
        return 0
    kind = process_types()[chosen.type]
    environ = {**os.environ, **kind.variables}
    load_settings(environ)  # a wrong setting is told before anything starts
    os.execve(kind.command[0], kind.command, environ)  # noqa: S606  becomes it, needs no shell
    return 0


PASSED_ON: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "test": (test, "the whole suite; what follows goes to pytest"),
    "check": (check, "the long checks: both PostgreSQL majors, interleavings at scale, mutation"),
    "call": (call, "one telephone call against the running demo, step by step"),
    "bench": (bench, "bench book [--json]: how fast booking is, beside the bare statements"),
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
    starting.set_defaults(run=start)
    for name, (_, line) in PASSED_ON.items():
        commands.add_parser(name, help=line)
    commands.add_parser("migrate", help="bring the database of DATABASE_URL up to date").set_defaults(run=migrate)
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
