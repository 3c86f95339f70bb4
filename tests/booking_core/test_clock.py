import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from booking_core.clock import Clock, real_now, tokyo_day

NOON = "2025-04-07T12:00:00+09:00"


def tell(file: Path, **told: object) -> Clock:
    """Write a clock file the way a program does that must never be read half-written."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(told), encoding="utf-8")
    fresh.replace(file)
    return Clock(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clock.json"


def test_without_a_file_business_time_is_the_real_time(file: Path) -> None:
    for clock in (Clock(), Clock(file), tell(file, mode="real")):
        before, seen, after = real_now(), clock.now(), real_now()
        assert before <= seen <= after
        assert seen.tzinfo is UTC


@pytest.mark.parametrize("seconds", [86_400, -86_400, 0.5])
def test_a_shifted_clock_runs_beside_the_real_one(file: Path, seconds: float) -> None:
    clock, offset = tell(file, mode="shifted", offset_seconds=seconds), timedelta(seconds=seconds)
    before, seen, after = real_now(), clock.now(), real_now()
    assert before + offset <= seen <= after + offset


def test_a_stepped_clock_stands_still_until_it_is_stepped(file: Path) -> None:
    clock = tell(file, mode="stepped", now=NOON)
    assert clock.now() == clock.now() == datetime(2025, 4, 7, 3, 0, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    tell(file, mode="stepped", now="2025-04-07T12:00:01+09:00")
    assert clock.now() == datetime(2025, 4, 7, 3, 0, 1, tzinfo=UTC)


def test_a_clock_follows_its_file_through_every_mode_and_its_removal(file: Path) -> None:
    clock = tell(file, mode="stepped", now=NOON)
    assert clock.now().year == 2025
    tell(file, mode="shifted", offset_seconds=400 * 86_400)
    assert clock.now() > real_now() + timedelta(days=399)
    tell(file, mode="real")
    assert clock.now() <= real_now()
    tell(file, mode="stepped", now=NOON)
    assert clock.now().year == 2025
    file.unlink()
    assert real_now() - timedelta(hours=1) < clock.now() <= real_now()


def test_steps_that_follow_one_another_at_once_are_each_seen(file: Path) -> None:
    clock = tell(file, mode="stepped", now="2025-04-07T12:00:00+09:00")
    for second in range(60):
        tell(file, mode="stepped", now=f"2025-04-07T12:00:{second:02d}+09:00")
        assert clock.now().second == second


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2025-04-07T14:59:59+00:00", date(2025, 4, 7)),
        ("2025-04-07T15:00:00+00:00", date(2025, 4, 8)),
        ("2024-12-31T14:59:59+00:00", date(2024, 12, 31)),
        ("2024-12-31T15:00:00+00:00", date(2025, 1, 1)),
    ],
)
def test_the_business_day_changes_at_midnight_in_tokyo(file: Path, instant: str, day: date) -> None:
    assert tokyo_day(datetime.fromisoformat(instant)) == day
    assert tell(file, mode="stepped", now=instant).today() == day


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"mode": "backwards"}',
        b'{"mode": null}',
        b'{"mode": "shifted"}',
        b'{"mode": "shifted", "offset_seconds": "soon"}',
        b'{"mode": "shifted", "offset_seconds": null}',
        b'{"mode": "shifted", "offset_seconds": NaN}',
        b'{"mode": "shifted", "offset_seconds": 1e400}',
        b'{"mode": "shifted", "offset_seconds": 1e15}',
        b'{"mode": "stepped"}',
        b'{"mode": "stepped", "now": 1744000000}',
        b'{"mode": "stepped", "now": "2025-04-07T12:00:00"}',
        b'{"mode": "stepped", "now": "2025-02-30T12:00:00+09:00"}',
        b'{"mode": "stepped", "now": "tomorrow"}',
    ],
)
def test_a_clock_file_that_cannot_be_understood_stops_the_work_and_names_the_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    clock = Clock(file)
    for _ in range(2):  # the second look is no kinder than the first
        with pytest.raises(ValueError, match=r"clock\.json cannot be understood"):
            clock.now()


def test_a_broken_file_is_not_hidden_by_what_was_read_before_and_heals_when_mended(file: Path) -> None:
    clock = tell(file, mode="stepped", now=NOON)
    clock.now()
    file.write_text("{")
    os.utime(file, (1, 1))
    with pytest.raises(ValueError, match="cannot be understood"):
        clock.now()
    tell(file, mode="stepped", now=NOON)
    assert clock.now() == datetime(2025, 4, 7, 3, 0, tzinfo=UTC)
