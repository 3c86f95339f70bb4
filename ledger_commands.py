"""Commands that read and check the ledger: `figures`, `replay`, `import-calls`."""

import argparse
import codecs
import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from booking_core.clock import Clock, tokyo_day
from booking_core.db import in_transaction, make_engine
from booking_core.refusal import Refusal
from config import Settings, load_settings
from engines.failure import EngineError
from ivr.hours import read_hours
from ivr.ledger.import_calls import Imported, import_calls, judge_by_the_line
from ivr.ledger.listed_calls import (
    ABANDONED,
    FIELDS,
    IGNORED,
    ListedCall,
    ListFormat,
    Row,
    read_calls,
    unknown_columns,
)
from ivr.queue.models import Outcome
from metrics.call_counts import count_calls_by
from metrics.figures import figures_between, period_as_json
from metrics.period import Period, day_start
from tasks.replay_day import Replayed, replay_day

T = TypeVar("T")
MOST_TOLD = 20
DELIMITERS = (",", "\t", ";", "|")
SIGNS = {"tab": "\t", "\\t": "\t", "space": " "}


def figures(arguments: Sequence[str]) -> int:
    """Print the figures of a span of days."""
    parser = argparse.ArgumentParser(prog="run.py figures", description=figures.__doc__)
    parser.add_argument("first", type=date.fromisoformat, help="first day, such as 2025-04-07")
    parser.add_argument("last", type=date.fromisoformat, nargs="?", help="last day (default: the first)")
    parser.add_argument("--by", type=Period, choices=list(Period), help="also by these periods")
    parser.add_argument("--json", action="store_true", help="every figure as one JSON object")
    chosen = parser.parse_args(arguments)
    since, until = day_start(chosen.first), day_start((chosen.last or chosen.first) + timedelta(days=1))
    told = _reading(lambda db: _figures(db, since, until, chosen.by))
    _print_json(told) if chosen.json else _print_figures(told)
    return 0


def _figures(db: Connection, since: datetime, until: datetime, by: Period | None) -> dict[str, Any]:
    told: dict[str, Any] = {"all": figures_between(db, since, until)}
    if by:
        told["periods"] = [period_as_json(each) for each in count_calls_by(db, by, since, until)]
    return told


def _print_figures(told: dict[str, Any]) -> None:
    whole = told["all"]
    for name, count in whole["counts"].items():
        print(f"{name:<28}{count:>16}")
    for name, rate in whole["rates"].items():
        print(f"{name:<48}{rate['numerator']:>9} / {rate['denominator']:<9}{rate['percent'] or '-':>6} %")
    for name, mean in whole["means"].items():
        print(f"{name:<48}{'-' if mean['seconds'] is None else format(mean['seconds'], '.1f'):>9} s")


def replay(arguments: Sequence[str]) -> int:
    """Tell a day's stored events to the code again and compare; ends with 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="run.py replay", description=replay.__doc__)
    parser.add_argument("day", type=date.fromisoformat, help="such as 2025-04-07")
    parser.add_argument("--json", action="store_true", help="figures and every difference as one JSON object")
    chosen = parser.parse_args(arguments)
    settings = _settings()
    now = Clock(settings.clock_file).now()
    if chosen.day > tokyo_day(now):
        raise EngineError(f"{chosen.day} lies ahead: nothing has happened on it yet")
    told = _rolled_back(settings, lambda db: replay_day(db, chosen.day, now=now))
    _print_json(told.as_json()) if chosen.json else _print_replayed(told)
    return 0 if told.is_same else 1


def _print_replayed(told: Replayed) -> None:
    print(f"{told.day}: {told.calls} calls, {told.events} events told again.")
    for each in told.differences[:MOST_TOLD]:
        print(f"  {each.of}: stored {each.stored!r}, replayed {each.replayed!r}")
    for refusal in told.refused[:MOST_TOLD]:
        print(f"  {refusal}")
    if told.is_same:
        print("The code makes the same of them: every call, figure, time and seat.")
    else:
        print(f"{len(told.differences)} differences, {len(told.refused)} events not taken.")


def import_list(arguments: Sequence[str]) -> int:
    """Take a provider's call list or a public call log, a CSV file, into the ledger; 1 when rows were refused."""
    chosen = _import_parser().parse_args(arguments)
    content = _read(chosen.file, chosen.encoding)
    _require_zone(chosen.zone)
    layout = ListFormat(
        columns=_pairs(chosen.map, FIELDS, "field"),
        outcomes=_meanings(chosen.outcome),
        empty=ListFormat().empty | {each.lower() for each in chosen.none},
        time_format=chosen.time_format,
        zone=chosen.zone,
        prefix=chosen.prefix,
    )
    reader = _table(content, chosen.delimiter)
    names = [name for name in reader.fieldnames or () if name]
    if not names:
        raise EngineError(f"{chosen.file} has no heading that names its columns")
    if missing := unknown_columns(names, layout):
        raise EngineError(f"the list has no column {', '.join(missing)}; it has: {', '.join(names)}. See --map")
    list_id = hashlib.sha256(content.encode()).hexdigest()[:12]
    try:
        rows = list(read_calls(reader, names, layout, list_id=list_id))
    except csv.Error as error:
        raise EngineError(f"{chosen.file} is no such table near line {reader.line_num}: {error}") from None
    told = _writing(lambda db: _import(db, rows, by_the_line=chosen.hours == "line", skip_bad=chosen.skip_bad))
    _print_json(told.as_json()) if chosen.json else _print_imported(told)
    return 1 if told.refused else 0


