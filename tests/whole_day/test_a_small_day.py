"""A whole day, small: everybody comes in by the front doors, and all that is known of it agrees."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine

from engines.postgres import Postgres
from simulator.day.cast import Props
from simulator.day.plan import DayPlan
from simulator.opening_time import TOKYO
from tests.conftest import PEPPER, LentServer, create_database, driver_url
from whole_day.book import prepare
from whole_day.played import PlayedDay, play
from whole_day.stage import set_up
from whole_day.told import as_json, tables

MONDAY = date(2025, 4, 14)
_books = count(1)
MIDNIGHT = datetime.combine(MONDAY, time(0), TOKYO)


@dataclass
class Theatre:
    """A book that was filled once, and is cloned for each day that is played."""

    postgres: Postgres | LentServer
    administrator: Engine
    redis_url: str
    book: str
    props: Props
    folder: Path
    played: int = field(default=0)

    def play(self, callers: int, seed: int) -> PlayedDay:
        self.played += 1
        name, folder = f"{self.book}_{self.played}", self.folder / str(self.played)
        folder.mkdir()
        create_database(self.administrator, name, template=self.book)
        engines = {"DATABASE_URL": self.postgres.url(name), "REDIS_URL": self.redis_url, "PEPPER": PEPPER}
        with set_up(folder, MIDNIGHT, engines, web_processes=1 if callers < 100 else 2) as stage:
            return play(DayPlan(MONDAY, callers, seed), self.props, stage, folder, lambda _: None)


@pytest.fixture(scope="module")
def open_theatre(
    postgres: Postgres | LentServer,
    administrator: Engine,
    templates: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[int], Theatre]:
    assert templates

    def fill(callers: int) -> Theatre:
        book = f"day{next(_books)}"
        create_database(administrator, book, template="empty")
        plan = DayPlan(MONDAY, callers, 1)
        props = prepare(driver_url(postgres.url(book)), plan, pepper=PEPPER, now=MIDNIGHT)
        return Theatre(postgres, administrator, redis_url, book, props, tmp_path_factory.mktemp("day"))

    return fill


def test_nothing_disagrees_and_the_same_seed_gives_the_same_day(open_theatre: Callable[[int], Theatre]) -> None:
    theatre = open_theatre(12)
    first, again = theatre.play(12, 1), theatre.play(12, 1)
    assert [first.mismatches, again.mismatches] == [[], []]
    assert json.dumps(as_json(first)) == json.dumps(as_json(again))
    assert first.figures.received >= 12
    assert first.figures.answered > 0
    assert {channel for _, channel in first.figures.bookings} == {"web", "phone"}
    assert [each.change for each in first.record.seat_changes] == ["opened", "closed"]
    assert first.mailed.text["入電数（受付時間内）"] == str(first.figures.received)
    assert any("none" in line for line in tables(first))


@pytest.mark.long
def test_another_seed_gives_another_day(open_theatre: Callable[[int], Theatre]) -> None:
    theatre = open_theatre(12)
    first, other = theatre.play(12, 1), theatre.play(12, 2)
    assert other.mismatches == []
    assert as_json(first)["record"] != as_json(other)["record"]


@pytest.mark.long
def test_an_ordinary_working_day_agrees_to_the_last_call(open_theatre: Callable[[int], Theatre]) -> None:
    played = open_theatre(750).play(750, 1)
    assert played.mismatches == []
    assert played.figures.received >= 750
    assert played.seats == 23
