"""The token by which an operator's browser may be rung: for one name, for one hour, to receive and nothing else."""

from dataclasses import dataclass
from datetime import timedelta

from twilio.jwt.access_token import AccessToken  # type: ignore[import-untyped] # the library ships no types
from twilio.jwt.access_token.grants import VoiceGrant  # type: ignore[import-untyped] # likewise

from ivr.twilio.rest import Credentials

GOOD_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TokenMint:
    """Makes tokens for operators. Needs an API key of the region the calls are in; the account's token will not do."""

    credentials: Credentials
    region: str = ""

    @property
    def can(self) -> bool:
        return bool(self.credentials.account_sid and self.credentials.api_key_sid and self.credentials.api_key_secret)

    def token_for(self, identity: str) -> str:
        """Return a token for the operator who is rung as `identity`."""
        known = self.credentials
        token = AccessToken(
            known.account_sid,
            known.api_key_sid,
            known.api_key_secret,
            identity=identity,
            ttl=int(GOOD_FOR.total_seconds()),
            region=self.region or None,
        )
        token.add_grant(VoiceGrant(incoming_allow=True))
        return str(token.to_jwt())
