"""How long the network waits for an answer and how often it tries, as the fragment of an address may say."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

LONGEST_MS = 15_000
MOST_RETRIES = 5
ON_CONNECT, ON_READ, ON_4XX, ON_5XX, ON_ALL = "ct", "rt", "4xx", "5xx", "all"


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of one request, in milliseconds; `total_ms` counts connecting, reading and retries together.

    Attributes:
        retries: how often it is tried again; one retry, and only if no connection came about, unless the address asks
            for more.
        retry_on: of `ct`, `rt`, `4xx`, `5xx`, `all`.
    """

    connect_ms: int = 5_000
    read_ms: int = LONGEST_MS
    total_ms: int = LONGEST_MS
    retries: int = 1
    retry_on: frozenset[str] = frozenset({ON_CONNECT})

    def retries_after(self, failure: str) -> bool:
        return bool(self.retry_on & {failure, ON_ALL})


def patience_of(url: str) -> Patience:
    """Read what an address asks for after its `#`; what is out of range is brought into it."""
    asked = dict(parse_qsl(urlsplit(url).fragment))
    usual = Patience()
    return Patience(
        connect_ms=_within(asked.get("ct"), 100, 10_000, usual.connect_ms),
        read_ms=_within(asked.get("rt"), 100, LONGEST_MS, usual.read_ms),
        total_ms=_within(asked.get("tt"), 100, LONGEST_MS, usual.total_ms),
        retries=_within(asked.get("rc"), 0, MOST_RETRIES, usual.retries),
        retry_on=frozenset(asked["rp"].split(",")) if asked.get("rp") else usual.retry_on,
    )


def _within(asked: str | None, least: int, most: int, usual: int) -> int:
    return min(max(int(asked), least), most) if asked and asked.isdecimal() else usual
