"""Some weeks of bookings for the demo, spread over venues, days and channels, the same on each fresh book of a day.

Each was made, by the booking function, at a moment in the past weeks; visits that are over have been settled.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from sqlalchemy import Connection, text

from booking_core.actors import Actor, IdentifiedBy
from booking_core.booking import Wish, book, settle
from booking_core.calendar import at, is_public_rest_day
from booking_core.clock import tokyo_day
from booking_core.contact import Contact
from booking_core.models import BookingState, ServiceCode
from booking_core.refusal import Refusal
from booking_core.seed.demo_cards import FREE_CARDS, demo_cards

DAYS_BACK = 28
"""How far the demo's past reaches."""

CERTIFICATES, APPLICATIONS = 80, 40
_MADE_DAYS_AGO = (1, 22)
_VISIT_DAYS_LATER = (10, 45)
_ONE_IN_BY_PHONE = 3
_ONE_IN_MISSED = 12


@dataclass(frozen=True, slots=True)
class _Free:
    """A slot with a place left."""

    id: int
    day: date
    starts_at: datetime


class _Calendar:
    """The free slots of one service by day; each is handed out once."""

    def __init__(self, slots: Sequence[_Free]) -> None:
        self._by_day: dict[date, list[_Free]] = {}
        for slot in slots:
            self._by_day.setdefault(slot.day, []).append(slot)
        self._days = sorted(self._by_day)

    def take(self, wanted: date, dice: Random) -> _Free:
        """Return a slot on the first day from `wanted` on that has any left."""
        slots = next(self._by_day[day] for day in self._days[bisect_left(self._days, wanted) :] if self._by_day[day])
        return slots.pop(dice.randrange(len(slots)))


def book_some_weeks(db: Connection, *, operator_id: int, clerk_id: int, now: datetime) -> int:
    """Make the demo's bookings and return how many stand. `now` is business time; nothing is dated after it."""
    dice = Random(20250407)  # noqa: S311 - the same book every time, no secret
    calendars = {service: _calendar(db, service, now) for service in ServiceCode}
    services: dict[str, int] = {row.code: row.id for row in db.execute(_SERVICES)}
    cards: dict[str, int] = {row.number: row.id for row in db.execute(_CARDS)}
    made = 0
    for nth, (service, number) in enumerate(_errands()):
        by_phone = number is None or nth % _ONE_IN_BY_PHONE == 0
        made_at = _moment(dice, now, in_hours=by_phone)
        slot = calendars[service].take(tokyo_day(made_at) + timedelta(days=dice.randint(*_VISIT_DAYS_LATER)), dice)
        card_id = cards[number] if number else None
        wish = _wish(nth, service, slot.id, services[service], card_id)
        by = _actor(card_id, operator_id, by_phone=by_phone)
        answer = book(db, wish, by=by, key=f"demo:book:{nth}", now=made_at)
        if isinstance(answer, Refusal):
            continue  # a long row of holidays has pushed the deadline out: one visit less
        made += 1
        if tokyo_day(slot.starts_at) < tokyo_day(now):
            ended = _outcome(service, dice)
            over = slot.starts_at + timedelta(minutes=30)
            settle(db, answer.id, ended, by=Actor.clerk(clerk_id), key=f"demo:settle:{nth}", now=over)
    return made


def _errands() -> list[tuple[ServiceCode, str | None]]:
    """Return what is booked: a delivery for each card that is not kept free, and visits that hang on no card."""
    deliveries: list[tuple[ServiceCode, str | None]] = [
        (ServiceCode.DELIVERY, card.number) for card in demo_cards()[FREE_CARDS:]
    ]
    others: list[tuple[ServiceCode, str | None]] = [(ServiceCode.CERTIFICATE, None)] * CERTIFICATES
    return deliveries + others + [(ServiceCode.APPLICATION, None)] * APPLICATIONS


def _moment(dice: Random, now: datetime, *, in_hours: bool) -> datetime:
    """Return when the booking was made: on any day by web, on a working day between nine and four by telephone."""
    day = tokyo_day(now) - timedelta(days=dice.randint(*_MADE_DAYS_AGO))
    while in_hours and (day.weekday() >= 5 or is_public_rest_day(day)):  # noqa: PLR2004 - Saturday
        day -= timedelta(days=1)
    hour = dice.randint(9, 15) if in_hours else dice.randint(6, 23)
    return max(at(day, time(hour, dice.randint(0, 59))), now - timedelta(days=DAYS_BACK))


def _wish(nth: int, service: ServiceCode, slot_id: int, service_id: int, card_id: int | None) -> Wish:
    phone = f"+8175123{nth:04d}"  # no exchange in Japan begins with 1: these ring nowhere
    if card_id is not None:
        return Wish(slot_id, service_id, Contact(phone), card_id=card_id)
    contact = Contact(phone, f"練習　{nth}番", "レンシュウ")
    purpose = "renew" if service is ServiceCode.CERTIFICATE else None
    return Wish(slot_id, service_id, contact, purpose=purpose)


def _actor(card_id: int | None, operator_id: int, *, by_phone: bool) -> Actor:
    if card_id is not None and not by_phone:
        return Actor.citizen(card_id)
    if card_id is None:
        return Actor.operator(operator_id)
    known = IdentifiedBy.NUMBER_AND_PASSWORD
    return Actor.operator(operator_id, on_behalf_of=f"card:{card_id}", identified_by=known)


def _outcome(service: ServiceCode, dice: Random) -> BookingState:
    if dice.randrange(_ONE_IN_MISSED) == 0:
        return BookingState.NO_SHOW
    return BookingState.HANDED_OVER if service is ServiceCode.DELIVERY else BookingState.VISITED


def _calendar(db: Connection, service: ServiceCode, now: datetime) -> _Calendar:
    reach = {"service": service, "first": tokyo_day(now) - timedelta(days=DAYS_BACK)}
    return _Calendar([_Free(*row) for row in db.execute(_FREE_SLOTS, reach)])


_FREE_SLOTS = text("""
    SELECT s.id, s.day, s.starts_at
    FROM slot s
    JOIN service_at_venue sv ON sv.pool_id = s.pool_id
    JOIN service v ON v.id = sv.service_id
    WHERE v.code = :service AND s.day >= :first AND s.open AND s.booked + s.held < s.capacity
    ORDER BY s.starts_at, s.id""")
_SERVICES = text("SELECT code, id FROM service")
_CARDS = text("SELECT number, id FROM card")
