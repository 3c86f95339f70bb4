"""Every setting of a process, read from the environment once, at start, and checked there.

A wrong setting ends the start with one line that names it and says what to write. Rooms never import this file: what
they need is handed to them.
"""

import os
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

SHORTEST_SECRET = 32
HIGHEST_PORT = 65_535
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
E164 = re.compile(r"\+[1-9]\d{6,14}")

WRITE = {
    "database_url": "postgresql://user:password@host/database",
    "database_owner_url": "postgresql://owner:password@host/database, the role that migrates, or leave it out",
    "redis_url": "redis://host:6379/0, rediss://host:6379/0 or unix:///path/redis.sock",
    "public_url": "https://yoyaku.example.jp, without a path's closing slash",
    "citizen_url": "https://yoyaku.example.jp, or leave it out",
    "staff_url": "https://staff.example.jp, or leave it out",
    "voice_url": "https://voice.example.jp, or leave it out",
    "port": "a number from 1 to 65535",
    "bind": "127.0.0.1 behind a proxy on the same machine, 0.0.0.0 otherwise",
    "doors": "any of citizen,desk,admin,board,voice with commas between",
    "secret_key": "32 or more random characters",
    "pepper": "32 or more random characters, never changed once cards are imported",
    "trusted_proxies": "addresses or networks such as 10.0.0.0/8,192.0.2.7 with commas between",
    "smtp_url": "smtp://user:password@host:587, smtps://host:465 or file:///folder",
    "mail_from": "an address such as yoyaku@example.jp",
    "report_to": "addresses with commas between",
    "clock_file": "a path, or leave it out for the machine's time",
    "demo": "1 or 0",
    "twilio_account_sid": "the account's name at the provider: AC and 32 hexadecimal digits",
    "twilio_auth_token": "the account's token from the telephony provider's console",
    "twilio_auth_token_secondary": "the second token while tokens are being changed, or leave it out",
    "twilio_api_key_sid": "the name of an API key: SK and 32 hexadecimal digits, or leave it out",
    "twilio_api_key_secret": "the secret of TWILIO_API_KEY_SID",
    "twilio_number": "the line's number such as +81753300000",
    "twilio_region": "a region such as jp1, together with TWILIO_EDGE, or leave it out",
    "twilio_edge": "an edge such as tokyo, or leave it out",
    "voice_fallback_url": "where the stand-in document of deploy/voice-fallback.xml is served, or leave it out",
    "twilio_api_base": "another address of the provider's interface such as http://127.0.0.1:8001, or leave it out",
    "log_format": "json or console",
    "log_level": "info or warning",
}


class SettingsError(Exception):
    """The environment cannot be used; the message is one line that names what is wrong and what to write."""


class Door(StrEnum):
    """A part of the site that a process can serve, each under its own prefix."""

    CITIZEN = "citizen"
    DESK = "desk"
    ADMIN = "admin"
    BOARD = "board"
    VOICE = "voice"


