"""Any commands, by anybody, in any order: what the book offers is always what an independent memory of it would offer.

A random walk sends commands to the real book and, beside it, keeps its own notes in plain Python: who booked what, who
holds what, what time it is. Each answer is foretold from the notes alone, and after each step the free places, the
counters and the rows must agree with them. A failing walk prints its seed and every step that led there.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, Row, text

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.availability import (
    Reception,
    list_first_free_days,
    list_free_days,
    list_free_times,
    list_next_free_times,
    list_receptions,
)
from booking_core.booking import BookingAnswer, Wish, book, cancel, move, settle, settle_unmarked
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.holds import Hold, hold, list_expired_slots, reclaim_expired, release
from booking_core.models import BookingState
from booking_core.refusal import Refusal
from booking_core.seed.city import load_city
from booking_core.slots import materialise
from tests.factories import (
    PHONE,
    add_card,
    balanced,
    change_terms,
    delay_reopening,
    operator_for,
    owner_of,
    service_id,
    venue_id,
)

TOKYO = ZoneInfo("Asia/Tokyo")
START = datetime(2025, 4, 7, 9, 30, tzinfo=TOKYO)  # no holiday lies in the ten days from here on
BEGINNINGS = (
    START,
    datetime(2025, 4, 8, 16, 45, tzinfo=TOKYO),  # just before the deadline of the first visits
    datetime(2025, 4, 10, 15, 0, tzinfo=TOKYO),  # before the deadline of the last
    datetime(2025, 4, 14, 16, 50, tzinfo=TOKYO),  # before that of cards which lie at their venue
    datetime(2025, 4, 15, 9, 30, tzinfo=TOKYO),  # the morning of the first visits
)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TUESDAY, WEDNESDAY, THURSDAY = date(2025, 4, 15), date(2025, 4, 16), date(2025, 4, 17)
HORIZON_DAYS = {"kita": 9, "minami": 60, "center-3f": 60}
CERTIFICATE, APPLICATION, DELIVERY = "certificate", "application", "delivery"
CARDS = ("center-ukyo", "center-ukyo", "center-ukyo", "kita", "kita", "minami")  # where each of the six cards lies
WHOLE = Contact(PHONE, "都 花子")

# The services are those received at that time: at center-3f, applications share the pool of delivery until 16:40.
SLOT_COLUMNS = ("venue", "pool", "day", "start", "places", "services")
SLOTS: tuple[tuple[Any, ...], ...] = (
    ("kita", "delivery", TUESDAY, time(10), 1, {DELIVERY}),
    ("kita", "delivery", TUESDAY, time(11), 2, {DELIVERY}),
    ("kita", "delivery", THURSDAY, time(10), 1, {DELIVERY}),
    ("kita", "certificate", TUESDAY, time(10), 2, {CERTIFICATE}),
    ("minami", "delivery", TUESDAY, time(10), 1, {DELIVERY}),
    ("minami", "delivery", THURSDAY, time(10), 2, {DELIVERY}),
    ("center-3f", "delivery", TUESDAY, time(16, 40), 2, {DELIVERY, APPLICATION}),
    ("center-3f", "delivery", TUESDAY, time(16, 50), 1, {DELIVERY}),
    ("center-3f", "delivery", WEDNESDAY, time(16, 50), 1, {DELIVERY}),
)


@dataclass(frozen=True)
class World:
    """The small book a walk goes over: nine slots at three venues, six cards."""

    engine: Engine
    slots: dict[int, "Place"]
    cards: dict[int, str]  # card id -> code of the venue where it lies
    services: dict[str, int]
    venues: dict[str, int]

    def lies_at(self, card: int | None) -> int | None:
        return self.venues[self.cards[card]] if card else None


@dataclass
class Place:
    """A slot as the notes know it."""

    id: int
    venue: str
    starts_at: datetime
    capacity: int
    services: set[str]
    open: bool = True

    @property
    def day(self) -> date:
        return self.starts_at.date()


@dataclass
class Noted:
    """A booking as the notes know it."""

    id: int
    slot: int
    service: str
    card: int | None
    promise: datetime
    state: str = "booked"


@dataclass
class Kept:
    """A hold as the notes know it."""

    slot: int
    until: datetime


@dataclass
class Notes:
    """What the walk remembers, and what follows from it. Nothing here asks the book."""

    world: World
    now: datetime = START
    slots: dict[int, Place] = field(default_factory=dict)
    bookings: dict[int, Noted] = field(default_factory=dict)
    holds: dict[str, Kept] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    reopening_delay: timedelta = timedelta(0)

    def free(self, slot: int, *, beside: str = "") -> int:
        """Return the places nobody has, not counting the hold of `beside` and holds that have run out."""
        taken = sum(b.slot == slot and b.state != "cancelled" for b in self.bookings.values())
        kept = sum(h.slot == slot and h.until > self.now for owner, h in self.holds.items() if owner != beside)
        return self.slots[slot].capacity - taken - kept

    def lead(self, slot: Place, card: int | None, service: str) -> datetime:
        """Return 17:00 on the fifth weekday before the visit, or on the last one if the card lies there already."""
        near = service == DELIVERY and card is not None and self.world.cards[card] == slot.venue
        day, left = slot.day, 1 if near else 5
        while left:
            day -= timedelta(days=1)
            left -= day.isoweekday() < 6
        return min(datetime.combine(day, time(17), TOKYO), slot.starts_at)

    def accept_until(self, by: Actor, slot: Place, card: int | None, service: str) -> datetime:
        return slot.starts_at if by.kind is ActorKind.CLERK else self.lead(slot, card, service)

    def against_slot(self, by: Actor, slot: Place, service: str) -> str | None:
        """Return why the service cannot be had there, or not through this door."""
        if service not in slot.services:
            return "not_offered_here"
        if service != DELIVERY and by.channel in {Channel.WEB, Channel.KEYPAD}:
            return "not_on_this_channel"
        return None

    def against_time(self, by: Actor, slot: Place, card: int | None, service: str) -> str | None:
        if self.now > self.accept_until(by, slot, card, service):
            return "accept_deadline_passed"
        if slot.day > self.now.date() + timedelta(days=HORIZON_DAYS[slot.venue] if service == DELIVERY else 60):
            return "beyond_horizon"
        return None if slot.open else "slot_closed"

    def against_card(self, by: Actor, card: int | None, service: str) -> str | None:
        if service != DELIVERY:
            return None
        if card is None:
            return "card_needed"
        if stranger := against_speaking(by, card):
            return stranger
        if any(b.card == card and b.state == "booked" for b in self.bookings.values()):
            return "already_booked"
        return "card_finished" if card in self.finished else None

    def against_handing_over(self, booking: Noted) -> str | None:
        if booking.card is None:
            return "card_needed"
        others = (b for b in self.bookings.values() if b.card == booking.card and b.id != booking.id)
        return "already_booked" if any(b.state == "booked" for b in others) else None

    def against_change(self, by: Actor, booking: Noted) -> str | None:
        if stranger := against_speaking(by, booking.card):
            return stranger
        if booking.state != "booked":
            return "booking_over"
        until = {ActorKind.OPERATOR: self.slots[booking.slot].starts_at, ActorKind.CLERK: None}
        last = until.get(by.kind, booking.promise)
        return "change_deadline_passed" if last and self.now > last else None

    def offered(self, by: Actor, service: str, card: int | None) -> dict[int, int]:
        """Return the free places by slot, as far as `by` could book them now."""
        found = {}
        for slot in self.slots.values():
            against = self.against_slot(by, slot, service) or self.against_time(by, slot, card, service)
            if not against and self.free(slot.id) > 0:
                found[slot.id] = self.free(slot.id)
        return found


def herself(by: Actor) -> bool:
    return by.kind in {ActorKind.CITIZEN, ActorKind.KEYPAD}


def against_speaking(by: Actor, card: int | None) -> str | None:
    """Foretell who may act for a card's citizen: herself, an operator who identified her, a clerk."""
    if herself(by):
        return None if by.id == card else "not_yours"
    identified = by.on_behalf_of == f"card:{card}"
    return "card_needed" if by.kind is ActorKind.OPERATOR and card is not None and not identified else None


