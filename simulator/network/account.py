"""Whose network this is: the account's credentials, its number, and where the product answers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


class WrongSetting(Exception):  # noqa: N818 - it tells what is wrong
    """The network cannot run with this environment; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the product and the network have to agree on.

    Attributes:
        voice_url: the product's telephone door, without a closing slash; requests are signed under exactly this.
        fallback_url: asked when the number's own address fails; empty for none.
        desk_origin: whose pages may use the softphone (CORS); empty for none.
        sms_capable: whether messages can be sent from the number; a Japanese number cannot.
    """

    voice_url: str
    sid: str = "AC" + "0" * 32
    auth_token: str = "0" * 32
    api_key_sid: str = "SK" + "0" * 32
    api_key_secret: str = "an api key secret of thirty-two signs"  # noqa: S105 - for a network that holds nothing
    number: str = "+81753660000"
    fallback_url: str = ""
    desk_origin: str = ""
    sms_capable: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the process's settings.

        Raises:
            WrongSetting: one is missing, or an address is public: this network is for a demo on one machine.
        """
        voice_url = _address(environ, "VOICE_URL") or _address(environ, "PUBLIC_URL")
        if not voice_url:
            raise WrongSetting("VOICE_URL is missing: where the product answers the telephone")
        _address(environ, "PUBLIC_URL")
        return cls(
            voice_url=voice_url,
            sid=_wanted(environ, "TWILIO_ACCOUNT_SID"),
            auth_token=_wanted(environ, "TWILIO_AUTH_TOKEN"),
            api_key_sid=_wanted(environ, "TWILIO_API_KEY_SID"),
            api_key_secret=_wanted(environ, "TWILIO_API_KEY_SECRET"),
            number=_wanted(environ, "TWILIO_NUMBER"),
            fallback_url=environ.get("VOICE_FALLBACK_URL", ""),
            desk_origin=_address(environ, "STAFF_URL"),
        )

    @property
    def incoming_url(self) -> str:
        return f"{self.voice_url}/voice/incoming"

    @property
    def status_url(self) -> str:
        return f"{self.voice_url}/voice/status"


def _wanted(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise WrongSetting(f"{name} is missing")
    return environ[name]


def _address(environ: Mapping[str, str], name: str) -> str:
    address = environ.get(name, "").rstrip("/")
    if address and urlsplit(address).scheme != "http":
        raise WrongSetting(f"{name} is {address}: the simulated network serves a demo over http on this machine only")
    return address
