"""How status callbacks travel: at once, or on demand late, twice, in another order, or never."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Delivery(StrEnum):
    ON_TIME = "on_time"
    LATE = "late"
    TWICE = "twice"
    REORDERED = "reordered"
    NEVER = "never"


@dataclass
class CallbackDelivery:
    """What becomes of the next status callbacks.

    Attributes:
        planned: for the next ones, in order; then `usual` again.
        late_seconds: of a late one, and of the second of two.
    """

    usual: Delivery = Delivery.ON_TIME
    planned: list[Delivery] = field(default_factory=list)
    late_seconds: float = 5.0
    _held_back: Callable[[], None] | None = None

    def deliver(self, send: Callable[[], None], later: Callable[[float, Callable[[], None]], object]) -> None:
        """Send a callback as it is planned; `later` is the network's clock."""
        match self.planned.pop(0) if self.planned else self.usual:
            case Delivery.ON_TIME:
                send()
            case Delivery.LATE:
                later(self.late_seconds, send)
            case Delivery.TWICE:
                send()
                later(self.late_seconds, send)
            case Delivery.REORDERED:
                self._hold_back(send, later)
                return
            case Delivery.NEVER:
                return
        self._release()

    def _hold_back(self, send: Callable[[], None], later: Callable[[float, Callable[[], None]], object]) -> None:
        """Keep one until the next has gone, or until it is late."""
        self._release()
        self._held_back = send
        later(self.late_seconds, self._release)

    def _release(self) -> None:
        held, self._held_back = self._held_back, None
        if held:
            held()
