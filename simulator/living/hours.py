"""Whether the demo's line is open, as far as somebody outside knows: by the weekday and the hours it announces."""

from datetime import datetime, time

from simulator.opening_time import SATURDAY, TOKYO

OPENS, CLOSES = time(9), time(17)
LAST_CALL = time(16, 55)


def is_open(now: datetime) -> bool:
    local = now.astimezone(TOKYO)
    return local.weekday() < SATURDAY and OPENS <= local.time() < CLOSES


def is_time_to_call(now: datetime) -> bool:
    local = now.astimezone(TOKYO)
    return local.weekday() < SATURDAY and OPENS <= local.time() < LAST_CALL