# --- The walk --------------------------------------------------------------------------------------------------------

Answer = BookingAnswer | Hold | Refusal | int | bool


@dataclass
class Walk:
    """A random walk: each step is one command to the book, or a step of the clock, with its answer foretold."""

    world: World
    seed: int
    offers: list[tuple[Actor, str, int | None, list[Reception]]]

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - a test that can be repeated
        places = {place.id: replace(place) for place in self.world.slots.values()}
        self.notes = Notes(self.world, now=BEGINNINGS[self.seed % len(BEGINNINGS)], slots=places)
        self.trace: list[str] = [f"seed {self.seed}"]
        self.seen = picture(self.world.engine)
        self.outcomes: Counter[str] = Counter()
        self.number = 0

    def go(self, steps: int) -> None:
        commands = [
            self.book,
            self.book,
            self.book,
            self.book,
            self.move,
            self.move,
            self.move,
            self.cancel,
            self.cancel,
        ]
        commands += [self.hold, self.hold, self.release, self.settle, self.settle_unmarked, self.reclaim, self.shut]
        commands += [self.book, self.book, self.wait, self.delay]
        for self.number in range(steps):
            self.random.choice(commands)()
            self.compare()

    # Each of the following makes one step.

    def book(self) -> None:
        card, slot, owner, notes = self.a_card(), self.a_slot(), self.an_owner(), self.notes
        by, service = self.anybody(card), self.a_service(slot)
        foretold = (
            notes.against_slot(by, slot, service)
            or notes.against_card(by, card, service)
            or notes.against_time(by, slot, card, service)
            or ("full" if notes.free(slot.id, beside=owner) < 1 else None)
        )
        purpose = "renew" if service == CERTIFICATE else None
        wish = Wish(slot.id, self.world.services[service], WHOLE, card, purpose, hold_owner=owner or None)
        answer = self.send(lambda db: book(db, wish, by=by, key=self.key, now=notes.now), foretold, locals())
        if isinstance(answer, BookingAnswer):
            kept_card = card if service == DELIVERY else None
            promise = notes.lead(slot, card, service)
            notes.bookings[answer.id] = Noted(answer.id, slot.id, service, kept_card, promise)
            notes.holds.pop(owner, None)
            assert answer.change_until == promise

    def move(self) -> None:
        if (booking := self.a_booking()) is None:
            return
        by, slot, owner, notes = self.anybody(booking.card), self.a_slot(), self.an_owner(), self.notes
        foretold = (
            notes.against_change(by, booking)
            or ("same_slot" if slot.id == booking.slot else None)
            or notes.against_slot(by, slot, booking.service)
            or notes.against_time(by, slot, booking.card, booking.service)
            or ("full" if notes.free(slot.id, beside=owner) < 1 else None)
        )
        answer = self.send(
            lambda db: move(db, booking.id, slot.id, by=by, key=self.key, now=notes.now, hold_owner=owner or None),
            foretold,
            locals(),
        )
        if isinstance(answer, BookingAnswer):
            booking.slot, booking.promise = slot.id, notes.lead(slot, booking.card, booking.service)
            notes.holds.pop(owner, None)

    def cancel(self) -> None:
        if (booking := self.a_booking()) is None:
            return
        by, notes = self.anybody(booking.card), self.notes
        foretold = notes.against_change(by, booking)
        if booking.state == "cancelled" and foretold == "booking_over":
            foretold = None  # asked again, the same answer
        answer = self.send(
            lambda db: cancel(db, booking.id, by=by, key=self.key, now=notes.now),
            foretold,
            locals(),
        )
        if isinstance(answer, BookingAnswer) and booking.state == "booked":
            booking.state = "cancelled"
            if notes.reopening_delay and notes.slots[booking.slot].open:
                notes.holds[f"reopening:{booking.id}"] = Kept(booking.slot, notes.now + notes.reopening_delay)

    def settle(self) -> None:
        if (booking := self.a_booking()) is None:
            return
        by, notes = self.random.choice([Actor.clerk(1), Actor.clerk(1), Actor.job(), Actor.operator(1)]), self.notes
        state = self.random.choice([BookingState.VISITED, BookingState.HANDED_OVER, BookingState.NO_SHOW])
        over = booking.state == "cancelled" or (by.kind is ActorKind.JOB and booking.state != "booked")
        foretold = "not_allowed" if by.kind is ActorKind.OPERATOR else "booking_over" if over else None
        if not foretold and notes.now.date() < notes.slots[booking.slot].day:
            foretold = "visit_not_over"
        if not foretold and state == BookingState.HANDED_OVER:
            foretold = notes.against_handing_over(booking)
        answer = self.send(
            lambda db: settle(db, booking.id, state, by=by, key=self.key, now=notes.now), foretold, locals()
        )
        if isinstance(answer, BookingAnswer):
            self.note_settled(booking, state)

    def settle_unmarked(self) -> None:
        notes = self.notes
        due = [b for b in notes.bookings.values() if b.state == "booked" and self.is_past_closing(b)]
        answer = self.send(lambda db: settle_unmarked(db, by=Actor.job(), now=notes.now), None, locals())
        assert answer == len(due)
        for booking in due:
            self.note_settled(booking, BookingState.NOT_RECORDED)

    def hold(self) -> None:
        card, slot, notes = self.a_card(), self.a_slot(), self.notes
        by, service, owner = self.anybody(card), self.a_service(slot), self.random.choice(["call:1", "call:2"])
        until = notes.now + self.random.choice([timedelta(0), SECOND, 10 * MINUTE])
        foretold = (
            notes.against_slot(by, slot, service)
            or notes.against_time(by, slot, card, service)
            or ("full" if notes.free(slot.id, beside=owner) < 1 else None)
        )
        service_id = self.world.services[service]
        answer = self.send(
            lambda db: hold(db, slot.id, service_id, owner=owner, until=until, by=by, now=notes.now, card_id=card),
            foretold,
            locals(),
        )
        if isinstance(answer, Hold):
            notes.holds[owner] = Kept(slot.id, until)

    def release(self) -> None:
        owner = self.random.choice(["call:1", "call:2"])
        self.send(lambda db: release(db, owner), None, locals())
        self.notes.holds.pop(owner, None)

    def reclaim(self) -> None:
        now = self.notes.now
        self.send(lambda db: reclaim_expired(db, list_expired_slots(db, now=now), now=now), None, locals())

    def shut(self) -> None:
        """Close a slot to new bookings, or open it again, as the city's staff would."""
        slot = self.a_slot()
        slot.open = not slot.open if self.random.random() < 0.3 else True
        with self.world.engine.begin() as db:
            db.execute(text("UPDATE slot SET open = :open WHERE id = :id"), {"open": slot.open, "id": slot.id})
        self.trace.append(f"slot {slot.id} open={slot.open}")

    def delay(self) -> None:
        """Let the city decide anew how long a cancelled place stays closed."""
        minutes = self.random.choice([0, 30])
        delay_reopening(self.world.engine, minutes, now=self.notes.now)
        self.notes.reopening_delay = minutes * MINUTE
        self.trace.append(f"reopening delay {minutes} min")

    def wait(self) -> None:
        """Let time pass: some minutes, some hours, or to the very edge of a deadline, a beginning or a hold."""
        notes = self.notes
        edges = {slot.starts_at for slot in notes.slots.values()} | {h.until for h in notes.holds.values()}
        edges |= {datetime.combine(START.date() + timedelta(days=n), time(17), TOKYO) for n in range(11)}
        edges |= {datetime.combine(START.date() + timedelta(days=n), time(0), TOKYO) for n in range(11)}
        moments = {edge + offset for edge in edges for offset in (-SECOND, timedelta(0), SECOND)}
        near = sorted(moment for moment in moments if moment > notes.now)[:4]
        choices = [*near, notes.now + 10 * MINUTE, notes.now + timedelta(hours=5)]
        notes.now = self.random.choice(choices)
        self.trace.append(f"now {notes.now:%d %H:%M:%S}")

    # What the steps draw from.

    def anybody(self, whose: int | None) -> Actor:
        """Return any actor; a citizen is mostly the one whom it concerns."""
        stranger = self.random.choice(list(self.world.cards))
        card = stranger if whose is None or self.random.random() < 0.2 else whose
        keypad = Actor(ActorKind.KEYPAD, card, Channel.KEYPAD)
        return self.random.choice(
            [Actor.citizen(card), keypad, operator_for(card), operator_for(card, 2), Actor.clerk(3)]
        )

    def a_card(self) -> int | None:
        return self.random.choice([*self.world.cards, *self.world.cards, None])

    def a_slot(self) -> Place:
        return self.random.choice(list(self.notes.slots.values()))

    def a_service(self, slot: Place) -> str:
        """Mostly one that is received there: refusals for this reason alone would crowd out the others."""
        return self.random.choice([*sorted(slot.services)] * 6 + [DELIVERY, CERTIFICATE, APPLICATION])

    def a_booking(self) -> Noted | None:
        live = [b for b in self.notes.bookings.values() if b.state == "booked"]
        among = live if live and self.random.random() < 0.8 else list(self.notes.bookings.values())
        return self.random.choice(among) if among else None

    def an_owner(self) -> str:
        return self.random.choice(["", "", "call:1", "call:2"])

    def is_past_closing(self, booking: Noted) -> bool:
        return self.notes.now >= datetime.combine(self.notes.slots[booking.slot].day, time(17), TOKYO)

    def note_settled(self, booking: Noted, state: BookingState) -> None:
        if booking.card is not None and state is BookingState.HANDED_OVER:
            self.notes.finished.add(booking.card)
        elif booking.card is not None and booking.state == "handed_over":
            self.notes.finished.discard(booking.card)
        booking.state = str(state)

    # How a step is judged.

    @property
    def key(self) -> str:
        return f"step {self.number}"

    def send(self, work: Callable[..., Answer | Refusal], foretold: str | None, about: dict[str, object]) -> Answer:
        """Send one command; its answer must be the foretold one, and a refusal must have changed nothing at all."""
        shown = {name: about[name] for name in about if name not in {"self", "notes", "wish", "purpose", "foretold"}}
        self.trace.append(f"{self.number}: {work.__qualname__.split('.')[1]} {shown} -> {foretold}")
        answer = in_transaction(self.world.engine, work)
        outcome = str(answer.reason) if isinstance(answer, Refusal) else None
        self.outcomes[outcome or "done"] += 1
        assert outcome == foretold, self.story()
        if outcome:
            assert picture(self.world.engine) == self.seen, self.story()
        return answer

    def compare(self) -> None:
        """Offered places, counters and rows must be what the notes say."""
        self.seen = picture(self.world.engine)
        assert balanced(self.world.engine), self.story()
        rows = {(row.id, row.slot_id, row.state, row.card_id) for row in self.seen["booking"]}
        assert rows == {(b.id, b.slot, b.state, b.card) for b in self.notes.bookings.values()}, self.story()
        for by, service, card, receptions in self.offers:
            assert shown(self.world, receptions, by, card, self.notes.now) == self.notes.offered(by, service, card), (
                self.story()
            )
        views_agree(self, *self.random.choice(self.offers))

    def story(self) -> str:
        return "\n".join(self.trace[-80:])


