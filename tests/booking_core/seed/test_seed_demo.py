"""The demo's book: what is told at its start is true, and a second start changes nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

import demo
from booking_core.actors import Actor
from booking_core.cards.credentials import Identified, identify
from booking_core.clock import real_now, tokyo_day
from booking_core.db import in_transaction, make_engine
from booking_core.recount import list_miscounts
from booking_core.refusal import Refusal
from booking_core.seed import ForeignBook, refuse_foreign_book, seed_demo
from booking_core.seed.city import load_city
from booking_core.seed.demo import DEMO_ACCOUNTS, DEMO_PASSWORD
from booking_core.seed.demo_bookings import DAYS_BACK
from booking_core.seed.demo_cards import CARDS, FREE_CARDS, DemoCard, card_file, demo_cards
from booking_core.slots import LEAST_DAYS_AHEAD, materialised_until
from booking_core.staff.accounts import NewAccount, SignedIn, create_account, sign_in
from booking_core.staff.passwords import refusal_of_password
from config import load_settings
from engines.failure import EngineError
from engines.postgres import Postgres
from tests.conftest import create_database, driver_url
from tests.factories import add_card, done

PEPPER = "a pepper for tests, at least thirty-two characters"
NOW = datetime(2025, 4, 7, 0, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(administrator: Engine, postgres: Postgres, templates: str) -> Iterator[Engine]:
    """The demo's book as it is after a first start. Tests only read it, or start again."""
    assert templates  # they are made before anything is cloned from them
    create_database(administrator, "demo_book", template="empty")
    engine = make_engine(driver_url(postgres.url("demo_book")), role=None)
    seed_demo(engine, now=NOW, pepper=PEPPER)
    yield engine
    engine.dispose()


@pytest.fixture
def owner(new_database: Callable[[str], str]) -> Iterator[Engine]:
    engine = make_engine(new_database("empty"), role=None)
    yield engine
    engine.dispose()


def contents(engine: Engine) -> list[tuple[object, ...]]:
    """Return everything of the demo's book that a start might change."""
    with engine.connect() as db:
        rows = db.execute(
            text("""SELECT (SELECT count(*) FROM venue), (SELECT count(*) FROM slot), (SELECT count(*) FROM card),
                           (SELECT count(*) FROM staff_account), (SELECT max(id) FROM audit)""")
        )
        bookings = db.execute(text("SELECT id, reference, slot_id, state, channel FROM booking ORDER BY id"))
        return [tuple(row) for row in (*rows, *bookings)]


def test_a_second_start_changes_nothing(filled: Engine) -> None:
    before = contents(filled)
    seed_demo(filled, now=NOW + timedelta(hours=5), pepper=PEPPER)
    assert contents(filled) == before


def test_what_the_start_tells_lets_one_sign_in(filled: Engine) -> None:
    told = "\n".join(seed_demo(filled, now=NOW, pepper=PEPPER))
    assert DEMO_PASSWORD in told
    for login, _, role in DEMO_ACCOUNTS:
        assert login in told
        assert signed_in_role(filled, login) == role
    card = demo_cards()[0]
    assert f"{card.number} / {card.password}" in told
    assert isinstance(identified(filled, card), Identified)


def signed_in_role(engine: Engine, login: str) -> str:
    def enter(db: Connection) -> SignedIn | Refusal:
        return sign_in(db, login, DEMO_PASSWORD, door="desk", source=None, now=real_now(), business_now=NOW)

    return done(in_transaction(engine, enter)).role


def identified(engine: Engine, card: DemoCard) -> Identified | Refusal:
    pepper = PEPPER.encode()

    def know(db: Connection) -> Identified | Refusal:
        return identify(db, card.number, card.password, pepper=pepper, by_source=None, now=real_now(), business_now=NOW)

    return in_transaction(engine, know)


def test_the_demos_password_meets_the_policy_of_real_ones() -> None:
    assert refusal_of_password(DEMO_PASSWORD) is None


def test_the_first_cards_are_free_and_each_other_one_has_its_booking(filled: Engine) -> None:
    with filled.connect() as db:
        booked = set(db.execute(text("SELECT k.number FROM booking b JOIN card k ON k.id = b.card_id")).scalars())
    free, taken = demo_cards()[:FREE_CARDS], demo_cards()[FREE_CARDS:]
    assert len(free) + len(taken) == CARDS
    assert not booked & {card.number for card in free}
    assert booked == {card.number for card in taken}


