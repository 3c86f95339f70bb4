"""Does this request really come from the telephony provider? Checked against the configured public address alone."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Request
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the library ships no types

HEADER = "X-Twilio-Signature"


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """Knows the tokens a request may be signed with: the account's, and a second one while they are being changed.

    Without a token every request is refused. What Host or X-Forwarded headers say is never asked: anybody writes those.
    """

    voice_url: str
    tokens: tuple[str, ...]

    def accepts(self, request: Request) -> bool:
        """Tell whether the form and the address are the ones that were signed."""
        signature = request.headers.get(HEADER, "")
        address = self.voice_url + raw_target(request)
        # The library compares in constant time.
        return any(RequestValidator(token).validate(address, request.form, signature) for token in self.tokens)


def raw_target(request: Request) -> str:
    """Return path and query exactly as they were requested, not as they would be written again."""
    target: str = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path.rstrip("?")
    if target.startswith("/"):
        return target
    parts = urlsplit(target)  # a proxy may ask with the whole address
    return parts.path + (f"?{parts.query}" if parts.query else "")
