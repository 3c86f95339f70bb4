"""The house rules, as tests: who may ask what time it is, and which room may enter which."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_OURS = {".venv", ".run", ".git", "vendor", "__pycache__", "node_modules"}

MAY_ASK_THE_MACHINE = {
    "booking_core/clock.py": "it is the clock",
    "engines": "they start and stop programs of this machine, whose time is the machine's",
    "simulator": "it lives outside the system and plays the world's own clock",
    "benchmarks": "they measure how long something really takes",
}

# Calls that ask the machine what time it is. `time.monotonic` and `perf_counter` measure a span and tell no time.
TELLS_THE_TIME = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("time", "ctime"),
    ("func", "now"),
    ("func", "current_timestamp"),
}
SQL_TELLS_THE_TIME = re.compile(
    r"\bnow\s*\(\s*\)|\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b"
    r"|\b(clock|statement|transaction)_timestamp\s*\(|\btimeofday\s*\(|'(now|today|tomorrow|yesterday)'::",
    re.IGNORECASE,
)


def our_files(*endings: str) -> Iterator[Path]:
    """Yield our files; folders of others are not entered: what other tests make there may go while it is looked at."""
    for folder, inside, files in os.walk(ROOT):
        inside[:] = sorted(set(inside) - NOT_OURS)
        yield from (Path(folder) / name for name in sorted(files) if name.endswith(endings))


def may_ask(file: Path) -> bool:
    place = file.relative_to(ROOT)
    return str(place) in MAY_ASK_THE_MACHINE or place.parts[0] in MAY_ASK_THE_MACHINE


def faults_of(source: str) -> list[tuple[int, str]]:
    """Return the lines of a Python file that ask the machine or the database for the time, with what they say."""
    tree = ast.parse(source)
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings, and texts after names
    asked = (node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt | ast.alias))
    return [(node.lineno, fault) for node in asked if id(node) not in prose and (fault := _fault(node))]


def _fault(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute) and (_last_name(node.value), node.attr) in TELLS_THE_TIME:
        return ast.unparse(node)
    if (
        isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and {"time", "localtime"} & {n.name for n in node.names}
    ):
        return ast.unparse(node)
    if isinstance(node, ast.Name | ast.alias) and "crontab" in ast.unparse(node):
        return "crontab"
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_TELLS_THE_TIME.search(node.value):
        return repr(node.value)
    return None


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_only_the_clock_asks_what_time_it_is() -> None:
    faults = [
        f"{file.relative_to(ROOT)}:{line} {fault}"
        for file in our_files(".py")
        if not may_ask(file) and file != Path(__file__)
        for line, fault in faults_of(file.read_text(encoding="utf-8"))
    ]
    assert not faults, "ask the Clock, or clock.real_now for leases, throttles and sessions:\n" + "\n".join(faults)


def test_no_template_and_no_sql_file_asks_what_time_it_is() -> None:
    faults = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in our_files(".html", ".sql", ".txt", ".jinja")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if SQL_TELLS_THE_TIME.search(line)
    ]
    assert not faults


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.datetime.now(datetime.UTC)",
        "import datetime\nx = datetime.date.today()",
        "import time\nx = time.time()",
        "from time import time\nx = time()",
        "x = field(default_factory=datetime.utcnow)",
        "from sqlalchemy import func\nx = func.now()",
        "x = text('UPDATE t SET at = now()')",
        "x = text(f'UPDATE {t} SET at = NOW ( )')",
        "x = 'SELECT CURRENT_TIMESTAMP'",
        "x = 'SELECT clock_timestamp()'",
        "from celery.schedules import crontab",
    ],
)
def test_every_way_of_asking_is_found(source: str) -> None:
    assert faults_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "x = clock.now()",
        "x = wired().clock.now()",
        "import time\nx = time.monotonic()",
        "from datetime import time\nx = time(17)",
        "x = text('SELECT :now')",
        '"""No SQL `now()` here."""',
        "x = 1\n'''Never `now()`.'''",
        "x = 'acknow (it)'",
    ],
)
def test_what_asks_nobody_is_left_alone(source: str) -> None:
    assert not faults_of(source)


def test_our_files_are_found_and_no_others() -> None:
    found = {str(file.relative_to(ROOT)) for file in our_files(".py", ".html")}
    assert {"app.py", "booking_core/booking.py", "web/templates/booking/days.html"} <= found
    assert not any(set(Path(name).parts) & NOT_OURS for name in found)


def test_every_exception_is_still_needed() -> None:
    assert faults_of((ROOT / "booking_core" / "clock.py").read_text(encoding="utf-8"))
    for place in MAY_ASK_THE_MACHINE:
        assert (ROOT / place).exists(), place


def test_imports_go_down_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([lint, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "0 broken" in told.stdout


def test_no_room_is_left_out_of_the_import_contracts() -> None:
    configuration = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.importlinter]")[2]
    watched = set(re.findall(r'"([a-z_]+)"', configuration.partition("]")[0]))
    rooms = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"tests", "docs"}
    assert rooms <= watched
