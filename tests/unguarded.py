"""The worst of races, and the book with a guard taken away for its control: without the guard it must go wrong."""

import re
import threading
from copy import copy

import pytest

from booking_core import booking, facts
from booking_core.facts import SlotView
from booking_core.statement import Statement

CONDITION = re.compile(r"AND open AND booked \+ held \+ \S+ <= capacity")


def without_its_condition(statement: Statement) -> Statement:
    """Return the statement that takes a place with nothing left in it that looks at the places first."""
    careless = copy(statement)
    plain, found = CONDITION.subn("", statement._query.decode())
    assert found == 1
    careless._query = plain.encode()
    return careless


def let_everybody_read_before_anybody_writes(patch: pytest.MonkeyPatch, number: int) -> None:
    """Make the race the worst possible one: each of `number` threads has seen the free place before one takes it."""
    everybody_has_read, mine, read = threading.Barrier(number, timeout=60), threading.local(), facts.find_slot_view

    def read_and_wait(*args: object, **more: object) -> SlotView | None:
        view = read(*args, **more)  # type: ignore[arg-type]
        if not getattr(mine, "has_read", False):
            mine.has_read = True
            everybody_has_read.wait()
        return view

    patch.setattr(booking, "find_slot_view", read_and_wait)
