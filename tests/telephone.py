"""A telephone network, a line and one operator's account: `pytest_plugins = ["tests.telephone"]` in a test module."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import House
from tests.desk import add_staff
from tests.exchange import Exchange, exchange


@pytest.fixture
def telephone(open_house: Callable[..., House]) -> Iterator[Exchange]:
    """The whole telephone with a citizen to book for and `operator1`; the network must find nothing wrong with it."""
    with exchange(open_house) as running:
        running.house.add_citizen()
        add_staff(running.house.engine, "operator1")
        yield running
        assert [str(each) for each in running.network.debugger.violations] == []
