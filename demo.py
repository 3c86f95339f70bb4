"""The demo: private engines, Kyoto's book, every process and a telephone network in one command, for this machine.

Everything it keeps lies in `.run/`. `demo.env` there holds its secrets, made once, and while it runs also the addresses
by which `run.py call` and `run.py bench` find it.
"""

import math
import os
import secrets
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import text

from booking_core.audit import newest_instant
from booking_core.clock import TOKYO, Clock, real_now
from booking_core.db import APP_ROLE, make_engine
from config import Settings, load_settings
from engines import clock_file
from engines.failure import EngineError
from engines.folder_lock import FolderLock
from engines.postgres import Postgres
from engines.redis import Redis
from engines.supervisor import Engine, Program, Stopped, Supervisor, stop_on_signals
from ivr.hours import read_hours
from migrations.upgrade import upgrade
from process_types import process_types

ROOT = Path(__file__).resolve().parent
RUN = ROOT / ".run"
ENVIRONMENT = RUN / "demo.env"
CLOCK = RUN / "clock.json"
DATABASE = "madoguchi"
SECRETS = ("SECRET_KEY", "PEPPER", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SECRET")
SIDS = {"TWILIO_ACCOUNT_SID": "AC", "TWILIO_API_KEY_SID": "SK"}
NETWORK_PORT_ABOVE = 10
"""How far above the demo's own port the local telephone network answers."""

LIVING_PORT_ABOVE = 20
"""Likewise for the simulated callers and operators, who can be asked to stand aside."""

ROOT_IS_FINE_HERE = "ignore:You're running the worker with superuser privileges"
LINE = "+81753660000"
FOLLOW_PUBLIC_URL = ("CITIZEN_URL", "STAFF_URL", "VOICE_URL")
PROGRAMS = ("web", "line", "worker", "beat")


def start(port: int, *, quiet: bool = False) -> None:
    """Run the demo in the foreground until Ctrl-C; unless it is to be quiet, with simulated people in it.

    Raises:
        EngineError, SettingsError: one line; nothing was left running.
    """
    lock = FolderLock(RUN / "demo")
    if lock.is_held():
        address = read_environment().get("PUBLIC_URL", "")
        raise EngineError(f"the demo already runs at {address}: press Ctrl-C where it was started")
    lock.acquire()
    stop_on_signals()
    try:
        with ExitStack() as stack:
            stack.callback(lock.release)
            _run(port, stack, quiet=quiet)
    except Stopped:
        print("\nStopped. The data stays in .run/ for the next start.", flush=True)


def read_environment() -> dict[str, str]:
    """Return what `demo.env` holds: the secrets always, the rest only while the demo runs."""
    if not ENVIRONMENT.exists():
        return {}
    lines = ENVIRONMENT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def running_environment() -> dict[str, str]:
    """Return the running demo's environment; raises EngineError with the way to start it."""
    if not FolderLock(RUN / "demo").is_held():
        raise EngineError("the demo is not running: start it in another terminal with python3 run.py")
    return read_environment()


def _run(port: int, stack: ExitStack, *, quiet: bool) -> None:
    supervisor = Supervisor(RUN / "demo" / "running.json")  # first of all it ends what a killed demo left behind
    _refuse_a_taken_port(port)
    if _plays_the_network():
        _refuse_a_taken_port(port + NETWORK_PORT_ABOVE)
    lives = _plays_the_network() and not quiet
    if lives:
        _refuse_a_taken_port(port + LIVING_PORT_ABOVE)
    environ, engines = _start_engines(port, stack)
    if lives:
        environ["LIVING_URL"] = f"http://127.0.0.1:{port + LIVING_PORT_ABOVE}"
    settings = load_settings(environ)
    _bring_up_to_date(settings)
    sign_ins = _seed(settings)
    if lives:
        _begin_when_the_line_opens(settings)
    _write_environment(environ)
    stack.callback(_forget_addresses)
    stack.enter_context(supervisor)
    for engine in engines:
        supervisor.watch(engine)
    for program in _programs(environ):
        supervisor.add(program)
    print("Starting web, line, worker, schedule and a telephone network …", flush=True)
    supervisor.run(until=lambda: _answers(settings))
    if lives:
        supervisor.add(_living(environ))
    _greet(settings, sign_ins, lives=lives)
    supervisor.run()


def _refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise EngineError(f"port {port} can not be used ({error.strerror}): try --port {port + 1}") from None


def _start_engines(port: int, stack: ExitStack) -> tuple[dict[str, str], list[Engine]]:
    """Start what the environment does not name, and return the environment of all programs."""
    environ = _demo_environment(port)
    engines: list[Engine] = []
    print("Starting PostgreSQL and Redis …", flush=True)
    if "DATABASE_URL" not in environ:
        postgres = stack.enter_context(Postgres(RUN / "postgres"))
        _make_database(postgres.url())
        environ["DATABASE_URL"] = postgres.url(DATABASE, user=APP_ROLE)
        environ["DATABASE_OWNER_URL"] = postgres.url(DATABASE)
        engines.append(postgres)
    if "REDIS_URL" not in environ:
        redis = stack.enter_context(Redis(RUN / "redis"))
        environ["REDIS_URL"] = redis.url
        engines.append(redis)
    return environ, engines


def _demo_environment(port: int) -> dict[str, str]:
    kept = read_environment()
    environ = {name: kept.get(name) or secrets.token_hex(32) for name in SECRETS}
    environ |= {name: kept.get(name) or prefix + secrets.token_hex(16) for name, prefix in SIDS.items()}
    environ |= {
        "DEMO": "1",
        "PORT": str(port),
        "BIND": "127.0.0.1",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TWILIO_NUMBER": LINE,
        "TWILIO_API_BASE": f"http://127.0.0.1:{port + NETWORK_PORT_ABOVE}",
        "CLOCK_FILE": str(CLOCK),
        "SMTP_URL": (RUN / "mail").as_uri(),
        "REPORT_TO": "city@localhost",
        "LOG_FORMAT": "console",
        "LOG_LEVEL": "warning",  # the addresses and sign-ins stay in sight
    }
    environ |= _given()
    return dict.fromkeys(FOLLOW_PUBLIC_URL, environ["PUBLIC_URL"]) | environ


def _plays_the_network() -> bool:
    """Tell whether the telephone network is ours: unless the environment names another, or a real account."""
    return not {"TWILIO_API_BASE", "TWILIO_ACCOUNT_SID"} & set(_given())


def _given() -> dict[str, str]:
    """Return the settings that the person who starts the demo has put into its environment herself."""
    ours = {name.upper() for name in Settings.model_fields} - {"DEMO", "PORT", "BIND", "CLOCK_FILE"}
    return {name: os.environ[name] for name in ours if os.environ.get(name)}


def _make_database(server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as server:
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
            server.execute(f'CREATE DATABASE "{DATABASE}"'.encode())


def _bring_up_to_date(settings: Settings) -> None:
    """Migrate, and set the clock so that nothing stored lies in its future.

    Raises:
        EngineError: DATABASE_URL names a book that is not the demo's; nothing was changed there.
    """
    _refuse_foreign_book(settings)
    upgrade(settings.owner_url.get_secret_value())
    engine = make_engine(settings.owner_url.get_secret_value(), role=None)
    with engine.begin() as db:
        if "DATABASE_URL" not in _given():  # our own engine: there the processes log in with few rights as well
            db.execute(text(f"ALTER ROLE {APP_ROLE} LOGIN"))
        newest = newest_instant(db)
    engine.dispose()
    if newest and newest > Clock(settings.clock_file).now():
        clock_file.write_shifted(CLOCK, timedelta(seconds=math.ceil((newest - real_now()).total_seconds())))
        print(f"The book holds entries up to {newest.astimezone(TOKYO):%Y-%m-%d %H:%M}: the clock goes on from there.")


def _refuse_foreign_book(settings: Settings) -> None:
    from booking_core.seed import ForeignBook, refuse_foreign_book

    engine = make_engine(settings.owner_url.get_secret_value(), role=None)
    try:
        with engine.connect() as db:
            refuse_foreign_book(db)
    except ForeignBook:
        raise EngineError(
            "DATABASE_URL names a book that is not the demo's: leave it unset, or name an empty database"
        ) from None
    finally:
        engine.dispose()


def _seed(settings: Settings) -> Sequence[str]:
    """Fill an empty book with the city and the demo's accounts and cards; return the lines that tell how to sign in."""
    from booking_core.seed import seed_demo

    engine = make_engine(settings.owner_url.get_secret_value(), role=None)
    try:
        return seed_demo(engine, now=Clock(settings.clock_file).now(), pepper=settings.pepper.get_secret_value())
    finally:
        engine.dispose()


def _begin_when_the_line_opens(settings: Settings) -> None:
    """Move the clock on to the line's next opening, if it is closed: at night there would be nobody to look at."""
    opening = _next_opening(settings, Clock(settings.clock_file).now())
    if opening:
        clock_file.write_shifted(CLOCK, opening - real_now())
        print(f"The telephone line is closed at this hour: the clock goes on from {opening:%Y-%m-%d %H:%M} instead.")


def _programs(environ: dict[str, str]) -> list[Program]:
    """Return the Procfile's web (with every door), line, worker and schedule, and the local telephone network."""
    kinds = process_types()
    whole = _whole(environ)
    programs = [Program(name, kinds[name].command, whole) for name in PROGRAMS]
    if _plays_the_network():
        port = str(int(environ["PORT"]) + NETWORK_PORT_ABOVE)
        programs.append(Program("network", (sys.executable, "-m", "simulator.network", "--port", port), whole))
    return programs


def _living(environ: dict[str, str]) -> Program:
    """Return the simulated people: callers, operators at desks of their own, citizens on the web."""
    port = str(int(environ["PORT"]) + LIVING_PORT_ABOVE)
    return Program("living", (sys.executable, "-m", "simulator.living", "--port", port), _whole(environ))


def _whole(environ: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": ROOT_IS_FINE_HERE}


def _answers(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004  OK
    except OSError:
        return False


def _greet(settings: Settings, sign_ins: Sequence[str], *, lives: bool) -> None:
    url, now = settings.public_url, Clock(settings.clock_file).now()
    print(f"\n  Madoguchi runs. Business time: {now.astimezone(TOKYO):%Y-%m-%d %H:%M}\n")
    for door, path in (("citizens", "/"), ("operators", "/desk/"), ("board", "/board/"), ("city staff", "/admin/")):
        print(f"  {door:<11} {url}{path}")
    if _plays_the_network():
        print(f"  {'telephone':<11} http://127.0.0.1:{settings.port + NETWORK_PORT_ABOVE}/")
    print("", *(f"  {line}" for line in sign_ins), "", sep="\n")
    if lives:
        print("  Simulated callers call, and sim1 to sim3 answer them: sign in as operator1 and join in.")
        print("  Without them, and by the clock as it is: python3 run.py --quiet")
    if opening := _next_opening(settings, now):
        print(
            f"  The telephone line is closed until {opening:%Y-%m-%d %H:%M}. To let the demo's clock go on from there:"
        )
        print(f"  python3 run.py clock shift {opening:%Y-%m-%dT%H:%M}")
    print("  A telephone call, step by step: python3 run.py call     Stop: Ctrl-C\n", flush=True)


def _next_opening(settings: Settings, now: datetime) -> datetime | None:
    """Return when the line opens next, in Tokyo; None while it is open."""
    engine = make_engine(settings.database_url.get_secret_value())
    try:
        with engine.connect() as db:
            hours = read_hours(db, now=now)
    finally:
        engine.dispose()
    opening = None if hours.open_at(now) else hours.next_opening(now)
    return opening.astimezone(TOKYO) if opening else None


def _write_environment(environ: dict[str, str]) -> None:
    fresh = ENVIRONMENT.with_suffix(".part")
    fresh.touch(mode=0o600)
    fresh.write_text("".join(f"{name}={value}\n" for name, value in sorted(environ.items())), encoding="utf-8")
    fresh.replace(ENVIRONMENT)


def _forget_addresses() -> None:
    _write_environment({name: value for name, value in read_environment().items() if name in {*SECRETS, *SIDS}})
