"""What the composition root hands to the screens: the book, the clocks, the secrets and where the doors stand."""

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from flask import Flask, current_app
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from booking_core.clock import Clock, real_now
from booking_core.settings import Settings, read_all
from web.throttle import Throttle

RECENT_SECONDS = 5
"""How long a process goes on with the names and settings it read: a change by the city is seen within this time."""

T = TypeVar("T")


@dataclass
class Recent(Generic[T]):
    """What changes seldom and is shown on every page: read once in a few seconds, not once a request."""

    read: Callable[[Connection], T]
    _value: T | None = field(default=None, init=False)
    _read_at: datetime | None = field(default=None, init=False)

    def value(self, engine: Engine, *, otherwise: T | None = None) -> T:
        """Return what was read at most a few seconds ago.

        Args:
            engine: the book.
            otherwise: what to answer while the book cannot be read and never was; None lets the error through.
        """
        now = real_now()
        if self._value is None or self._read_at is None or (now - self._read_at).total_seconds() > RECENT_SECONDS:
            self._read_at = now
            try:
                with engine.connect() as db:
                    self._value = self.read(db)
            except SQLAlchemyError:
                if self._value is None and otherwise is None:
                    raise
        return self._value or otherwise


@dataclass
class Wiring:
    """One a process; built by `app.py`."""

    engine: Engine
    clock: Clock
    throttle: Throttle
    secret_key: bytes
    pepper: bytes
    secure_cookies: bool
    demo: bool = False
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    reads: Engine = field(init=False)
    _settings: Recent[Settings] = field(default_factory=lambda: Recent(read_all), init=False)
    _catalogue: Recent[Catalogue] = field(default_factory=lambda: Recent(read_catalogue), init=False)

    def __post_init__(self) -> None:
        """Reading needs no transaction: each statement on `reads` stands alone, in one round trip."""
        self.reads = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def settings(self) -> Settings:
        """Return what the city has set, at most a few seconds old. The page that tells of trouble needs it too."""
        return self._settings.value(self.reads, otherwise=Settings())

    def catalogue(self) -> Catalogue:
        """Return the services and venues, at most a few seconds old."""
        return self._catalogue.value(self.reads)

    def reading(self) -> Connection:
        """Return a connection on which every statement stands alone. Use it in a `with`."""
        return self.reads.connect()


def install(app: Flask, wiring: Wiring) -> None:
    app.extensions["madoguchi"] = wiring


def wired() -> Wiring:
    """Return the wiring of the app that answers this request."""
    found: Wiring = current_app.extensions["madoguchi"]
    return found
