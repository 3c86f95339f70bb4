"""Everything the network found wrong with what the product answered or asked."""

import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

ERROR, WARNING = "error", "warning"

MESSAGES = {
    11100: "Invalid URL format",
    11200: "HTTP retrieval failure",
    11205: "HTTP connection failure",
    11206: "HTTP protocol violation",
    11215: "HTTP too many redirects",
    11217: "HTTP 429: webhooks cannot be slowed down",
    11750: "The document is larger than 64 kB",
    11770: "The document is empty",
    12100: "Document parse failure",
    12102: "The root element must be Response",
    12200: "Schema validation warning",
    12300: "Invalid Content-Type",
    15003: "A status callback was not answered with 2xx",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is not as it should be; `code` is the provider's number for it."""

    code: int
    level: str
    message: str
    call_sid: str | None
    url: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.code} {self.message} ({self.url}, call {self.call_sid})"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass
class Debugger:
    """The list of violations, in the order they were found."""

    _found: list[Violation] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, violation: Violation) -> None:
        with self._lock:
            self._found.append(violation)

    @property
    def violations(self) -> list[Violation]:
        with self._lock:
            return list(self._found)

    @property
    def codes(self) -> list[int]:
        return [each.code for each in self.violations]

    def clear(self) -> None:
        with self._lock:
            self._found.clear()
