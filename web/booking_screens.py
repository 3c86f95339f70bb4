"""The booking screens, once for every door: service, place, day, time, confirmation (3-1-B-vii).

GET shows and changes nothing. One POST books, or moves the booking that stands; where the door keeps a chosen place
aside, two more hold it and give it back. Each view is three moves: read the input, call one function of the core, show
the answer.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from booking_core import holds
from booking_core.availability import (
    Reception,
    list_first_free_days,
    list_free_times,
    list_next_free_times,
    list_offered_days,
)
from booking_core.booking import BookingAnswer, Wish, book, move
from booking_core.catalogue import ServiceView, VenueView
from booking_core.clock import tokyo_day
from booking_core.contact import Contact, read_contact
from booking_core.db import in_transaction
from booking_core.facts import find_slot_view
from booking_core.proposal import propose
from booking_core.refusal import Reason, Refusal
from booking_core.visit import Standing, find_standing
from web.answers import FIELD, status_of
from web.door import Door, Subject
from web.months import group_by_half_day, month_page
from web.throttle import CONFIRMATIONS
from web.typed import typed
from web.wiring import wired

STEPS = ("場所", "日にち", "時間", "確認")
Page = tuple[str, int] | Response | str


def booking_screens(door: Door) -> Blueprint:
    """Return the booking screens in the frame of one door; the door's blueprint or app mounts them under a prefix."""
    screens = Blueprint(f"{door.name}_booking", __name__)
    mounted = _Mounted(door)
    screens.url_value_preprocessor(_keep_mount_values)
    screens.url_defaults(_give_mount_values)
    screens.get("/")(mounted.services)
    screens.get("/<service>/")(mounted.places)
    screens.get("/<service>/at/<venue>/")(mounted.days)
    screens.get("/<service>/at/<venue>/<day>/")(mounted.times)
    screens.get("/<service>/slot/<int:slot_id>/")(mounted.confirmation)
    screens.post("/<service>/slot/<int:slot_id>/")(mounted.confirm)
    if door.keeps:
        screens.post("/<service>/slot/<int:slot_id>/hold")(mounted.keep)
        screens.post("/<service>/slot/<int:slot_id>/release")(mounted.give_back)
    return screens


OWN_VALUES = ("service", "venue", "day", "slot_id")


