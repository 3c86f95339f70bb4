"""The two clocks.

Business time (`Clock.now`) is what deadlines, visits and reports go by. Every process reads it from one clock file, so
that a demo or a test can shift or step a whole system at once. Leases, throttles and sessions go by `real_now`: no
session may live longer because a rehearsal moved the business day. No other module asks the operating system or the
database what time it is; a test greps for it.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")


def real_now() -> datetime:
    """Return the machine's own time as an aware UTC instant."""
    return datetime.now(UTC)


def tokyo_day(instant: datetime) -> date:
    """Return the calendar day on which `instant` falls in Japan."""
    return instant.astimezone(TOKYO).date()


@dataclass
class Clock:
    """Business time, read from `path`; without a path, or without the file, it is the real time.

    The file holds one JSON object: `{"mode": "real"}`, `{"mode": "shifted", "offset_seconds": 86400}` or
    `{"mode": "stepped", "now": "2025-04-07T09:00:00+09:00"}`. It is read again whenever it has changed on disk, so a
    step is seen by the next request of every process.
    """

    path: Path | None = None
    _seen: tuple[int, int] | None = field(default=None, init=False)
    _offset: timedelta = field(default=timedelta(0), init=False)
    _stopped_at: datetime | None = field(default=None, init=False)

    def now(self) -> datetime:
        """Return business time as an aware UTC instant.

        Raises:
            ValueError: the clock file cannot be understood. Guessing a time would book on the wrong day.
        """
        self._reread_when_changed()
        return self._stopped_at or real_now() + self._offset

    def today(self) -> date:
        """Return the business day in Japan."""
        return tokyo_day(self.now())

    def _reread_when_changed(self) -> None:
        if self.path is None:
            return
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen, self._offset, self._stopped_at = None, timedelta(0), None
            return
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._seen:
            self._offset, self._stopped_at = _read(self.path)
            self._seen = stamp


def _read(path: Path) -> tuple[timedelta, datetime | None]:
    try:
        return _understood(json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"the clock file {path.name} cannot be understood: {error}") from error


def _understood(told: Any) -> tuple[timedelta, datetime | None]:  # noqa: ANN401 - whatever JSON holds
    match told["mode"]:
        case "real":
            return timedelta(0), None
        case "shifted":
            return timedelta(seconds=float(told["offset_seconds"])), None
        case "stepped":
            stopped_at = datetime.fromisoformat(told["now"])
            if stopped_at.tzinfo is None:
                raise ValueError("'now' needs its offset from UTC, such as +09:00")
            return timedelta(0), stopped_at.astimezone(UTC)
        case mode:
            raise ValueError(f"unknown mode {mode!r}")
