"""What `run.py test` and `run.py check` run, and what they need from the machine."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from engines import leftovers
from engines.account import tether
from engines.failure import EngineError
from engines.postgres import Postgres

ROOT = Path(__file__).resolve().parent
RUN = ROOT / ".run"
SOURCE_CHECKS = (
    ("ruff check", ("-m", "ruff", "check")),
    ("ruff format", ("-m", "ruff", "format", "--check")),
    ("mypy", ("-m", "mypy", ".")),
    ("import contracts", (".venv/bin/lint-imports",)),
)
PARALLEL = ("-n", "2")
"""How the suite is spread. A worker has engines of its own; more than the machine's cores only makes them wait."""
MAJORS = ("16", "18")
TESTS_OF_ROWS = ("tests/booking_core", "tests/ivr", "tests/metrics", "tests/tasks", "tests/test_migrations.py")
FOUND = ("killed", "timeout")
MOST_SURVIVORS = 10
"""Changes of the core that no test can find, because the book does the same with them.

`now=None` for a read that then uses no hold's end (4); letters for a caller-ID prefix, which the reader of the number
skips (1); guards that only a race within microseconds reaches: races in threads and random walks look after those (5).
"""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
DEBIAN_PACKAGES = ("chromium", "fontconfig", "fonts-ipaexfont-gothic", "libatomic1", "poppler-utils")
APT = Path("/usr/bin/apt-get")


def run_suite(arguments: list[str]) -> int:
    """Check the source, then run the tests; returns the first exit code that is not 0. Arguments go to pytest."""
    require_readers()
    if not arguments:
        for name, words in SOURCE_CHECKS:
            if code := _python(name, *words):
                return code
    return _pytest(*(arguments or PARALLEL), "-m", "not long")


def run_check(arguments: list[str]) -> int:
    """Run the rows' tests on both majors, the long tests, then the mutation of the core; returns the first failure."""
    require_readers()
    for major in MAJORS:
        os.environ["POSTGRES_MAJOR"] = major
        if code := _pytest(*PARALLEL, "-m", "not long", *TESTS_OF_ROWS, *arguments):
            return code
    if code := _pytest(*PARALLEL, "-m", "long", *arguments):
        return code
    return run_mutation()


def run_mutation() -> int:
    """Change the core line by line and let its tests find each change; print the changes that none of them found.

    Works on a copy below `.run/`, so that no other tool meets the changed files. All runs share one server: to start
    one takes ten times as long as the tests that a change needs.
    """
    folder = RUN / "mutation"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(".*", "__pycache__", "mutants"))
    with Postgres(folder / "postgres", durable=False, options={"max_connections": "300"}) as server:
        os.environ["LENT_SERVER"] = server.url()
        try:
            code = _python("mutation", "-m", "mutmut", "run", cwd=folder / "source")
        finally:
            del os.environ["LENT_SERVER"]
    if code:
        print(f"\nmutation: it ended before it was done (exit code {code}). What it was doing stands above.")
        return code
    return _judge_mutation(folder / "source")


def _judge_mutation(source: Path) -> int:
    """Print each change that no test found, and judge how many they are."""
    survivors = [name for name, state in _mutants(source) if state not in FOUND]
    for name in survivors:
        print(f"\nNo test found this change, {name}:")
        print("\n".join(line for line in _mutmut(source, "show", name) if line[:1] in {"+", "-", "@"}))
    return judge_survivors(len(survivors))


def judge_survivors(survivors: int) -> int:
    """Say how many changes no test found, and return 1 when there are more than `MOST_SURVIVORS`."""
    print(f"\nmutation: no test found {survivors} changes of the core; {MOST_SURVIVORS} are allowed.")
    if survivors <= MOST_SURVIVORS:
        return 0
    print("Write a test that fails for each new one above, or show in suite.py why none can.")
    return 1


def _mutants(source: Path) -> Iterator[tuple[str, str]]:
    """Yield every change with what became of it."""
    for line in _mutmut(source, "results", "--all", "true"):
        name, _, state = line.strip().partition(": ")
        if state:
            yield name, state


def _mutmut(source: Path, *words: str) -> list[str]:
    command = [sys.executable, "-m", "mutmut", *words]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, check=True).stdout.splitlines()


def require_readers() -> None:
    """Install what reads pages and papers, as root on Debian; elsewhere raise EngineError with the one line to type.

    That is Chromium with a Japanese font, and poppler's pdftotext.
    """
    has_readers = any(map(shutil.which, CHROMIUM_NAMES)) and shutil.which("pdftotext")
    if has_readers and _has_japanese_font() and _has_drivers_library():
        return
    line = f"apt-get install -y {' '.join(DEBIAN_PACKAGES)}"
    if sys.platform == "darwin":
        brew = "brew install --cask chromium; brew install poppler"
        raise EngineError(f"the tests need Chromium and pdftotext on PATH. Type: {brew}")
    if os.geteuid() != 0 or not APT.exists():
        raise EngineError(f"the tests need Chromium, a Japanese font and pdftotext. Type: sudo {line}")
    print(f"Installing {', '.join(DEBIAN_PACKAGES)} for the tests of pages and papers …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([APT, "update", "-qq"], env=quiet, check=False)
    command: list[str | Path] = [APT, "install", "-y", "-qq", "--no-install-recommends", *DEBIAN_PACKAGES]
    if subprocess.run(command, env=quiet, check=False).returncode:
        raise EngineError(f"what the tests need could not be installed. Type: {line}")


def _has_japanese_font() -> bool:
    lister = shutil.which("fc-list")
    if sys.platform == "darwin":
        return True
    if lister is None:
        return False
    return bool(subprocess.run([lister, ":lang=ja"], capture_output=True, check=False).stdout.strip())


def _has_drivers_library() -> bool:
    """Tell whether Playwright's driver can start: its Node needs a library that a small Debian does not have."""
    if sys.platform != "linux":
        return True
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        return False
    return True


def _pytest(*arguments: str) -> int:
    """Run pytest with its temporary folders inside `.run/`, so that a run leaves nothing elsewhere."""
    for old in RUN.glob("pytest-*"):
        if leftovers.birth(int(old.name.partition("-")[2])) is None:  # what a killed run could not remove
            shutil.rmtree(old, ignore_errors=True)
    base = RUN / f"pytest-{os.getpid()}"
    try:
        return _python("pytest", "-m", "pytest", f"--basetemp={base}", *arguments)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _python(name: str, *words: str, cwd: Path = ROOT) -> int:
    """Run one tool and return its exit code. Ctrl-C reaches it as well; it is given the time to tidy up."""
    print(f"— {name}", flush=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with Ctrl-C ignored
    process = subprocess.Popen([*tether(signal.SIGINT), sys.executable, *words], cwd=cwd)
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()