def shown(world: World, receptions: list[Reception], by: Actor, card: int | None, now: datetime) -> dict[int, int]:
    """Return the free places by slot as the book shows them."""
    with world.engine.connect() as db:
        found = list_next_free_times(db, receptions, by=by, now=now, card_lies_at=world.lies_at(card), limit=100)
    assert [each.starts_at for each in found] == sorted(each.starts_at for each in found)
    return {each.slot_id: each.places for each in found}


def views_agree(walk: Walk, by: Actor, service: str, card: int | None, receptions: list[Reception]) -> None:
    """Check that first days, days and times of a venue tell the same as the list of times over all venues."""
    now, lies_at, one = walk.notes.now, walk.world.lies_at(card), walk.random.choice(receptions)
    with walk.world.engine.connect() as db:
        found = list_next_free_times(db, receptions, by=by, now=now, card_lies_at=lies_at, limit=100)
        first_days = list_first_free_days(db, walk.world.services[service], by=by, now=now, card_lies_at=lies_at)
        free_days = list_free_days(db, one, by=by, now=now, card_lies_at=lies_at)
        times = list_free_times(db, one, TUESDAY, by=by, now=now, card_lies_at=lies_at)
    by_day = [(each.starts_at.astimezone(TOKYO).date(), each) for each in found]
    here = [(day, each) for day, each in by_day if each.venue_id == one.venue_id]
    assert {each.day: each.places for each in free_days} == sum_by_day((day, each.places) for day, each in here)
    assert times == [each for day, each in here if day == TUESDAY], walk.story()
    assert first_days == {
        venue: min((day for day, each in by_day if each.venue_id == venue), default=None) for venue in first_days
    }, walk.story()