def test_the_bookings_lie_around_today_on_every_channel_and_add_up(filled: Engine) -> None:
    with filled.connect() as db:
        days = list(db.execute(text("SELECT s.day FROM booking b JOIN slot s ON s.id = b.slot_id")).scalars())
        channels = set(db.execute(text("SELECT channel FROM booking")).scalars())
        venues = db.execute(text("SELECT count(DISTINCT s.venue_id) FROM booking b JOIN slot s ON s.id = b.slot_id"))
        assert venues.scalar_one() == 15
        newest = db.execute(text("SELECT max(at) FROM audit")).scalar_one()
        assert not list_miscounts(db)
        unsettled = text("""
            SELECT count(*) FROM booking b JOIN slot s ON s.id = b.slot_id
            WHERE b.state = 'booked' AND s.day < :today""")
        assert db.execute(unsettled, {"today": tokyo_day(NOW)}).scalar_one() == 0
    today = tokyo_day(NOW)
    assert min(days) < today
    assert today in days
    assert max(days) > today + timedelta(days=20)
    assert channels == {"web", "phone"}
    assert newest <= NOW


def test_nothing_in_the_demo_is_dated_before_its_slots_or_named_after_anybody(filled: Engine) -> None:
    with filled.connect() as db:
        assert db.execute(text("SELECT min(created_at) FROM booking")).scalar_one() >= NOW - timedelta(days=DAYS_BACK)
        names = db.execute(text("SELECT DISTINCT name FROM booking WHERE name IS NOT NULL")).scalars().all()
    assert names
    assert all(name.startswith("練習") for name in names)


def test_two_fresh_books_of_one_moment_are_alike(filled: Engine, owner: Engine) -> None:
    seed_demo(owner, now=NOW, pepper=PEPPER)
    books = []
    for engine in (filled, owner):
        with engine.connect() as db:
            books.append(db.execute(text("SELECT slot_id, state, channel, created_at FROM booking ORDER BY id")).all())
    assert books[0] == books[1]


def test_a_demo_that_slept_for_months_has_slots_again(owner: Engine) -> None:
    seed_demo(owner, now=NOW, pepper=PEPPER)
    later = NOW + timedelta(days=200)
    seed_demo(owner, now=later, pepper=PEPPER)
    with owner.connect() as db:
        until = materialised_until(db)
    assert until is not None
    assert until >= tokyo_day(later) + timedelta(days=LEAST_DAYS_AHEAD)


@pytest.mark.parametrize(
    "moment", ["2025-05-03T01:00:00+00:00", "2026-01-01T15:00:00+00:00", "2026-11-24T08:59:59+00:00"]
)
def test_the_demo_can_be_started_on_any_day_of_the_year(owner: Engine, moment: str) -> None:
    seed_demo(owner, now=datetime.fromisoformat(moment), pepper=PEPPER)
    with owner.connect() as db:
        assert db.execute(text("SELECT count(*) FROM booking")).scalar_one() > 300
        assert not list_miscounts(db)


def test_the_demos_cards_come_as_a_city_would_send_them() -> None:
    lines = card_file(demo_cards()).decode("utf-8").splitlines()
    assert lines[0] == "予約番号,パスワード,氏名カナ,保管場所"
    assert len(lines) == CARDS + 1


@pytest.mark.parametrize("what", ["a city", "an account of the demo's name", "a card"])
def test_a_book_that_somebody_uses_gets_no_public_sign_in(owner: Engine, what: str) -> None:
    with owner.begin() as db:
        if what == "an account of the demo's name":
            new = NewAccount(DEMO_ACCOUNTS[0][0], "窓口の担当", DEMO_ACCOUNTS[0][2], DEMO_PASSWORD)
            done(create_account(db, new, by=Actor.job(), now=NOW))
        else:
            load_city(db, valid_from=NOW.date())
        if what == "a card":
            add_card(db, demo_cards()[0].number)
    before = contents(owner)
    with pytest.raises(ForeignBook):
        seed_demo(owner, now=NOW, pepper=PEPPER)
    assert contents(owner) == before


def test_a_database_without_tables_counts_as_empty(new_database: Callable[[str], str]) -> None:
    bare = make_engine(new_database("template1"), role=None)
    with bare.connect() as db:
        refuse_foreign_book(db)
    bare.dispose()


def test_the_demo_refuses_a_live_book_in_one_line(kyoto: Engine) -> None:
    settings = load_settings(
        {
            "DATABASE_URL": kyoto.url.render_as_string(hide_password=False),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEY": PEPPER,
            "PEPPER": PEPPER,
            "DEMO": "1",
        }
    )
    with pytest.raises(EngineError, match=r"^DATABASE_URL names a book that is not the demo's.*$"):
        demo._bring_up_to_date(settings)
