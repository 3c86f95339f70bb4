"""The book of a day: Kyoto and the demo's cards and bookings, an account for everybody who sits, cards enough."""

import csv
import io
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.cards.import_file import KEPT
from booking_core.cards.importing import import_cards
from booking_core.db import APP_ROLE, in_transaction, make_engine
from booking_core.models import Role
from booking_core.refusal import Refusal
from booking_core.seed import seed_demo
from booking_core.seed.demo import DEMO_PASSWORD, SIMULATED_OPERATORS
from booking_core.seed.demo_cards import CARDS, FREE_CARDS, SIMULATED_CARDS, demo_cards
from booking_core.staff.accounts import NewAccount, create_account
from migrations.upgrade import upgrade
from simulator.day.cast import Props
from simulator.day.plan import Card, DayPlan
from simulator.day.shifts import seats_on

SUPERVISOR = "supervisor1"
NOT_BEFORE = timedelta(days=1)
"""Who calls to move or cancel has a visit that is at least so far off."""


def prepare(owner_url: str, plan: DayPlan, *, pepper: str, now: datetime) -> Props:
    """Fill an empty database for a day and return what the day's people are given of it."""
    upgrade(owner_url)
    engine = make_engine(owner_url, role=None)
    try:
        with engine.begin() as db:
            db.execute(text(f"ALTER ROLE {APP_ROLE} LOGIN"))
        seed_demo(engine, now=now, pepper=pepper)
        return _props(engine, plan, pepper=pepper.encode(), now=now)
    finally:
        engine.dispose()


def _props(engine: Engine, plan: DayPlan, *, pepper: bytes, now: datetime) -> Props:
    seats = seats_on(plan.day, plan.share)
    *operators, reserve = (f"sim{n}" for n in range(1, seats + 2))
    more = _more_cards(plan.callers + plan.callers_outside_hours + plan.web_bookers - FREE_CARDS)

    def work(db: Connection) -> list[str]:
        for login in [*operators, reserve][len(SIMULATED_OPERATORS) :]:
            _make_account(db, login, now)
        if more:
            _import(db, more, pepper=pepper, now=now)
        return list(db.execute(_BOOKED, {"after": now + NOT_BEFORE}).scalars())

    booked = in_transaction(engine, work)
    if isinstance(booked, Refusal):
        raise RuntimeError(f"the day's book could not be filled: {booked.reason}")  # noqa: TRY004 - a bug here
    known = {card.number: Card(card.number, card.password) for card in demo_cards()}
    free = [known[card.number] for card in demo_cards()[:FREE_CARDS]]
    return Props([*free, *more], [known[number] for number in booked], operators, reserve, SUPERVISOR, DEMO_PASSWORD)


def _make_account(db: Connection, login: str, now: datetime) -> None:
    new = NewAccount(login, f"シミュレーター{login.removeprefix('sim')}", Role.OPERATOR, DEMO_PASSWORD)
    answer = create_account(db, new, by=Actor.job(), now=now)
    if isinstance(answer, Refusal):
        raise ValueError(f"the account {login} was refused: {answer.reason}")  # noqa: TRY004 - a bug here


def _more_cards(number: int) -> list[Card]:
    """Return cards by the demo's rule, after those the demo has."""
    first = CARDS + SIMULATED_CARDS + 1
    return [Card(f"9{n:09d}", f"{12340000 + n}") for n in range(first, first + max(number, 0))]


def _import(db: Connection, cards: list[Card], *, pepper: bytes, now: datetime) -> None:
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(KEPT)
    writer.writerows((card.number, card.password, "レンシュウ", "") for card in cards)
    by = Actor(ActorKind.IMPORTER, None, Channel.SYSTEM)
    report = import_cards(db, lines.getvalue().encode(), file_name="day-cards.csv", pepper=pepper, by=by, now=now)
    if isinstance(report, Refusal) or report.added != len(cards):
        raise ValueError(f"the day's cards were not all taken: {report}")


_BOOKED = text("""
    SELECT k.number FROM card k JOIN booking b ON b.card_id = k.id JOIN slot s ON s.id = b.slot_id
    WHERE b.state = 'booked' AND s.starts_at > :after ORDER BY k.number""")
