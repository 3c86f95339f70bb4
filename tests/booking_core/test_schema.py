"""What the database itself refuses, whatever the program does."""

from datetime import UTC, date, datetime, time

import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from booking_core.models import BookingState
from tests.factories import booked, counters, new_card, owner_of, slot_at

DAY, TEN = date(2025, 4, 22), time(10)
APPEND_ONLY = {"audit": "verb", "audit_personal": "content", "audit_seal": "digest", "booking_change": "state"}
"""The tables that are only ever added to, each with a column somebody might want to rewrite."""


@pytest.fixture
def written(kyoto: Engine, now: datetime) -> Engine:
    """Kyoto's book with a booking, so that no table below is empty but the seal, which gets a row here."""
    booked(kyoto, new_card(kyoto), slot_at(kyoto, DAY, TEN), now=now)
    with kyoto.begin() as db:
        db.execute(
            text("INSERT INTO audit_seal (audit_ids, previous, digest, sealed_at) VALUES ('{1}', 'a', 'b', :now)"),
            {"now": now},
        )
    return kyoto


def refuse(engine: Engine, statement: str, error: type[BaseException], match: str | None = None) -> None:
    """Run a statement with the engine's rights; it must fail with this error of PostgreSQL."""
    with engine.connect() as db, pytest.raises(DBAPIError, match=match) as refusal:
        db.execute(text(statement))
    assert isinstance(refusal.value.orig, error), statement


@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = NULL", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_cannot_rewrite_what_it_recorded(written: Engine, statement: str) -> None:
    for table, column in APPEND_ONLY.items():
        everything = text(f"SELECT * FROM {table}")  # noqa: S608 - names from this file
        with written.connect() as db:
            before = db.execute(everything).all()
        assert before
        refuse(written, statement.format(table, column), errors.InsufficientPrivilege)
        with written.connect() as db:
            assert db.execute(everything).all() == before


def test_the_application_cannot_change_the_schema_or_its_own_rights(written: Engine) -> None:
    with written.begin() as db:
        db.execute(text("GRANT DELETE ON audit TO madoguchi_app"))  # PostgreSQL warns, and grants nothing
    for statement in (
        "DELETE FROM audit",
        "INSERT INTO alembic_version VALUES ('x')",
        "UPDATE alembic_version SET version_num = 'x'",
        "DELETE FROM alembic_version",
        "DROP TABLE audit",
        "ALTER TABLE slot DROP CONSTRAINT ck_slot_places",
        "DROP INDEX uq_booking_live_card",
        "CREATE TABLE anything (id integer)",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "TRUNCATE booking CASCADE",
    ):
        refuse(written, statement, errors.InsufficientPrivilege)


def test_the_application_is_no_superuser_and_cannot_log_in(kyoto: Engine) -> None:
    with kyoto.connect() as db:
        assert db.execute(text("SELECT current_user")).scalar_one() == "madoguchi_app"
        role = db.execute(
            text("""
            SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin
            FROM pg_roles WHERE rolname = current_user""")
        ).one()
    assert not any(role)


def test_the_application_may_write_every_other_table(kyoto: Engine) -> None:
    with kyoto.connect() as db:
        tables = db.execute(
            text("""
            SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
              AND NOT (has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
                       AND has_table_privilege(oid, 'DELETE') AND has_table_privilege(oid, 'SELECT'))""")
        )
        kept_from = set(tables.scalars())
    assert kept_from >= {*APPEND_ONLY, "alembic_version"}
    assert not kept_from & {"booking", "slot", "slot_hold", "card", "setting", "outbox"}


def test_a_slot_cannot_be_oversold_by_any_hand(kyoto: Engine) -> None:
    slot = slot_at(kyoto, DAY, TEN)
    for change in (
        "booked = capacity + 1",
        "held = capacity + 1",
        "booked = capacity, held = 1",
        "booked = -1",
        "held = -1",
        "booked = 1, held = -1",
        "capacity = -1",
        "booked = 2, capacity = 1",
    ):
        for engine in (kyoto, owner_of(kyoto)):
            refuse(engine, f"UPDATE slot SET {change} WHERE id = {slot}", errors.CheckViolation, "ck_slot_places")  # noqa: S608 - from this file
    assert counters(kyoto, slot) == (0, 0)


def test_a_slot_can_be_filled_to_its_last_place(kyoto: Engine) -> None:
    slot = slot_at(kyoto, DAY, TEN)
    with kyoto.begin() as db:
        db.execute(text("UPDATE slot SET booked = capacity - 1, held = 1 WHERE id = :id"), {"id": slot})