def sum_by_day(places: Iterator[tuple[date, int]]) -> dict[date, int]:
    total: Counter[date] = Counter()
    for day, number in places:
        total[day] += number
    return dict(total)


PICTURE = {
    "slot": "SELECT id, booked, held, open FROM slot ORDER BY id",
    "booking": "SELECT * FROM booking ORDER BY id",
    "hold": "SELECT * FROM slot_hold ORDER BY id",
    "card": "SELECT id, state FROM card ORDER BY id",
    "witnesses": "SELECT (SELECT count(*) FROM booking_change), (SELECT count(*) FROM audit), "
    "(SELECT count(*) FROM audit_personal), (SELECT count(*) FROM outbox)",
}


def picture(engine: Engine) -> dict[str, list[Row[Any]]]:
    """Return everything a command of the book could change."""
    with engine.connect() as db:
        return {name: list(db.execute(text(query))) for name, query in PICTURE.items()}


# --- The world -------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(engine: Engine) -> World:
    with engine.begin() as db:
        load_city(db, valid_from=START.date())
        db.execute(text("UPDATE slot_plan SET unit_minutes = 60"))
        db.execute(
            text("""
            UPDATE slot_plan SET unit_minutes = 10 WHERE pool_id IN (
                SELECT p.id FROM pool p JOIN venue v ON v.id = p.venue_id WHERE v.code = 'center-3f')""")
        )
        db.execute(
            text("""
            UPDATE service_at_venue sv SET pool_id = p.id FROM pool p, venue v, service s
            WHERE p.venue_id = sv.venue_id AND p.code = 'delivery' AND v.id = sv.venue_id AND v.code = 'center-3f'
              AND s.id = sv.service_id AND s.code = 'application'""")
        )
        materialise(db, now=START, days_ahead=11)
        cards = {add_card(db, lies_at=venue): venue for venue in CARDS}
    change_terms(engine, "kita", "delivery", horizon_days=HORIZON_DAYS["kita"])
    slots = {
        place.id: place for place in (keep(engine, **dict(zip(SLOT_COLUMNS, each, strict=True))) for each in SLOTS)
    }
    with engine.begin() as db:
        db.execute(text("DELETE FROM slot WHERE id <> ALL(:kept)"), {"kept": list(slots)})
    services = {code: service_id(engine, code) for code in (DELIVERY, CERTIFICATE, APPLICATION)}
    return World(
        engine, slots, cards, services, {code: venue_id(engine, code) for code in (*HORIZON_DAYS, "center-ukyo")}
    )


