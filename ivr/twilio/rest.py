"""Twilio's REST interface, as far as the line needs it: redirect, look, list, make the queue."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import structlog
from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped] # ships no types
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped] # likewise
from twilio.rest import Client  # type: ignore[import-untyped] # likewise

from ivr.provider import LIVE, ProviderCall, ProviderDown
from ivr.queue.models import Redirect
from ivr.twilio.twiml import QUEUE

log = structlog.get_logger("provider")

PATIENCE_SECONDS = 8
LARGEST_QUEUE = 5_000
TOO_MANY = 429
NOT_FOUND = 404
SERVER_ERROR = 500
PAGE = 1_000
FAILED = (TwilioException, RequestException, ValueError)
"""No answer, an error of the provider's own, or an answer that broke off on its way: no JSON is read from it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How we show who we are. The API key is preferred; without one the account's own token serves."""

    account_sid: str
    auth_token: str
    api_key_sid: str = ""
    api_key_secret: str = ""


class _AtBase(TwilioHttpClient):  # type: ignore[misc] # its parent ships no types
    """The library's own client, sent to another host: a local network for demos and tests."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=PATIENCE_SECONDS)
        self._base = base

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - the library's
        parts = urlsplit(url)
        return super().request(
            method, self._base + parts.path + (f"?{parts.query}" if parts.query else ""), *args, **options
        )


@dataclass
class TwilioProvider:
    """Twilio, or whatever speaks like it at `base`.

    Attributes:
        credentials: of the account.
        voice_url: the public address of the telephone's door; redirects point there.
        number: the line's own, by which live calls are listed.
        base: where the interface is; Twilio's own, in a region if one is set.
        region: such as `jp1`; needs an edge.
        edge: such as `tokyo`.
        fallback_url: the stand-in document; a redirected call forgets the number's own, so each redirect names it.
    """

    credentials: Credentials
    voice_url: str
    number: str
    base: str = ""
    region: str = ""
    edge: str = ""
    fallback_url: str = ""
    _of_thread: threading.local = field(default_factory=threading.local, init=False)

    @property
    def _client(self) -> Any:  # noqa: ANN401 - the library ships no types
        """One for each thread: the library's client keeps its last answer in itself, and hands out another's."""
        if not hasattr(self._of_thread, "client"):
            known = self.credentials
            self._of_thread.client = Client(
                known.api_key_sid or known.account_sid,
                known.api_key_secret or known.auth_token,
                known.account_sid,
                region=self.region or None,
                edge=self.edge or None,
                http_client=_AtBase(self.base) if self.base else TwilioHttpClient(timeout=PATIENCE_SECONDS),
            )
        return self._of_thread.client

    def redirect(self, call_sid: str, offer_id: int) -> Redirect:
        try:
            self._send_to(call_sid, f"{self.voice_url}/voice/connect?offer={offer_id}")
        except TwilioRestException as error:
            log.warning("provider.redirect", offer=offer_id, status=error.status, code=error.code)
            return Redirect.UNKNOWN if error.status >= SERVER_ERROR else Redirect.REFUSED
        except FAILED as error:
            log.warning("provider.redirect", offer=offer_id, error=type(error).__name__)
            return Redirect.UNKNOWN
        return Redirect.DONE

    def find_call(self, sid: str) -> ProviderCall | None:
        try:
            return _call(self._client.calls(sid).fetch())
        except TwilioRestException as error:
            if error.status == NOT_FOUND:
                return None
            raise ProviderDown(f"{error.status} {error.code}") from None
        except FAILED as error:
            raise ProviderDown(type(error).__name__) from None

    def list_live_calls(self) -> Sequence[ProviderCall]:
        try:
            return [
                _call(each)
                for status in sorted(LIVE - {"initiated"})  # which the list's filter does not know
                for each in self._client.calls.list(to=self.number, status=status, page_size=PAGE)
            ]
        except FAILED as error:
            raise ProviderDown(type(error).__name__) from None

    def bring_back(self, call_sid: str) -> None:
        try:
            self._send_to(call_sid, f"{self.voice_url}/voice/incoming")
        except FAILED as error:
            raise ProviderDown(type(error).__name__) from None

    def _send_to(self, call_sid: str, url: str) -> None:
        fallback = {"fallback_url": self.fallback_url, "fallback_method": "GET"} if self.fallback_url else {}
        self._client.calls(call_sid).update(url=url, method="POST", **fallback)

    def make_queue(self) -> None:
        try:
            known = next((each for each in self._client.queues.list() if each.friendly_name == QUEUE), None)
            if known is None:
                self._client.queues.create(friendly_name=QUEUE, max_size=LARGEST_QUEUE)
            elif known.max_size != LARGEST_QUEUE:
                known.update(max_size=LARGEST_QUEUE)
        except FAILED as error:
            raise ProviderDown(type(error).__name__) from None


def _call(found: Any) -> ProviderCall:  # noqa: ANN401 - the library's
    return ProviderCall(str(found.sid), str(found.status), str(found.direction or ""))
