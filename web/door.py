"""A door: one way into the booking screens. They exist once; a door says who books, in which frame, where it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import Request
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from booking_core.actors import Actor
from booking_core.booking import BookingAnswer
from booking_core.contact import Contact
from booking_core.refusal import Refusal
from booking_core.visit import Standing
from web.cookies import DoorCookie


@dataclass(frozen=True, slots=True)
class Subject:
    """For whom a screen works right now.

    Attributes:
        actor: who acts, for the rules and the audit row.
        card_id: the card of the identified citizen; None before she is, or where no card is needed.
        card_lies_at: the venue where it lies: the shorter lead applies there.
        moving: the live booking that a chosen time would move; None books a new one.
        standing: when and where that one stands, if the door knows; else the screens read it.
        hold_owner: under which name a place is held while it is read back; None holds nothing.
        contact: what is already known, to fill the form with.
    """

    actor: Actor
    card_id: int | None = None
    card_lies_at: int | None = None
    moving: int | None = None
    hold_owner: str | None = None
    contact: Contact | None = None
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a door keeps a chosen place aside while its people talk about it, before they confirm.

    Attributes:
        lasts: how long, at most.
        says: the sentence to be read out before confirming; `{when}` and `{where}` are filled in.
        witness: called in the hold's own transaction, after the place was taken aside; a refusal gives it back.
    """

    lasts: Callable[[], timedelta]
    says: str
    witness: Callable[[Connection, Subject], Refusal | None]


@dataclass(frozen=True, slots=True)
class Door:
    """How one door mounts the booking screens.

    Attributes:
        name: of the blueprint, and of nothing else.
        layout: the frame of its pages.
        cookie: the door's cookie, which ties forms to the browser.
        subject: returns for whom the request is; never refuses: looking at free times needs no log-in.
        admit: called before anything is written or shown of a person; an answer instead of None asks to log in first.
        services: codes of the services this door's people may choose, in order; one code means there is no choice.
        ends_at: the address to show after a booking was made or moved.
        start_url: where the door's own pages begin.
        witness: called in the booking's own transaction, after it was made or moved and before it is committed, so that
            a door can note what belongs to it: both stand, or neither.
        keeps: how a chosen place is kept aside until it is confirmed, under the subject's `hold_owner`; None for doors
            where a place is chosen and confirmed by the same hand.
    """

    name: str
    layout: str
    cookie: DoorCookie
    subject: Callable[[Request], Subject]
    admit: Callable[[Request], Response | None]
    services: tuple[str, ...]
    ends_at: Callable[[BookingAnswer], str]
    start_url: Callable[[], str]
    witness: Callable[[Connection, Subject, BookingAnswer], Refusal | None] | None = None
    keeps: Keeping | None = None