def keep(engine: Engine, *, venue: str, pool: str, day: date, start: time, places: int, services: set[str]) -> Place:
    starts_at = datetime.combine(day, start, TOKYO)
    with engine.begin() as db:
        slot = db.execute(
            text("""
            UPDATE slot SET capacity = :places FROM pool p, venue v
            WHERE p.id = slot.pool_id AND v.id = p.venue_id AND v.code = :venue AND p.code = :pool AND starts_at = :at
            RETURNING slot.id"""),
            {"places": places, "venue": venue, "pool": pool, "at": starts_at},
        ).scalar_one()
    return Place(slot, venue, starts_at, places, services)


def clear(world: World) -> None:
    """Forget every booking, hold and witness, so that the next walk starts with an empty book."""
    with owner_of(world.engine).begin() as db:
        db.execute(text("TRUNCATE booking, booking_change, slot_hold, setting, audit, audit_personal CASCADE"))
        db.execute(text("UPDATE slot SET booked = 0, held = 0, open = true"))
        db.execute(text("UPDATE card SET state = 'notice_sent'"))


def watched(world: World) -> list[tuple[Actor, str, int | None, list[Reception]]]:
    """Return whose view of the free places is compared after each step: each kind of actor, near and far cards."""
    far, near = next(iter(world.cards)), next(card for card, venue in world.cards.items() if venue == "kita")
    views = [
        (Actor.citizen(far), DELIVERY, far),
        (Actor.citizen(near), DELIVERY, near),
        (Actor.clerk(1), DELIVERY, None),
    ]
    views += [(Actor.operator(1), CERTIFICATE, None), (Actor.operator(1), APPLICATION, None)]
    with world.engine.connect() as db:
        return [(by, s, card, list_receptions(db, world.services[s], by=by)) for by, s, card in views]


