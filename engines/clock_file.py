"""Writes the one file from which every process reads business time (`booking_core/clock.py` reads it)."""

import json
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path


def write_real(path: Path) -> None:
    """Let business time be the machine's time."""
    _write(path, {"mode": "real"})


def write_shifted(path: Path, offset: timedelta) -> None:
    """Let business time run beside the machine's, ahead by `offset` (behind, if it is negative)."""
    _write(path, {"mode": "shifted", "offset_seconds": offset.total_seconds()})


def write_stepped(path: Path, now: datetime) -> None:
    """Let business time stand at `now` until the next step. `now` must say its offset from UTC, or ValueError."""
    if now.utcoffset() is None:
        raise ValueError(f"{now.isoformat()} needs its offset from UTC, such as +09:00")
    _write(path, {"mode": "stepped", "now": now.isoformat()})


def _write(path: Path, told: dict[str, str | float]) -> None:
    """Write beside, then rename: a reader sees the old time or the new one, never half a file.

    A reader knows a new file by its date. Two written within one tick of the file system's clock would bear the same,
    so each is dated later than the one it takes the place of.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".clock-", delete=False) as part:
        json.dump(told, part)
    fresh = Path(part.name)
    fresh.chmod(0o644)
    if path.exists() and (before := path.stat().st_mtime_ns) >= fresh.stat().st_mtime_ns:
        os.utime(fresh, ns=(before + 1, before + 1))
    os.replace(fresh, path)  # noqa: PTH105  the same, under the name that promises atomicity
