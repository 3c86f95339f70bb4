"""How often something may be tried in a while. Counted in Redis, by real time; without Redis everybody passes."""

import time
from dataclasses import dataclass, field

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

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

    redis: "Redis"
    _asleep_until: float = field(default=0.0, init=False)

    def count(self, limit: Limit, subject: str) -> bool:
        """Count one and tell whether it is still within the limit."""
        found = self._ask(limit, subject, add=1)
        return found <= limit.most

    def exceeded(self, limit: Limit, subject: str) -> bool:
        """Tell whether the limit has been reached, without counting."""
        return self._ask(limit, subject, add=0) >= limit.most

    def _ask(self, limit: Limit, subject: str, *, add: int) -> int:
        moment = time.monotonic()
        if moment < self._asleep_until:
            return 0
        key = f"throttle:{limit.name}:{subject}"
        try:
            if not add:
                return int(self.redis.get(key) or 0)
            count = int(self.redis.incrby(key, add))
            if count == add:
                self.redis.expire(key, limit.seconds)
            return count  # noqa: TRY300 - an else would part the answer from what makes it
        except RedisError as error:
            self._asleep_until = moment + PAUSE_SECONDS
            log.warning("throttle.open", error=type(error).__name__)
            return 0