def walk_all(world: World, seeds: range, steps: int) -> Counter[str]:
    offers, outcomes = watched(world), Counter[str]()
    for seed in seeds:
        clear(world)
        walk = Walk(world, seed, offers)
        walk.go(steps)
        outcomes += walk.outcomes
    return outcomes


def test_in_any_order_the_book_offers_what_its_memory_would(world: World) -> None:
    outcomes = walk_all(world, range(5), steps=60)
    assert outcomes["done"] > 60
    assert {"full", "already_booked", "accept_deadline_passed", "change_deadline_passed", "not_yours"} <= set(outcomes)


@pytest.mark.long
def test_in_very_many_orders_the_book_offers_what_its_memory_would(world: World) -> None:
    outcomes = walk_all(world, range(1_000, 1_100), steps=80)
    assert {"beyond_horizon", "slot_closed", "booking_over", "card_finished", "visit_not_over"} <= set(outcomes)


# --- Several at once -------------------------------------------------------------------------------------------------


def send_anything(world: World, seed: int, steps: int, now: datetime) -> Counter[str]:
    """Send random commands without foretelling their answers: others do the same meanwhile."""
    draw, outcomes = random.Random(seed), Counter[str]()  # noqa: S311 - a test that can be repeated
    cards, slots = list(world.cards), list(world.slots)
    for step in range(steps):
        card, slot, to, key, owner = (
            draw.choice(cards),
            draw.choice(slots),
            draw.choice(slots),
            f"{seed}.{step}",
            draw.choice(["a", "b", None]),
        )
        moment = now + draw.choice([timedelta(0), SECOND, MINUTE])
        by = draw.choice([Actor.citizen(card), operator_for(card), Actor.clerk(2)])
        wish = Wish(slot, world.services[DELIVERY], WHOLE, card, hold_owner=owner)
        with world.engine.connect() as db:
            found = db.execute(
                text("SELECT id FROM booking WHERE card_id = :card ORDER BY id DESC LIMIT 1"), {"card": card}
            )
            booking = found.scalar_one_or_none() or 0
        works: list[Callable[..., Answer | Refusal]] = [
            lambda db: book(db, wish, by=by, key=key, now=moment),  # noqa: B023 - run before the next round
            lambda db: book(db, wish, by=by, key=key, now=moment),  # noqa: B023
            lambda db: move(db, booking, to, by=by, key=key, now=moment, hold_owner=owner),  # noqa: B023
            lambda db: cancel(db, booking, by=by, key=key, now=moment),  # noqa: B023
            lambda db: hold(db, slot, wish.service_id, owner=owner or "c", until=moment + SECOND, by=by, now=moment),  # noqa: B023
            lambda db: release(db, owner or "c"),  # noqa: B023
            lambda db: reclaim_expired(db, list_expired_slots(db, now=moment), now=moment),  # noqa: B023
        ]
        answer = in_transaction(world.engine, draw.choice(works))
        outcomes[str(answer.reason) if isinstance(answer, Refusal) else "done"] += 1
    return outcomes


