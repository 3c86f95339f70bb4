"""Moves a demo's business time to a moment at which the line should be open; the demo's clock file is public to it."""

import json
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

TOKYO = timezone(timedelta(hours=9))
HALF_PAST_NINE = time(9, 30)
SATURDAY = 5


def business_time(clock_file: Path) -> datetime:
    """Return what the demo's processes take for now, in Tokyo."""
    told = _read(clock_file)
    if told.get("mode") == "stepped":
        return datetime.fromisoformat(told["now"]).astimezone(TOKYO)
    return (datetime.now(UTC) + timedelta(seconds=float(told.get("offset_seconds", 0)))).astimezone(TOKYO)


def move_to_next_morning(clock_file: Path) -> datetime:
    """Let business time be half past nine of the next weekday, never going back; return it.

    Whether that day is a holiday only the line knows: whoever hears that it is closed comes here again.
    """
    now = business_time(clock_file)
    morning = datetime.combine(now.date(), HALF_PAST_NINE, TOKYO)
    while morning <= now or morning.weekday() >= SATURDAY:
        morning += timedelta(days=1)
    told: dict[str, Any] = {"mode": "shifted", "offset_seconds": (morning - datetime.now(UTC)).total_seconds()}
    if _read(clock_file).get("mode") == "stepped":
        told = {"mode": "stepped", "now": morning.isoformat()}
    fresh = clock_file.with_suffix(".part")
    fresh.write_text(json.dumps(told), encoding="utf-8")
    fresh.replace(clock_file)
    return morning


def _read(clock_file: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(clock_file.read_text(encoding="utf-8")) if clock_file.exists() else {}
    return told
