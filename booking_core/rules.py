"""May this actor do this, now? Pure decisions over facts that were read beforehand; every "no" is a `Refusal`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.calendar import Lead, WorkingDays
from booking_core.clock import tokyo_day
from booking_core.models import BookingState, CardState
from booking_core.refusal import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a service is received at a venue: one cell of the matrix (requirements §D) with its lead times."""

    service_id: int
    needs_card: bool
    purposes: Mapping[str, str]
    on_web: bool
    by_phone: bool
    by_keypad: bool
    accept: Lead
    change: Lead
    near: Lead
    horizon_days: int

    def offered_to(self, channel: Channel) -> bool:
        """Tell whether `channel` may book this service here. The counter may do what the telephone may."""
        return {
            Channel.WEB: self.on_web,
            Channel.PHONE: self.by_phone,
            Channel.COUNTER: self.by_phone,
            Channel.KEYPAD: self.by_keypad,
        }.get(channel, True)

    def accept_lead(self, *, card_is_here: bool) -> Lead:
        """Return the lead of accept-until; shorter where the card already lies at the venue."""
        return self.near if card_is_here else self.accept

    def change_lead(self, *, card_is_here: bool) -> Lead:
        return self.near if card_is_here else self.change

    def last_day_open(self, now: datetime) -> date:
        """Return the horizon: the last visit day that may be booked today."""
        return tokyo_day(now) + timedelta(days=self.horizon_days)


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """A slot as it was read, before any lock."""

    id: int
    venue_id: int
    day: date
    starts_at: datetime
    minutes: int
    open: bool
    free: int


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The card a booking hangs on, and its live booking, if it has one."""

    id: int
    state: str
    lies_at: int
    live_booking_id: int | None


def refusal_to_book(
    actor: Actor,
    slot: SlotFacts,
    terms: Terms | None,
    card: CardFacts | None,
    *,
    calendar: WorkingDays,
    now: datetime,
) -> Refusal | None:
    """Return why `actor` may not take a place in `slot`, or None.

    The order is the order in which a citizen can act on it: wrong place, wrong door, wrong card, wrong day, full.
    """
    if terms is None:
        return Refusal(Reason.NOT_OFFERED_HERE)
    if not terms.offered_to(actor.channel):
        return Refusal(Reason.NOT_ON_THIS_CHANNEL)
    if terms.needs_card:
        if card is None:
            return Refusal(Reason.CARD_NEEDED)
        if refusal := _refusal_of_card(actor, card):
            return refusal
    return refusal_of_slot(actor, slot, terms, card, calendar=calendar, now=now)


def refusal_to_move_to(
    actor: Actor,
    slot: SlotFacts,
    terms: Terms | None,
    card: CardFacts | None,
    *,
    calendar: WorkingDays,
    now: datetime,
) -> Refusal | None:
    """Return why a live booking may not move into `slot`, or None. Whether it may leave its old one is asked apart."""
    if terms is None:
        return Refusal(Reason.NOT_OFFERED_HERE)
    if not terms.offered_to(actor.channel):
        return Refusal(Reason.NOT_ON_THIS_CHANNEL)
    return refusal_of_slot(actor, slot, terms, card, calendar=calendar, now=now)


def _refusal_of_card(actor: Actor, card: CardFacts) -> Refusal | None:
    if refusal := _refusal_to_speak_for(actor, card.id):
        return refusal
    if card.live_booking_id is not None:
        return Refusal(Reason.ALREADY_BOOKED, {"booking_id": card.live_booking_id})
    if card.state in {CardState.HANDED_OVER, CardState.WITHDRAWN}:
        return Refusal(Reason.CARD_FINISHED)
    return None


def _refusal_to_speak_for(actor: Actor, card_id: int | None) -> Refusal | None:
    """Return why `actor` may not act for this card's citizen; a booking without a card is nobody's on the web."""
    if card_id is None:
        return Refusal(Reason.NOT_YOURS) if actor.on_her_own else None
    if actor.speaks_for(card_id):
        return None
    return Refusal(Reason.NOT_YOURS if actor.on_her_own else Reason.CARD_NEEDED)


def refusal_of_slot(
    actor: Actor, slot: SlotFacts, terms: Terms, card: CardFacts | None, *, calendar: WorkingDays, now: datetime
) -> Refusal | None:
    """Return why this slot cannot be had now: past its deadline, beyond the horizon, closed or full (3-1-A-v)."""
    until = accept_until(actor, slot, terms, card, calendar=calendar)
    if now > until:
        return Refusal(Reason.ACCEPT_DEADLINE_PASSED, {"until": until})
    if slot.day > terms.last_day_open(now):
        return Refusal(Reason.BEYOND_HORIZON, {"last_day": terms.last_day_open(now)})
    if not slot.open:
        return Refusal(Reason.SLOT_CLOSED)
    return None


def accept_until(
    actor: Actor, slot: SlotFacts, terms: Terms, card: CardFacts | None, *, calendar: WorkingDays
) -> datetime:
    """Return the last moment at which `actor` may take a place in this slot.

    The city's own clerks may book until the visit begins: they can fetch a card across the corridor.
    """
    if actor.kind is ActorKind.CLERK:
        return slot.starts_at
    lead = terms.accept_lead(card_is_here=card is not None and card.lies_at == slot.venue_id)
    return min(lead.deadline(slot.day, calendar), slot.starts_at)


def promised_change_until(slot: SlotFacts, terms: Terms, card: CardFacts | None, *, calendar: WorkingDays) -> datetime:
    """Return the moment until which the citizen herself may change: stored on the booking as a promise."""
    lead = terms.change_lead(card_is_here=card is not None and card.lies_at == slot.venue_id)
    return min(lead.deadline(slot.day, calendar), slot.starts_at)


def refusal_to_change(
    actor: Actor,
    *,
    booking_card_id: int | None,
    state: str,
    change_until: datetime,
    starts_at: datetime,
    now: datetime,
) -> Refusal | None:
    """Return why `actor` may not move or cancel this booking now, or None (3-1-A-vii).

    `change_until` is the later of the promise and today's rule. After it the citizen must telephone: an operator may
    still change until the visit begins, a clerk at any time while the booking is live.
    """
    if refusal := _refusal_to_speak_for(actor, booking_card_id):
        return refusal
    if state != BookingState.BOOKED:
        return Refusal(Reason.BOOKING_OVER)
    if actor.on_her_own and now > change_until:
        return Refusal(Reason.CHANGE_DEADLINE_PASSED, {"until": change_until})
    if actor.kind is ActorKind.OPERATOR and now > starts_at:
        return Refusal(Reason.CHANGE_DEADLINE_PASSED, {"until": starts_at})
    return None


def refusal_to_settle(
    actor: Actor,
    outcome: BookingState,
    *,
    state: str,
    visit_day: date,
    card: CardFacts | None,
    booking_id: int,
    now: datetime,
) -> Refusal | None:
    """Return why a visit may not be recorded as `outcome`, or None (1-2-DEL-C).

    A settled visit may be corrected; a cancelled one stays cancelled. Only a card can be handed over, and not while the
    citizen has booked again: that booking would stand for a card she has.
    """
    if actor.kind not in {ActorKind.CLERK, ActorKind.JOB}:
        return Refusal(Reason.NOT_ALLOWED)
    if state == BookingState.CANCELLED or (actor.kind is ActorKind.JOB and state != BookingState.BOOKED):
        return Refusal(Reason.BOOKING_OVER)  # a job never overwrites what a clerk has marked a moment ago
    if tokyo_day(now) < visit_day:
        return Refusal(Reason.VISIT_NOT_OVER)
    if outcome is not BookingState.HANDED_OVER:
        return None
    if card is None:
        return Refusal(Reason.CARD_NEEDED)
    if card.live_booking_id not in {None, booking_id}:
        return Refusal(Reason.ALREADY_BOOKED, {"booking_id": card.live_booking_id})
    return None