def _keep_mount_values(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Put aside what the mounting prefix named (a call, a booking): the screens themselves do not know it."""
    g.mount = {name: values.pop(name) for name in list(values or {}) if values and name not in OWN_VALUES}


def _give_mount_values(_endpoint: str, values: dict[str, Any]) -> None:
    for name, value in g.get("mount", {}).items():
        values.setdefault(name, value)


@dataclass(frozen=True)
class _Mounted:
    """The views of one mounting."""

    door: Door

    def services(self) -> Page:
        if len(self.door.services) == 1:
            return redirect(url_for(".places", service=self.door.services[0]))
        offered = [each for each in wired().catalogue().services if each.code in self.door.services]
        return self._page("services", "手続きを選ぶ", services=offered)

    def places(self, service: str) -> Page:
        chosen = _service(service)
        subject, now = self.door.subject(request), wired().clock.now()
        receptions = wired().receptions(chosen.id, by=subject.actor)
        if not receptions:
            return self._refused(Refusal(Reason.NOT_ON_THIS_CHANNEL))
        with wired().reading() as db:
            first_days = list_first_free_days(
                db, chosen.id, by=subject.actor, now=now, card_lies_at=subject.card_lies_at
            )
            soonest = list_next_free_times(db, receptions, by=subject.actor, now=now, card_lies_at=subject.card_lies_at)
        venues = {venue.id: venue for venue in wired().catalogue().venues}
        offered = [(venue, first_days[venue.id]) for venue in venues.values() if venue.id in first_days]
        return self._page(
            "places",
            "場所を選ぶ",
            step=1,
            service=chosen,
            offered=offered,
            soonest=soonest,
            venues=venues,
            subject=subject,
        )

    def days(self, service: str, venue: str) -> Page:
        subject, now = self.door.subject(request), wired().clock.now()
        chosen, place, reception = _reception(service, venue, subject)
        with wired().reading() as db:
            offered = list_offered_days(db, reception, by=subject.actor, now=now, card_lies_at=subject.card_lies_at)
        of_any_day = url_for(".times", service=service, venue=venue, day="DAY")
        month = month_page(
            offered,
            wanted=request.args.get("month", ""),
            today=tokyo_day(now),
            day_url=lambda day: of_any_day.replace("DAY", day.isoformat()),
            month_url=lambda month: url_for(".days", service=service, venue=venue, month=month),
        )
        return self._page("days", "日にちを選ぶ", step=2, service=chosen, venue=place, month=month, subject=subject)

    def times(self, service: str, venue: str, day: str) -> Page:
        subject, now = self.door.subject(request), wired().clock.now()
        wanted = _date(day)
        chosen, place, reception = _reception(service, venue, subject)
        with wired().reading() as db:
            free = list_free_times(db, reception, wanted, by=subject.actor, now=now, card_lies_at=subject.card_lies_at)
        groups = group_by_half_day(
            free, url=lambda slot: url_for(self._chosen_by, service=service, slot_id=slot), posts=bool(self.door.keeps)
        )
        return self._page(
            "times", "時間を選ぶ", step=3, service=chosen, venue=place, day=wanted, groups=groups, subject=subject
        )

    @property
    def _chosen_by(self) -> str:
        return ".keep" if self.door.keeps else ".confirmation"

    def keep(self, service: str, slot_id: int) -> Page:
        """Keep the chosen place aside while it is read back, and go on to the confirmation."""
        if stranger := self.door.admit(request):
            return stranger
        subject = self.door.subject(request)
        chosen, now = _service(service), wired().clock.now()
        kept = in_transaction(wired().engine, lambda db: self._hold(db, subject, chosen, slot_id, now))
        if isinstance(kept, Refusal):
            return self._refused(kept, service=chosen, subject=subject)
        return redirect(url_for(".confirmation", service=service, slot_id=slot_id), 303)

    def _hold(
        self, db: Connection, subject: Subject, service: ServiceView, slot_id: int, now: datetime
    ) -> holds.Hold | Refusal:
        if self.door.keeps is None or subject.hold_owner is None:
            raise LookupError("a place is kept only by a door that keeps")  # no other has this route
        kept = holds.hold(
            db,
            slot_id,
            service.id,
            owner=subject.hold_owner,
            until=now + self.door.keeps.lasts(),
            by=subject.actor,
            now=now,
            card_id=subject.card_id,
        )
        return kept if isinstance(kept, Refusal) else self.door.keeps.witness(db, subject) or kept

    def give_back(self, service: str, slot_id: int) -> Page:
        """Let go of the place that was kept aside, and choose again."""
        if stranger := self.door.admit(request):
            return stranger
        owner = self.door.subject(request).hold_owner
        if owner:
            in_transaction(wired().engine, lambda db: holds.release(db, owner))
        with wired().reading() as db:
            view = find_slot_view(db, slot_id, _service(service).id, None, command_key="", now=wired().clock.now())
        if view is None:
            abort(404)
        venue, day = wired().catalogue().get_venue(view.slot.venue_id).code, view.slot.day.isoformat()
        return redirect(url_for(".times", service=service, venue=venue, day=day), 303)

    def confirmation(self, service: str, slot_id: int) -> Page:
        if stranger := self.door.admit(request):
            return stranger
        return self._confirmation(service, slot_id, self.door.subject(request))

    def confirm(self, service: str, slot_id: int) -> Page:
        """Book the slot, or move the booking that stands, for the door's subject."""
        if stranger := self.door.admit(request):
            return stranger
        subject = self.door.subject(request)
        if not self._within_limits(subject):
            return self._confirmation(service, slot_id, subject, refusal=Refusal(Reason.TOO_MANY_TRIES))
        answer = self._carry_out(subject, _service(service), slot_id)
        if isinstance(answer, Refusal):
            return self._confirmation(service, slot_id, subject, refusal=answer)
        return redirect(self.door.ends_at(answer), 303)

    def _carry_out(self, subject: Subject, service: ServiceView, slot_id: int) -> BookingAnswer | Refusal:
        """Do what the form was made for: it names the booking it moves, so sent again it is the same wish."""
        key = typed(request, "command_key") or secrets.token_urlsafe(16)
        now = wired().clock.now()
        if "moves" in request.form:
            if (moves := request.form.get("moves", type=int)) is None:
                return Refusal(Reason.NO_SUCH_BOOKING)
            return self._witnessed(
                subject,
                lambda db: move(db, moves, slot_id, by=subject.actor, key=key, now=now, hold_owner=subject.hold_owner),
            )
        contact = _read_contact(name_needed=not service.needs_card)
        if isinstance(contact, Refusal):
            return contact
        wish = Wish(
            slot_id=slot_id,
            service_id=service.id,
            contact=contact,
            card_id=subject.card_id if service.needs_card else None,
            purpose=typed(request, "purpose"),
            hold_owner=subject.hold_owner,
        )
        return self._witnessed(subject, lambda db: book(db, wish, by=subject.actor, key=key, now=now))

    def _witnessed(
        self, subject: Subject, command: Callable[[Connection], BookingAnswer | Refusal]
    ) -> BookingAnswer | Refusal:
        """Carry a command out, and in the same transaction let the door note it."""

        def work(db: Connection) -> BookingAnswer | Refusal:
            answer = command(db)
            if isinstance(answer, Refusal) or self.door.witness is None:
                return answer
            return self.door.witness(db, subject, answer) or answer

        return in_transaction(wired().engine, work)

    def _within_limits(self, subject: Subject) -> bool:
        who = f"card:{subject.card_id}" if subject.card_id else f"{subject.actor.kind}:{subject.actor.id}"
        return wired().throttle.count(CONFIRMATIONS, who)

    def _confirmation(self, service: str, slot_id: int, subject: Subject, *, refusal: Refusal | None = None) -> Page:
        """Show what the booking would mean; with a refusal, what was typed and why it was not taken."""
        now = wired().clock.now()
        chosen = _service(service)
        with wired().reading() as db:
            kept = holds.find_hold(db, subject.hold_owner) if subject.hold_owner else None
            kept = kept if kept and kept.slot_id == slot_id and kept.expires_at > now else None
            proposal = propose(
                db,
                slot_id,
                chosen.id,
                card_id=subject.card_id,
                moving=subject.moving,
                by=subject.actor,
                now=now,
                own_hold=kept.places if kept else 0,
            )
        if isinstance(proposal, Refusal):
            return self._refused(refusal or proposal, service=chosen, subject=subject)
        venue = wired().catalogue().get_venue(proposal.slot.venue_id)
        errors = {FIELD.get(refusal.reason, ""): refusal.message} if refusal else {}
        page = self._page(
            "confirmation",
            "変更の内容を確かめる" if subject.moving else "予約の内容を確かめる",
            step=4,
            service=chosen,
            venue=venue,
            proposal=proposal,
            kept=kept,
            subject=subject,
            errors=errors,
            typed=_typed(subject.contact),
            command_key=typed(request, "command_key") or secrets.token_urlsafe(16),
        )
        return page, status_of(refusal) if refusal else 200

    def _refused(self, refusal: Refusal, *, service: ServiceView | None = None, subject: Subject | None = None) -> Page:
        heading = "お電話で予約する手続きです" if refusal.reason is Reason.NOT_ON_THIS_CHANNEL else "予約できません"
        if subject and subject.moving:
            heading = "この日時には変更できません"
        page = self._page("refused", heading, refusal=refusal, service=service, subject=subject)
        return page, status_of(refusal)

    def _page(self, name: str, heading: str, *, step: int = 0, subject: Subject | None = None, **shown: object) -> str:
        return render_template(
            f"booking/{name}.html",
            layout=self.door.layout,
            heading=heading,
            steps=STEPS,
            step=step,
            start_url=self.door.start_url(),
            keeps=self.door.keeps,
            chosen_by=self._chosen_by,
            subject=subject,
            standing=_standing(subject),
            csrf_token=self.door.cookie.form_token(request),
            **shown,
        )


def _service(code: str) -> ServiceView:
    return wired().catalogue().find_service(code) or abort(404)


def _reception(service: str, venue: str, subject: Subject) -> tuple[ServiceView, VenueView, Reception]:
    chosen, place = _service(service), wired().catalogue().find_venue(venue)
    if place is None:
        abort(404)
    receptions = wired().receptions(chosen.id, by=subject.actor, venue_id=place.id)
    if not receptions:
        abort(404)
    return chosen, place, receptions[0]


def _standing(subject: Subject | None) -> Standing | None:
    """Return the booking that a chosen time would move, so that every step names it."""
    if subject is None or subject.moving is None or subject.standing:
        return subject.standing if subject else None
    with wired().reading() as db:
        return find_standing(db, subject.moving)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        abort(404)


def _read_contact(*, name_needed: bool) -> Contact | Refusal:
    name, kana = typed(request, "name"), typed(request, "kana")
    return read_contact(typed(request, "phone"), name=name, kana=kana, name_needed=name_needed)


def _typed(known: Contact | None) -> dict[str, str]:
    """Return what the form shows: what was just typed, else what is known."""
    from web.formats import phone_ja

    first = {"phone": phone_ja(known.phone) if known and known.phone else "", "name": "", "kana": "", "purpose": ""}
    return {name: typed(request, name) if name in request.form else value for name, value in first.items()}