INSERT_BOOKING = """
    INSERT INTO booking (reference, slot_id, service_id, card_id, places, state, channel, change_until,
                         created_at, changed_at)
    SELECT :reference, slot_id, service_id, card_id, places, :state, channel, change_until, created_at, changed_at
    FROM booking WHERE id = :id"""


def test_a_card_has_one_live_booking_and_any_number_of_past_ones(kyoto: Engine, now: datetime) -> None:
    first = booked(kyoto, new_card(kyoto), slot_at(kyoto, DAY, TEN), now=now)
    for state in BookingState:
        row = {"reference": f"past-{state}", "state": state, "id": first.id}
        if state is BookingState.BOOKED:
            with kyoto.connect() as db, pytest.raises(IntegrityError, match="uq_booking_live_card"):
                db.execute(text(INSERT_BOOKING), row)
        else:
            with kyoto.begin() as db:
                db.execute(text(INSERT_BOOKING), row)
    with kyoto.connect() as db, pytest.raises(IntegrityError, match="uq_booking_live_card"):
        db.execute(text("UPDATE booking SET state = 'booked' WHERE reference = 'past-cancelled'"))


@pytest.mark.req("3-1-A-iii")
def test_a_reservation_number_stands_once(kyoto: Engine) -> None:
    with kyoto.begin() as db:
        db.execute(text(INSERT_CARD), {"number": "2025-000001"})
    with kyoto.connect() as db, pytest.raises(IntegrityError, match="uq_card_number"):
        db.execute(text(INSERT_CARD), {"number": "2025-000001"})


INSERT_CARD = """
    INSERT INTO card (number, password_hmac, kana, kana_key, state, lies_at)
    SELECT :number, 'x', 'ア', 'ア', 'imported', id FROM venue WHERE kind = 'storehouse'"""


OUT_OF_RANGE = {
    "UPDATE booking SET state = 'lost'": "ck_booking_state_known",
    "UPDATE booking SET places = 0": "ck_booking_places",
    "UPDATE booking_change SET verb = 'shout'": "ck_booking_change_verb_known",
    "UPDATE card SET state = 'lost'": "ck_card_state_known",
    "UPDATE venue SET kind = 'tent'": "ck_venue_kind_known",
    "UPDATE slot_plan SET unit_minutes = 45": "ck_slot_plan_unit_minutes",
    "UPDATE slot_plan SET weekday = 7": "ck_slot_plan_weekday",
    "UPDATE slot_plan SET places = -1": "ck_slot_plan_places",
    "UPDATE reception_hours SET weekday = -1": "ck_reception_hours_weekday",
    "UPDATE reception_hours SET last_reception = '19:01'": "ck_reception_hours_in_order",
    "UPDATE service_at_venue SET accept_lead_days = -1": "ck_service_at_venue_lead_days",
    "UPDATE service_at_venue SET horizon_days = 0": "ck_service_at_venue_horizon_days",
    "UPDATE service_at_venue SET horizon_days = 401": "ck_service_at_venue_horizon_days",
    "UPDATE closure SET ends = NULL": "ck_closure_part_of_day",
    "UPDATE closure SET ends = starts": "ck_closure_part_of_day",
    "UPDATE slot_hold SET places = 0": "ck_slot_hold_places",
    "UPDATE slot_hold SET kind = 'whim'": "ck_slot_hold_kind_known",
}


def test_values_outside_their_range_are_refused(written: Engine) -> None:
    owner = owner_of(written)
    with owner.begin() as db:
        db.execute(
            text("INSERT INTO closure (venue_id, day, starts, ends, reason) VALUES (1, :day, '9:00', '9:30', '')"),
            {"day": DAY},
        )
        db.execute(HOLD, {"until": UNTIL})
    for statement, constraint in OUT_OF_RANGE.items():
        refuse(owner, statement, errors.CheckViolation, constraint)


UNTIL = datetime(2025, 4, 7, tzinfo=UTC)
HOLD = text("""
    INSERT INTO slot_hold (slot_id, owner, kind, places, expires_at)
    SELECT min(id), 'call:1', 'read_back', 1, :until FROM slot""")


def test_one_owner_has_one_hold_and_one_command_one_change(written: Engine) -> None:
    with written.begin() as db:
        db.execute(HOLD, {"until": UNTIL})
    with written.connect() as db, pytest.raises(IntegrityError, match="uq_slot_hold_owner"):
        db.execute(HOLD, {"until": UNTIL})
    again = text("""
        INSERT INTO booking_change (booking_id, command_key, verb, state, actor_kind, channel, at)
        SELECT booking_id, command_key, verb, state, actor_kind, channel, at FROM booking_change""")
    with written.connect() as db, pytest.raises(IntegrityError, match="uq_booking_change_command_key"):
        db.execute(again)