def _address(*schemes: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes:
            raise ValueError(f"does not start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        if parts.scheme not in ("unix", "file") and not parts.hostname:
            raise ValueError("names no host")
        parts.port  # noqa: B018  reading it raises ValueError for a port that is no number
        return text

    return check


def _site(text: str) -> str:
    _address("http", "https")(text)
    parts = urlsplit(text)
    if parts.query or parts.fragment:
        raise ValueError("holds more than a host and a path")
    return text.rstrip("/")


def _database(text: str) -> str:
    """Name the driver: the same address then works for the engine, the migrations and a bare connection."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ValueError("is not a PostgreSQL address")
    if not urlsplit(f"postgresql://{rest}").path.strip("/"):
        raise ValueError("names no database")
    return f"postgresql+psycopg://{rest}"


def _listed(text: object) -> object:
    if not isinstance(text, str):
        return text
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _with_the_board(doors: frozenset[Door]) -> frozenset[Door]:
    """Whoever runs a desk sees the board."""
    return doors | {Door.BOARD} if Door.DESK in doors else doors


def _mail_address(text: str) -> str:
    if not re.fullmatch(r"[^@\s,]+@[^@\s,]+", text):
        raise ValueError("is not a mail address")
    return text


def _long_enough(secret: SecretStr) -> SecretStr:
    length = len(secret.get_secret_value())
    if length < SHORTEST_SECRET:
        raise ValueError(f"is too short ({length} characters)")
    return secret


def _e164(text: str) -> str:
    if not E164.fullmatch(text):
        raise ValueError("is not a number in the form +81…")
    return text


def _sid(prefix: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text and not re.fullmatch(rf"{prefix}[0-9a-fA-F]{{32}}", text):
            raise ValueError(f"is not {prefix} and 32 hexadecimal digits")
        return text

    return check


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"holds {text!r}, which is no address or network") from None


Site = Annotated[str, AfterValidator(_site)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_database)]
RedisUrl = Annotated[SecretStr, BeforeValidator(_address("redis", "rediss", "unix"))]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class Settings(BaseSettings):
    """What a process needs to know. Frozen; secrets show as stars wherever it is printed."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: DatabaseUrl
    database_owner_url: DatabaseUrl | None = None
    redis_url: RedisUrl
    port: int = Field(default=8000, ge=1, le=HIGHEST_PORT)
    bind: str = "127.0.0.1"
    public_url: Site = ""
    citizen_url: Site = ""
    staff_url: Site = ""
    voice_url: Site = ""
    doors: Annotated[frozenset[Door], BeforeValidator(_listed), AfterValidator(_with_the_board)] = frozenset(Door)
    secret_key: Secret
    pepper: Secret
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_listed)] = ()
    smtp_url: Annotated[SecretStr, BeforeValidator(_address("smtp", "smtps", "file"))] | None = None
    mail_from: MailAddress = "madoguchi@localhost"
    report_to: Annotated[tuple[MailAddress, ...], BeforeValidator(_listed)] = ()
    clock_file: Path | None = None
    demo: bool = False
    twilio_account_sid: Annotated[str, AfterValidator(_sid("AC"))] = ""
    twilio_auth_token: SecretStr | None = None
    twilio_auth_token_secondary: SecretStr | None = None
    twilio_api_key_sid: Annotated[str, AfterValidator(_sid("SK"))] = ""
    twilio_api_key_secret: SecretStr | None = None
    twilio_number: Annotated[str, AfterValidator(_e164)] | None = None
    twilio_region: str = ""
    twilio_edge: str = ""
    voice_fallback_url: Site | None = None
    twilio_api_base: Site | None = None
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["info", "warning"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what load_settings() hands over: no `.env` file, no second look at the environment."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _follow_the_public_url(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Let each address that is not given be the public one, and that the loopback address of the port."""
        public = given.get("public_url") or f"http://127.0.0.1:{given.get('port', 8000)}"
        return {"public_url": public, "citizen_url": public, "staff_url": public, "voice_url": public} | given

    @model_validator(mode="after")
    def _agree_with_each_other(self) -> Self:
        if self.demo and any(site.startswith("https:") for site in self.sites):
            raise ValueError("DEMO: the demo's sign-ins are public, so it refuses an https address; write DEMO=0")
        if self.demo and not _is_loopback(self.bind):
            raise ValueError("BIND: the demo answers this machine only; write BIND=127.0.0.1")
        if (
            self.smtp_url
            and not self.smtp_url.get_secret_value().startswith("file:")
            and "mail_from" not in self.model_fields_set
        ):
            raise ValueError(f"MAIL_FROM: is missing beside SMTP_URL; write {WRITE['mail_from']}")
        if bool(self.twilio_api_key_sid) != bool(self.twilio_api_key_secret):
            raise ValueError("TWILIO_API_KEY_SECRET: goes with TWILIO_API_KEY_SID; write both or neither")
        if self.twilio_region and not self.twilio_edge:
            raise ValueError(f"TWILIO_EDGE: is missing beside TWILIO_REGION; write {WRITE['twilio_edge']}")
        if self.secure_cookies and Door.VOICE in self.doors and self.twilio_auth_token is None:
            raise ValueError(
                f"TWILIO_AUTH_TOKEN: is missing, no call could be checked; write {WRITE['twilio_auth_token']}, "
                "or leave voice out of DOORS"
            )
        return self

    @property
    def sites(self) -> tuple[str, ...]:
        return (self.public_url, self.citizen_url, self.staff_url, self.voice_url)

    @property
    def secure_cookies(self) -> bool:
        """Whether browsers come by https: cookies are then `__Host-` and Secure."""
        return self.public_url.startswith("https:")

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names a request may ask for, without ports; a loopback name stands for all of them."""
        names = {urlsplit(site).hostname or "" for site in self.sites}
        return tuple(sorted(names | set(LOOPBACK_NAMES) if names & set(LOOPBACK_NAMES) else names))

    @property
    def owner_url(self) -> SecretStr:
        """The database address of the role that migrates."""
        return self.database_owner_url or self.database_url

    @property
    def broker_url(self) -> str:
        """The Redis address in Celery's spelling, which differs for a socket."""
        url = self.redis_url.get_secret_value()
        return f"redis+socket://{url.removeprefix('unix://')}" if url.startswith("unix://") else url


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; an empty variable counts as not set.

    Raises:
        SettingsError: one line with the first thing that is wrong, what to write instead, and how many are wrong.
    """
    environ = os.environ if environ is None else environ
    given = {
        name: environ[name.upper()].strip() for name in Settings.model_fields if environ.get(name.upper(), "").strip()
    }
    try:
        return Settings(**given)  # type: ignore[arg-type]  # the validators above turn text into every field's type
    except ValidationError as error:
        raise SettingsError(_one_line(error, set(given))) from None


def _one_line(error: ValidationError, given: set[str]) -> str:
    problems = [p for p in error.errors(include_url=False, include_input=False) if _is_written(p, given)]
    first = problems[0]
    message = first["msg"].removeprefix("Value error, ")
    if first["loc"]:
        name = str(first["loc"][0])
        wrong = {"missing": "is missing", "value_error": message}.get(first["type"], "is not understood")
        message = f"{name.upper()}: {wrong}; write {WRITE[name]}"
    others = len({problem["loc"][:1] for problem in problems}) - 1
    return message + (f" (and {others} more to put right)" if others else "")


def _is_written(problem: ErrorDetails, given: set[str]) -> bool:
    """Leave out an address that is wrong only because the one it follows is."""
    return not problem["loc"] or problem["type"] == "missing" or problem["loc"][0] in given


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