def crowd_together(world: World, threads: int, steps: int, seed: int) -> Counter[str]:
    clear(world)
    delay_reopening(world.engine, seed % 2, now=START)
    with ThreadPoolExecutor(threads) as pool:
        each = [
            pool.submit(send_anything, world, 1_000 * seed + n, steps, START + timedelta(days=1))
            for n in range(threads)
        ]
        outcomes = sum((one.result() for one in each), Counter[str]())
    assert balanced(world.engine)
    judge_rows(world)
    return outcomes


def judge_rows(world: World) -> None:
    """Compare the rows that many left behind with what may be: nothing oversold, one live booking a card."""
    seen, after = picture(world.engine), START + timedelta(days=1, hours=1)
    notes = Notes(world, now=after, slots=dict(world.slots))
    for row in seen["booking"]:
        service = next(code for code, number in world.services.items() if number == row.service_id)
        notes.bookings[row.id] = Noted(row.id, row.slot_id, service, row.card_id, row.change_until, row.state)
    notes.holds = {row.owner: Kept(row.slot_id, row.expires_at) for row in seen["hold"]}
    live = Counter(b.card for b in notes.bookings.values() if b.state == "booked")
    assert max(live.values(), default=1) == 1
    assert all(notes.free(slot) >= 0 for slot in notes.slots)
    for by, service, card, receptions in watched(world):
        assert shown(world, receptions, by, card, after) == notes.offered(by, service, card)


def test_several_who_do_anything_at_once_leave_the_book_in_balance(world: World) -> None:
    outcomes = crowd_together(world, threads=4, steps=60, seed=1)
    assert outcomes["done"] > 40
    assert outcomes["full"]


@pytest.mark.long
def test_many_who_do_anything_at_once_leave_the_book_in_balance(world: World) -> None:
    for seed in range(2, 10):
        crowd_together(world, threads=8, steps=200, seed=seed)
