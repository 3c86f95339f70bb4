"""What the composition root hands to the screens: the book, the clocks, the secrets and where the doors stand."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Generic, TypeVar

from flask import Flask, current_app
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from booking_core.actors import Actor
from booking_core.availability import Reception, read_receptions, receptions_of
from booking_core.catalogue import Catalogue, read_catalogue
from booking_core.clock import Clock
from booking_core.settings import Settings, read_all
from web.throttle import Throttle

RECENT_SECONDS = 5
"""How long a process goes on with the names and settings it read: a change by the city is seen within this time."""

T = TypeVar("T")


@dataclass
class Recent(Generic[T]):
    """What changes seldom and stands on every page: read once in a few seconds, not once a request.

    Attributes:
        engine: the book.
        read: how it is read there.
        otherwise: what to go by while the book cannot be read and never was; None lets the error through.
    """

    engine: Engine
    read: Callable[[Connection], T]
    otherwise: T | None = None
    _value: T | None = field(default=None, init=False)
    _read_at: float = field(default=0.0, init=False)

    def value(self) -> T:
        """Return what was read at most RECENT_SECONDS ago."""
        found, now = self._value, time.monotonic()
        if found is None or now - self._read_at > RECENT_SECONDS:
            self._read_at = now
            found = self._value = self._read_afresh(found or self.otherwise)
        return found

    def forget(self) -> None:
        """Read afresh at the next question."""
        self._read_at = -math.inf

    def _read_afresh(self, before: T | None) -> T:
        try:
            with self.engine.connect() as db:
                return self.read(db)
        except SQLAlchemyError:  # the page that says so is shown with what was known before
            if before is None:
                raise
            return before


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
    _settings: Recent[Settings] = field(init=False)
    _catalogue: Recent[Catalogue] = field(init=False)
    _receptions: Recent[list[Reception]] = field(init=False)

    def __post_init__(self) -> None:
        """Reading needs no transaction: each statement on `reads` stands alone, in one round trip."""
        self.reads = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._settings = Recent(self.reads, read_all, otherwise=Settings())
        self._catalogue = Recent(self.reads, read_catalogue)
        self._receptions = Recent(self.reads, read_receptions)

    def settings(self) -> Settings:
        """Return what the city has set, at most a few seconds old."""
        return self._settings.value()

    def settings_changed(self) -> None:
        """Let this process show what the city has just set from the next page on; the others follow within seconds."""
        self._settings.forget()

    def catalogue(self) -> Catalogue:
        """Return the services and venues, at most a few seconds old."""
        return self._catalogue.value()

    def receptions(self, service_id: int, *, by: Actor, venue_id: int | None = None) -> list[Reception]:
        """Return where a service may be booked, for showing: a booking is judged by the terms as they are then."""
        return receptions_of(self._receptions.value(), service_id, by=by, venue_id=venue_id)

    def reading(self) -> Connection:
        """Return a connection on which every statement stands alone. Use it in a `with`."""
        return self.reads.connect()


def install(app: Flask, wiring: Wiring) -> None:
    app.extensions["madoguchi"] = wiring


def wired() -> Wiring:
    """Return the wiring of the app that answers this request."""
    found: Wiring = current_app.extensions["madoguchi"]
    return found
