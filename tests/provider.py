"""A telephony provider for tests that answers as it is told: one of the three seams at which a double stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ivr.provider import ProviderCall, ProviderDown
from ivr.queue.models import Redirect


@dataclass
class ProviderDouble:
    """Keeps the contract of `ivr.provider.Provider`.

    Attributes:
        answer: what every redirect is answered with.
        status: of each leg it knows; what is missing it never heard of.
        is_down: fail whenever a question is asked.
        sent: every redirect, as (call, offer), in the order in which they came.
        brought_back: every call that was sent to the start.
        queues_made: how often the queue was made.
    """

    answer: Redirect = Redirect.DONE
    status: dict[str, str] = field(default_factory=dict)
    is_down: bool = False
    sent: list[tuple[str, int]] = field(default_factory=list)
    brought_back: list[str] = field(default_factory=list)
    queues_made: int = 0

    def redirect(self, call_sid: str, offer_id: int) -> Redirect:
        self.sent.append((call_sid, offer_id))
        return self.answer

    def find_call(self, sid: str) -> ProviderCall | None:
        self._answer()
        return ProviderCall(sid, self.status[sid]) if sid in self.status else None

    def list_live_calls(self) -> Sequence[ProviderCall]:
        self._answer()
        every = [ProviderCall(sid, status) for sid, status in self.status.items()]
        return [call for call in every if call.is_live]

    def bring_back(self, call_sid: str) -> None:
        self._answer()
        self.brought_back.append(call_sid)

    def make_queue(self) -> None:
        self._answer()
        self.queues_made += 1

    def _answer(self) -> None:
        if self.is_down:
            raise ProviderDown("told to be")
