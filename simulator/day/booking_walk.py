"""The way through the booking screens, the same for citizens and operators: place, day, time, confirmation."""

import re

from simulator.day.dice import Dice
from simulator.day.site import Declined, Window

DAY = re.compile(r"/at/[\w-]+/\d{4}-\d{2}-\d{2}/$")
FIRST_SHARE = 0.4
"""How many take the first day that is offered; the others take any."""


NOTHING_FREE = "nothing_free"
"""Why nothing was chosen: no place is left where she looked."""


def choose(window: Window, dice: Dice, places: str) -> str:
    """Go from the list of places to the page that asks for confirmation; return why not, or an empty text."""
    try:
        return _choose(window.open(places), dice)
    except Declined as declined:
        return declined.reason or str(declined.status)


def _choose(window: Window, dice: Dice) -> str:
    venues = window.page.links("/at/")
    if not venues:
        return NOTHING_FREE
    window.open(dice.pick(venues))
    days = [href for href in window.page.links("/at/") if DAY.search(href)]
    if not days:
        return NOTHING_FREE
    window.open(days[0] if dice.chance(FIRST_SHARE) else dice.pick(days))
    times = window.page.links("/slot/")
    if not times:
        return NOTHING_FREE
    window.open(dice.pick(times))
    return ""


def confirm(window: Window, typed: dict[str, str]) -> str:
    """Send the confirmation; return why the product said no, or an empty text: it is done."""
    try:
        window.submit("/slot/", typed)
    except Declined as declined:
        return declined.reason or str(declined.status)
    return ""
