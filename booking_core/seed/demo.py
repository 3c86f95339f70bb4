"""The demo's book: Kyoto, an account of each role, cards with known passwords, and a few weeks of bookings.

Everything is made the way real data is: by the importer, by the function that makes accounts, by the one that books.
Every sign-in here is public. A book that is somebody else's is refused.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from booking_core.actors import Actor
from booking_core.clock import tokyo_day
from booking_core.db import in_transaction
from booking_core.models import Role
from booking_core.refusal import Refusal
from booking_core.seed.city import load_city
from booking_core.seed.demo_bookings import DAYS_BACK, book_some_weeks
from booking_core.seed.demo_cards import (
    FREE_CARDS,
    DemoCard,
    demo_cards,
    import_demo_cards,
    import_simulated_cards,
)
from booking_core.slots import DAYS_AHEAD, LEAST_DAYS_AHEAD, materialise, materialised_until
from booking_core.staff.accounts import NewAccount, create_account

DEMO_PASSWORD = "Madoguchi-2025"  # noqa: S105 - public on purpose: the demo answers its own machine only
DEMO_ACCOUNTS = (
    ("operator1", "オペレーター1", Role.OPERATOR),
    ("operator2", "オペレーター2", Role.OPERATOR),
    ("operator3", "オペレーター3", Role.OPERATOR),
    ("supervisor1", "スーパーバイザー1", Role.SUPERVISOR),
    ("cityadmin1", "市管理者1", Role.CITY_ADMIN),
    ("clerk1", "市窓口担当1", Role.CITY_CLERK),
    ("auditor1", "監査担当1", Role.AUDITOR),
)
SIMULATED_OPERATORS = ("sim1", "sim2", "sim3")
"""They sit at desks of their own while simulated callers call: the accounts above stay free for visitors."""

CARDS_TOLD = 3


class ForeignBook(Exception):  # noqa: N818 - it says what was found there
    """Somebody else's book: it holds venues, cards or accounts that the demo did not make."""


def seed_demo(engine: Engine, *, now: datetime, pepper: str) -> Sequence[str]:
    """Fill an empty book for the demo, once, and keep its slots ahead; return the lines that tell how to sign in.

    All of it stands or falls together, so that a start that was broken off is made good by the next.

    Args:
        engine: with the owner's rights.
        now: business time; nothing is dated after it.
        pepper: under which the demo's card passwords are kept.

    Raises:
        ForeignBook: somebody uses this book; nothing was changed.
    """
    answer = in_transaction(engine, lambda db: _fill(db, now=now, pepper=pepper.encode()))
    if answer is not None:
        raise RuntimeError(f"the demo's book could not be filled: {answer.reason}")
    return _sign_ins()


def refuse_foreign_book(db: Connection) -> None:
    """Raise ForeignBook unless the book is empty, or the demo has filled it; a database without tables is empty.

    To be asked before anything is changed: every sign-in of the demo is public, and none may ever stand in a live book.
    """
    if db.execute(_TABLES).scalar_one() and not db.execute(_EMPTY).scalar_one() and not _is_filled(db):
        raise ForeignBook


def _fill(db: Connection, *, now: datetime, pepper: bytes) -> None:
    refuse_foreign_book(db)
    if _is_filled(db):
        _keep_slots_ahead(db, now=now)
        _make_the_simulators(db, pepper=pepper, now=now)
        return
    first_day = now - timedelta(days=DAYS_BACK)
    load_city(db, valid_from=tokyo_day(first_day))
    materialise(db, now=first_day, days_ahead=DAYS_AHEAD + DAYS_BACK)
    accounts = _make_accounts(db, now=first_day)
    import_demo_cards(db, pepper=pepper, now=first_day)
    _make_the_simulators(db, pepper=pepper, now=first_day)
    book_some_weeks(db, operator_id=accounts["operator1"], clerk_id=accounts["clerk1"], now=now)


def _keep_slots_ahead(db: Connection, *, now: datetime) -> None:
    """Cut slots where a demo that slept for long has run out of them; a running one has a job for it."""
    until = materialised_until(db)
    if until is None or until < tokyo_day(now) + timedelta(days=LEAST_DAYS_AHEAD):
        materialise(db, now=now)


def _make_accounts(db: Connection, *, now: datetime) -> dict[str, int]:
    made = {}
    for login, name, role in DEMO_ACCOUNTS:
        made[login] = _make_account(db, login, name, role, now=now)
    return made


def _make_account(db: Connection, login: str, name: str, role: Role, *, now: datetime) -> int:
    answer = create_account(db, NewAccount(login, name, role, DEMO_PASSWORD), by=Actor.job(), now=now)
    if isinstance(answer, Refusal):
        raise ValueError(f"the demo account {login} was refused: {answer.reason}")  # noqa: TRY004 - a bug here
    return answer


def _make_the_simulators(db: Connection, *, pepper: bytes, now: datetime) -> None:
    """Make the accounts and cards of simulated people, unless they are there: a book may be older than they are."""
    known = set(db.execute(_LOGINS, {"logins": list(SIMULATED_OPERATORS)}).scalars())
    for login in SIMULATED_OPERATORS:
        if login not in known:
            name = f"シミュレーター{login.removeprefix('sim')}"
            _make_account(db, login, name, Role.OPERATOR, now=now)
    if not known:
        import_simulated_cards(db, pepper=pepper, now=now)


def _is_filled(db: Connection) -> bool:
    """Tell whether every account and the first and last card of the demo are here: no real book has them all."""
    cards = demo_cards()
    ours = {"logins": [login for login, _, _ in DEMO_ACCOUNTS], "cards": [cards[0].number, cards[-1].number]}
    found = db.execute(_OURS, ours).one()
    return (found.accounts, found.cards) == (len(ours["logins"]), len(ours["cards"]))


def _sign_ins() -> list[str]:
    logins = "  ".join(login for login, _, _ in DEMO_ACCOUNTS)
    free = demo_cards()[:FREE_CARDS]
    first, last = "  ".join(_told(card) for card in free[:CARDS_TOLD]), _told(free[-1])
    return [f"staff       {logins}", f"            password of all: {DEMO_PASSWORD}", f"cards       {first}  …  {last}"]


def _told(card: DemoCard) -> str:
    return f"{card.number} / {card.password}"


_TABLES = text("SELECT to_regclass('venue') IS NOT NULL")
_EMPTY = text("""
    SELECT NOT EXISTS (SELECT FROM venue) AND NOT EXISTS (SELECT FROM card) AND NOT EXISTS (SELECT FROM staff_account)
""")
_LOGINS = text("SELECT login FROM staff_account WHERE login = ANY(:logins)")
_OURS = text("""
    SELECT (SELECT count(*) FROM staff_account WHERE login = ANY(:logins)) AS accounts,
           (SELECT count(*) FROM card WHERE number = ANY(:cards)) AS cards""")
