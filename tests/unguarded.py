"""The book with a guard taken away, for the controls of the races: without the guard the same race must go wrong."""

import re
from copy import copy

from booking_core.statement import Statement

CONDITION = re.compile(r"AND open AND booked \+ held \+ \S+ <= capacity")


def without_its_condition(statement: Statement) -> Statement:
    """Return the statement that takes a place with nothing left in it that looks at the places first."""
    careless = copy(statement)
    plain, found = CONDITION.subn("", statement._query.decode())
    assert found == 1
    careless._query = plain.encode()
    return careless
