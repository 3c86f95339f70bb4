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

SETTINGS_SECONDS = 5
"""How long a process goes on with the settings it read: a change by the city is seen within this time."""


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
    _settings: Settings | None = field(default=None, init=False)
    _settings_read_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Reading needs no transaction: each statement on `reads` stands alone, in one round trip."""
        self.reads = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def settings(self) -> Settings:
        """Return what the city has set, at most a few seconds old."""
        now = real_now()
        stale = self._settings_read_at is None or (now - self._settings_read_at).total_seconds() > SETTINGS_SECONDS
        if self._settings is None or stale:
            self._settings_read_at = now
            try:
                with self.reads.connect() as db:
                    self._settings = read_all(db)
            except SQLAlchemyError:  # the page that says so is shown with what was known before
                self._settings = self._settings or Settings()
        return self._settings

    def reading(self) -> Connection:
        """Return a connection on which every statement stands alone. Use it in a `with`."""
        return self.reads.connect()


def install(app: Flask, wiring: Wiring) -> None:
    app.extensions["madoguchi"] = wiring


def wired() -> Wiring:
    """Return the wiring of the app that answers this request."""
    found: Wiring = current_app.extensions["madoguchi"]
    return found
