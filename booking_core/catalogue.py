"""What the city offers, as data: its venues, its services, and the hours in which each is received."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from booking_core.models import ServiceCode, VenueKind


@dataclass(frozen=True, slots=True)
class VenueView:
    id: int
    code: str
    name: str
    reading: str
    address: str


@dataclass(frozen=True, slots=True)
class ServiceView:
    id: int
    code: str
    name: str
    needs_card: bool
    purposes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The services and the venues, in the city's order, for screens that only name them. Rules read rows afresh."""

    services: tuple[ServiceView, ...]
    venues: tuple[VenueView, ...]

    def find_service(self, code: str) -> ServiceView | None:
        return next((service for service in self.services if service.code == code), None)

    def find_venue(self, code: str) -> VenueView | None:
        return next((venue for venue in self.venues if venue.code == code), None)

    def get_venue(self, venue_id: int) -> VenueView:
        """Return a venue that is known to exist; raises LookupError when there is none with this id."""
        for venue in self.venues:
            if venue.id == venue_id:
                return venue
        raise LookupError(f"no venue {venue_id}")


def read_catalogue(db: Connection) -> Catalogue:
    return Catalogue(tuple(list_services(db)), tuple(list_venues(db)))


def list_venues(db: Connection) -> list[VenueView]:
    """Return the venues that receive visitors, in the city's order."""
    return [VenueView(*row) for row in db.execute(_VENUES, {"kind": VenueKind.COUNTER})]


def find_venue(db: Connection, code: str) -> VenueView | None:
    return next((venue for venue in list_venues(db) if venue.code == code), None)


def get_venue(db: Connection, venue_id: int) -> VenueView:
    """Return a venue that is known to exist.

    Raises:
        LookupError: there is none with this id.
    """
    for venue in list_venues(db):
        if venue.id == venue_id:
            return venue
    raise LookupError(f"no venue {venue_id}")


def list_services(db: Connection) -> list[ServiceView]:
    return [ServiceView(*row) for row in db.execute(_SERVICES)]


def find_service(db: Connection, code: str) -> ServiceView | None:
    return next((service for service in list_services(db) if service.code == code), None)


def get_service(db: Connection, code: ServiceCode) -> ServiceView:
    """Return one of the seeded services.

    Raises:
        LookupError: the catalogue was never loaded.
    """
    if (service := find_service(db, code)) is None:
        raise LookupError(f"no service {code}: the catalogue was never loaded")
    return service


_VENUES = text("SELECT id, code, name, reading, address FROM venue WHERE kind = :kind ORDER BY position")
_SERVICES = text("SELECT id, code, name, needs_card, purposes FROM service ORDER BY position")