def _import_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py import-calls", description=import_list.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help=f"of {', '.join(FIELDS)}")
    parser.add_argument(
        "--outcome", action="append", default=[], metavar="WORD=OUTCOME", help="what the list's words mean"
    )
    parser.add_argument("--none", action="append", default=[], metavar="VALUE", help="a value that stands for nothing")
    parser.add_argument("--time-format", metavar="FORMAT", help="such as '%%d/%%m/%%Y %%H:%%M:%%S'; default ISO 8601")
    parser.add_argument("--zone", default="Asia/Tokyo", help="of times that do not say theirs")
    parser.add_argument("--delimiter", help="tab, space, or a sign; default: what parts the heading")
    parser.add_argument("--encoding", help="such as cp932; default UTF-8, or what the file's own mark says")
    parser.add_argument("--prefix", default="", help="put before each id")
    parser.add_argument(
        "--hours", choices=("list", "line"), default="list", help="in hours by the list's word, or the line's calendar"
    )
    parser.add_argument("--skip-bad", action="store_true", help="take the good rows although others are refused")
    parser.add_argument("--json", action="store_true")
    return parser


def _import(db: Connection, rows: Sequence[Row], *, by_the_line: bool, skip_bad: bool) -> Imported:
    judged: Iterable[Row] = rows
    arrivals = [row.received_at for row in rows if isinstance(row, ListedCall)]
    if by_the_line and arrivals:
        judged = judge_by_the_line(rows, read_hours(db, now=min(arrivals)))
    return import_calls(db, judged, skip_bad=skip_bad)


def _print_imported(told: Imported) -> None:
    for each in told.refused[:MOST_TOLD]:
        print(f"  row {each.row}: {each.reason}" if each.row else f"  {each.reason}")
    print(
        f"{told.rows} rows: {told.imported} calls imported, {told.known} known already, {told.repeated} repeated, "
        f"{told.ignored} ignored, {len(told.refused)} refused."
    )
    if told.refused and not told.imported:
        print("Nothing was imported. --skip-bad takes the other rows.")


def _read(file: Path, encoding: str | None) -> str:
    try:
        content = file.read_bytes()
        marked = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        return content.decode(encoding or marked)
    except OSError as error:
        raise EngineError(f"{file} cannot be read: {error}") from None
    except (UnicodeDecodeError, LookupError):
        raise EngineError(f"{file} is not {encoding or 'UTF-8'}; say what it is, such as --encoding cp932") from None


def _table(content: str, delimiter: str | None) -> "csv.DictReader[str]":
    lines: Iterable[str] = io.StringIO(content, newline="")
    sign = SIGNS.get(delimiter or "", delimiter) or max(DELIMITERS, key=content.partition("\n")[0].count)
    if sign == " ":
        lines = (" ".join(line.split()) for line in lines)  # a table in columns has many between two
    try:
        reader = csv.DictReader(lines, delimiter=sign)
    except (TypeError, ValueError):
        raise EngineError(f"--delimiter {delimiter!r}: write one sign, or tab, or space") from None
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    return reader


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise EngineError(f"{name}: there is no such time zone; write one such as Asia/Tokyo") from None


def _pairs(told: Iterable[str], known: Iterable[str], what: str) -> dict[str, str]:
    pairs = dict(each.split("=", 1) for each in told if "=" in each)
    wrong = [each for each in told if "=" not in each] + sorted(pairs.keys() - set(known))
    if wrong:
        raise EngineError(f"{wrong[0]}: there is no such {what}; known are {', '.join(known)}")
    return pairs


def _meanings(told: Iterable[str]) -> dict[str, str]:
    meanings = dict(each.split("=", 1) for each in told if "=" in each)
    known = {ABANDONED, IGNORED, *(str(each) for each in Outcome)}
    wrong = [each for each in told if "=" not in each] + [each for each in meanings.values() if each not in known]
    if wrong:
        raise EngineError(f"{wrong[0]}: write WORD=OUTCOME; outcomes are {', '.join(sorted(known))}")
    return meanings


def _settings() -> Settings:
    """Return the settings of the environment, or of the running demo where none names a database."""
    if "DATABASE_URL" not in os.environ:
        import demo

        os.environ.update(demo.running_environment())
    return load_settings()


def _reading(work: Callable[[Connection], T]) -> T:
    return _rolled_back(_settings(), work)


def _rolled_back(settings: Settings, work: Callable[[Connection], T]) -> T:
    engine = make_engine(settings.owner_url.get_secret_value(), role=None, statement_timeout_ms=600_000)
    try:
        with engine.connect() as db:
            answer = work(db)
            db.rollback()
    finally:
        engine.dispose()
    return answer


def _writing(work: Callable[[Connection], T]) -> T:
    engine = make_engine(_settings().owner_url.get_secret_value(), role=None, statement_timeout_ms=600_000)
    try:
        answer = in_transaction(engine, work)
    finally:
        engine.dispose()
    if isinstance(answer, Refusal):
        raise EngineError(f"the database is busy: {answer.message}")
    return answer


def _print_json(told: object) -> None:
    print(json.dumps(told, ensure_ascii=False, indent=1, default=str))
