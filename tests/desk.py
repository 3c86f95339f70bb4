"""Operators for tests: an account that can sign in at the desk, and one who takes calls."""

from sqlalchemy import Engine

from booking_core.actors import Actor
from booking_core.db import in_transaction
from booking_core.models import Role
from booking_core.staff.accounts import NewAccount, create_account
from ivr.queue.calls import list_waiting, take
from ivr.queue.models import Status
from ivr.queue.operators import set_status
from tests.conftest import MONDAY_MORNING, House
from tests.factories import done
from tests.visitor import Visitor

PASSWORD = "Madoguchi-2025"


def add_staff(engine: Engine, login: str, role: Role = Role.OPERATOR) -> int:
    new = NewAccount(login, f"担当 {login}", role, PASSWORD)
    return done(in_transaction(engine, lambda db: create_account(db, new, by=Actor.job(), now=MONDAY_MORNING)))


def available_operator(engine: Engine, login: str) -> int:
    """Add an operator who sits at her desk and takes calls."""
    account_id = add_staff(engine, login)
    by = Actor.operator(account_id)
    done(
        in_transaction(engine, lambda db: set_status(db, account_id, Status.AVAILABLE, None, by=by, now=MONDAY_MORNING))
    )
    return account_id


def take_first(engine: Engine, account_id: int) -> tuple[int, int]:
    """Let an operator take whoever waits longest; return the call's and the offer's id."""
    with engine.connect() as db:
        call_id = list_waiting(db)[0].id
    by = Actor.operator(account_id)
    offer = in_transaction(engine, lambda db: take(db, call_id, account_id=account_id, by=by, now=MONDAY_MORNING))
    return call_id, done(offer)


def signed_in_at(house: House, door: str, login: str) -> Visitor:
    visitor = house.visitor().open(f"/{door}/sign-in")
    return visitor.submit({"login": login, "password": PASSWORD})
