"""How a request proves that it comes from the network."""

import base64
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"


def signature(token: str, url: str, fields: Iterable[tuple[str, str]] = ()) -> str:
    """Sign an address and the fields of a form: HMAC-SHA1, fields in order of their names, empty ones too."""
    told = signed_address(url) + "".join(name + value for name, value in sorted(fields))
    return base64.b64encode(hmac.digest(token.encode(), told.encode(), "sha1")).decode()


def signed_address(url: str) -> str:
    """Return the part of an address that is signed.

    The fragment and a user's name never are; a voice request over https leaves out the port, one over http keeps it.
    """
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https" and parts.port is not None:
        place = place.rpartition(":")[0]
    return urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
