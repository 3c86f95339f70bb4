"""How often something may be tried in a while. Counted in Redis, by real time; without Redis everybody passes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

log = structlog.get_logger()

_ADD_ONE = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count"""
"""Count and start the window in one step: one round trip, and no key that would stay for ever."""

PAUSE_SECONDS = 5.0
"""After Redis failed, requests go on without it for this long, so that none of them waits for a dead server."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in any fixed window of `seconds`, counted apart for each subject."""

    name: str
    most: int
    seconds: int


FAILED_LOG_INS = Limit("failed_log_ins", most=200, seconds=600)
"""From one network address. A whole ward office may sit behind one, so this only stops machines."""

CONFIRMATIONS = Limit("confirmations", most=30, seconds=60)
"""Bookings, moves and cancellations of one card: more is a program that lies in wait for places."""


@dataclass
class Throttle:
    """Counts by limit and subject. Fails open: a dead Redis must never keep a citizen from booking."""

    redis: Redis
    _asleep_until: float = field(default=0.0, init=False)
    _add_one: Script = field(init=False)

    def __post_init__(self) -> None:
        self._add_one = self.redis.register_script(_ADD_ONE)

    def count(self, limit: Limit, subject: str) -> bool:
        """Count one and tell whether it is still within the limit."""
        found = self._ask(lambda: self._add_one(keys=[_key(limit, subject)], args=[limit.seconds]))
        return found <= limit.most

    def exceeded(self, limit: Limit, subject: str) -> bool:
        """Tell whether the limit has been reached, without counting."""
        return self._ask(lambda: self.redis.get(_key(limit, subject))) >= limit.most

    def _ask(self, question: Callable[[], Any]) -> int:
        moment = time.monotonic()
        if moment < self._asleep_until:
            return 0
        try:
            return int(question() or 0)
        except RedisError as error:
            self._asleep_until = moment + PAUSE_SECONDS
            log.warning("throttle.open", error=type(error).__name__)
            return 0


def _key(limit: Limit, subject: str) -> str:
    return f"throttle:{limit.name}:{subject}"
