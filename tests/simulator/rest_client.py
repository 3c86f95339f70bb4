"""The provider's own client library, pointed at the network: whether it can read the answers is its judgement."""

from typing import Any

from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped] # the library ships no types
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped] # likewise
from twilio.rest import Client  # type: ignore[import-untyped] # likewise

from simulator.network.server import Network

__all__ = ["TwilioRestException", "refused", "rest_client"]


class Redirecting(TwilioHttpClient):  # type: ignore[misc] # the parent has no type
    def __init__(self, base: str, patience_seconds: float) -> None:
        super().__init__(timeout=patience_seconds)
        self.base = base

    def request(self, method: str, url: str, *more: Any, **named: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self.base), *more, **named)


def rest_client(network: Network, *, patience_seconds: float = 10, secret: str | None = None) -> Any:
    """Return a client that signs in with the API key."""
    account = network.account
    http = Redirecting(network.url, patience_seconds)
    return Client(account.api_key_sid, secret or account.api_key_secret, account.sid, http_client=http)


def refused(error: TwilioRestException) -> tuple[int, int]:
    return error.status, error.code
