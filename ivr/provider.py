"""What the line asks of the telephony provider, whoever it is; `ivr/twilio/rest.py` is the one there is.

A refusal of the provider is an answer (`Redirect.REFUSED`, None); that it cannot be reached, or fails, is
`ProviderDown`, which is temporary by its nature: whoever asked looks again later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ivr.queue.models import Redirect

LIVE = frozenset({"queued", "initiated", "ringing", "in-progress"})


class ProviderDown(Exception):  # noqa: N818 - what it says is its name
    """The provider did not answer, or answered with a failure of its own, or asks for patience (429)."""


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A leg as the provider has it. `status` is one of its words."""

    sid: str
    status: str
    direction: str = "inbound"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


class Provider(Protocol):
    """The control over live calls."""

    def redirect(self, call_sid: str, offer_id: int) -> Redirect:
        """Take a caller out of the queue, to the operator of an offer; never raises.

        DONE, REFUSED (nothing has happened), or UNKNOWN (it may have happened).
        """

    def find_call(self, sid: str) -> ProviderCall | None:
        """Return a leg, None when the provider never heard of it.

        Raises:
            ProviderDown
        """

    def list_live_calls(self) -> Sequence[ProviderCall]:
        """Return the legs that came in on our number and are not over.

        Raises:
            ProviderDown
        """

    def bring_back(self, call_sid: str) -> None:
        """Let a caller of whom we know nothing begin at the start of our documents.

        Raises:
            ProviderDown
        """

    def make_queue(self) -> None:
        """Make sure the queue exists, as large as the provider allows.

        Raises:
            ProviderDown
        """
