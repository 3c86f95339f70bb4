"""Load a city into an empty book: venues, services, hours, terms and slot plans from one data file."""

import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from booking_core.models import (
    Pool,
    ReceptionHours,
    Service,
    ServiceAtVenue,
    SlotPlan,
    Venue,
    VenueKind,
)

KYOTO = Path(__file__).with_name("kyoto.toml")


def load_city(db: Connection, *, valid_from: date, file: Path = KYOTO) -> bool:
    """Load the city's data; return False, changing nothing, when the book already has venues."""
    if db.execute(text("SELECT EXISTS (SELECT FROM venue)")).scalar_one():
        return False
    city = tomllib.loads(file.read_text(encoding="utf-8"))
    services = {each["code"]: _add_service(db, position, each) for position, each in enumerate(city["services"])}
    _add_venue(db, 0, city["storehouse"], VenueKind.STOREHOUSE)
    for position, each in enumerate(city["venues"], start=1):
        venue_id = _add_venue(db, position, each, VenueKind.COUNTER)
        _add_receptions(db, venue_id, each, city=city, services=services, since=valid_from)
    return True


def _add_service(db: Connection, position: int, data: dict[str, Any]) -> int:
    row = {
        "code": data["code"],
        "name": data["name"],
        "needs_card": data["needs_card"],
        "purposes": data.get("purposes", {}),
        "position": position,
    }
    return int(db.execute(insert(Service).values(row).returning(Service.id)).scalar_one())


def _add_venue(db: Connection, position: int, data: dict[str, Any], kind: VenueKind) -> int:
    row = {name: data[name] for name in ("code", "name", "reading", "address")}
    values = insert(Venue).values(row | {"kind": kind, "position": position, "opens_on_holidays": False})
    return int(db.execute(values.returning(Venue.id)).scalar_one())


def _add_receptions(
    db: Connection,
    venue_id: int,
    venue: dict[str, Any],
    *,
    city: dict[str, Any],
    services: dict[str, int],
    since: date,
) -> None:
    channels = {each["code"]: each["channels"] for each in city["services"]}
    for code, plan in city["plans"][venue["plan"]].items():
        pool_id = db.execute(insert(Pool).values(venue_id=venue_id, code=code).returning(Pool.id)).scalar_one()
        terms = {
            "venue_id": venue_id,
            "service_id": services[code],
            "pool_id": pool_id,
            "on_web": "web" in channels[code],
            "by_phone": "phone" in channels[code],
            "by_keypad": "keypad" in channels[code],
        }
        at_venue = db.execute(insert(ServiceAtVenue).values(terms).returning(ServiceAtVenue.id)).scalar_one()
        for name in venue["hours"]:
            hours = city["hours"][name]
            _add_hours(db, at_venue, hours, last_reception=hours["last_reception"][code])
            _add_plans(db, pool_id, hours["weekdays"], plan, since)


def _add_hours(db: Connection, at_venue: int, hours: dict[str, Any], *, last_reception: time) -> None:
    for weekday in hours["weekdays"]:
        row = {
            "service_at_venue_id": at_venue,
            "weekday": weekday,
            "opens": hours["opens"],
            "closes": hours["closes"],
            "last_reception": last_reception,
        }
        db.execute(insert(ReceptionHours).values(row))


def _add_plans(db: Connection, pool_id: int, weekdays: list[int], plan: dict[str, Any], since: date) -> None:
    for weekday in weekdays:
        db.execute(insert(SlotPlan).values(pool_id=pool_id, weekday=weekday, valid_from=since, **plan))
