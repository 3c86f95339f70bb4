"""Who may use a softphone: the access token that the product mints for an operator's browser, checked here."""

from dataclasses import dataclass
from typing import Any

import jwt

from simulator.network.account import Account

CONTENT_TYPE = "twilio-fpa;v=1"
LONGEST_SECONDS = 24 * 3600
INVALID, EXPIRED, WRONG_ISSUER, WRONG_SUBJECT, NO_VOICE, WRONG_SIGNATURE = 20101, 20104, 20103, 20103, 31201, 20107
LONGEST_IDENTITY = 121


class TokenRefused(Exception):  # noqa: N818 - it tells why
    """The network does not let this token in; `code` is the provider's number."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: to be rung under a name until an instant, in seconds of the Unix epoch."""

    identity: str
    expires_at: float


def read_token(token: str, account: Account) -> Grant:
    """Check a token.

    Raises:
        TokenRefused: it is not ours, not signed with the key's secret, expired, lives too long, or has no voice grant.
    """
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, account.api_key_secret, ["HS256"], options={"require": ["exp", "iss", "sub"]})
    except jwt.ExpiredSignatureError:
        raise TokenRefused(EXPIRED, "Access Token expired or expiration date invalid") from None
    except jwt.InvalidSignatureError:
        raise TokenRefused(WRONG_SIGNATURE, "Invalid Access Token signature") from None
    except jwt.PyJWTError as error:
        raise TokenRefused(INVALID, f"Invalid Access Token: {error}") from None
    if header.get("cty") != CONTENT_TYPE:
        raise TokenRefused(INVALID, f"Invalid Access Token header: cty is {header.get('cty')!r}")
    return _grant_of(claims, account)


def _grant_of(claims: dict[str, Any], account: Account) -> Grant:
    if claims["iss"] != account.api_key_sid:
        raise TokenRefused(WRONG_ISSUER, "Invalid Access Token issuer/subject: iss is no key of this account")
    if claims["sub"] != account.sid:
        raise TokenRefused(WRONG_SUBJECT, "Invalid Access Token issuer/subject: sub is not this account")
    begins = claims.get("nbf", claims.get("iat", claims["exp"]))
    if claims["exp"] - begins > LONGEST_SECONDS:
        raise TokenRefused(EXPIRED, "Access Token expiration date invalid: it lives longer than a day")
    grants = claims.get("grants", {})
    if not grants.get("voice", {}).get("incoming", {}).get("allow"):
        raise TokenRefused(NO_VOICE, "the token does not allow incoming calls")
    identity = grants.get("identity", "")
    if not identity or len(identity) > LONGEST_IDENTITY:
        raise TokenRefused(INVALID, "Invalid Access Token grants: no identity")
    return Grant(identity, float(claims["exp"]))
