import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from booking_core.clock import Clock, real_now
from engines import clock_file

MORNING = datetime.fromisoformat("2025-04-07T09:00:00+09:00")
NOON = MORNING + timedelta(hours=3)


def test_a_stepped_clock_stands_where_it_was_put(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock = Clock(file)
    clock_file.write_stepped(file, MORNING)
    assert clock.now() == datetime(2025, 4, 7, 0, 0, tzinfo=UTC)
    clock_file.write_stepped(file, NOON)
    assert clock.now() == NOON


def test_each_step_is_dated_later_than_the_one_before_however_fast_they_follow(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock_file.write_stepped(file, MORNING)
    coarse = file.stat().st_mtime_ns + 4_000_000  # a file system that ticks every few milliseconds
    os.utime(file, ns=(coarse, coarse))
    clock_file.write_stepped(file, NOON)
    clock_file.write_stepped(file, NOON)
    assert file.stat().st_mtime_ns >= coarse + 2


def test_a_shifted_clock_runs_ahead_of_the_machine_by_its_offset(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock_file.write_shifted(file, timedelta(days=-200))
    before = real_now()
    told = Clock(file).now() + timedelta(days=200)
    assert before <= told <= real_now()


def test_the_real_mode_takes_a_shift_back(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock_file.write_stepped(file, MORNING)
    clock_file.write_real(file)
    before = real_now()
    assert before <= Clock(file).now() <= real_now()


def test_a_time_without_its_offset_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock_file.write_stepped(file, MORNING)
    with pytest.raises(ValueError, match="needs its offset from UTC"):
        clock_file.write_stepped(file, datetime(2025, 4, 7, 9, 0))  # noqa: DTZ001  the mistake under test
    assert Clock(file).now() == MORNING


def test_a_reader_meets_the_old_time_or_the_new_never_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock_file.write_stepped(file, MORNING)
    stop = threading.Event()

    def step_to_and_fro() -> None:
        while not stop.is_set():
            clock_file.write_stepped(file, NOON)
            clock_file.write_stepped(file, MORNING)

    writer = threading.Thread(target=step_to_and_fro)
    writer.start()
    try:
        seen = {Clock(file).now() for _ in range(2_000)}
    finally:
        stop.set()
        writer.join()
    assert seen <= {MORNING, NOON}
    assert list(tmp_path.iterdir()) == [file]
