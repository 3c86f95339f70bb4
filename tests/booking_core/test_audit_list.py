"""The operation log, newest first, by day, person, act and target; quick at half a million entries."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from booking_core import audit
from booking_core.actors import Actor, ActorKind
from booking_core.audit_list import AuditFilter, AuditPage, list_audit
from booking_core.models import Role
from tests.desk import add_staff

CITIZEN, JOB = Actor.citizen(7), Actor.job()


def record(engine: Engine, by: Actor, verb: str, target: str, at: datetime, **personal: str) -> int:
    with engine.begin() as db:
        return audit.record(db, audit.AuditEntry(by, verb, target, {"n": 1}, personal), now=at)


def listed(engine: Engine, before: int | None = None, rows_a_page: int = 100, **which: Any) -> AuditPage:
    with engine.connect() as db:
        return list_audit(db, AuditFilter(**which), before=before, rows_a_page=rows_a_page)


def targets(page: AuditPage) -> list[str]:
    return [line.target for line in page.lines]


def test_pages_are_turned_from_the_newest_to_the_oldest(engine: Engine, now: datetime) -> None:
    for n in range(5):
        record(engine, JOB, "book", f"booking:{n}", now)
    first = listed(engine, rows_a_page=2)
    second = listed(engine, first.before, rows_a_page=2)
    third = listed(engine, second.before, rows_a_page=2)
    assert [*targets(first), *targets(second), *targets(third)] == [f"booking:{n}" for n in (4, 3, 2, 1, 0)]
    assert third.before is None
    assert listed(engine, rows_a_page=5).before is None


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, "dcba"),
        ({"day_from": date(2025, 4, 8)}, "dc"),
        ({"day_to": date(2025, 4, 7)}, "ba"),
        ({"day_from": date(2025, 4, 7), "day_to": date(2025, 4, 7)}, "ba"),
        ({"actor_kind": ActorKind.CITIZEN}, "b"),
        ({"account_id": 7}, "dc"),
        ({"verb": "sign_in"}, "dc"),
        ({"target": "b"}, "b"),
        ({"account_id": 7, "day_to": date(2025, 4, 7)}, ""),
        ({"day_from": date(1, 1, 1), "day_to": date(9999, 12, 31)}, "dcba"),
    ],
)
def test_a_filter_narrows_the_log(engine: Engine, which: dict[str, Any], found: str) -> None:
    last = datetime.fromisoformat("2025-04-07T23:59:59+09:00")
    record(engine, JOB, "hold", "a", last - timedelta(hours=1))
    record(engine, CITIZEN, "book", "b", last)  # the card of the same number as the account is nobody of the staff
    record(engine, Actor.clerk(7), "sign_in", "c", last + timedelta(seconds=1))
    record(engine, Actor.operator(7), "sign_in", "d", last + timedelta(days=9))
    assert targets(listed(engine, **which)) == list(found)


def test_an_entry_names_the_member_of_staff_and_no_personal_value(engine: Engine, now: datetime) -> None:
    account = add_staff(engine, "oka", Role.CITY_CLERK)
    by = Actor.clerk(account, on_behalf_of="card:7", source="192.0.2.7")
    record(engine, by, "book", "booking:1", now, name="佐藤 花子", phone="+81751234567")
    line = listed(engine).lines[0]
    assert (line.login, line.staff_name, line.on_behalf_of, line.source) == ("oka", "担当 oka", "card:7", "192.0.2.7")
    assert (line.at, line.verb, line.target, line.detail) == (now, "book", "booking:1", {"n": 1})
    assert "佐藤" not in repr(line)
    assert "751234567" not in repr(line)


def test_turning_pages_reads_the_newest_by_their_index_and_never_the_whole_log(engine: Engine, now: datetime) -> None:
    many = """
        INSERT INTO audit (at, actor_kind, channel, identified_by, verb, target, detail)
        SELECT CAST(:now AS timestamptz) + n * interval '1 minute', 'citizen', 'web', 'not_needed', 'book',
               'booking:' || n, '{}' FROM generate_series(1, 30000) n"""
    with engine.begin() as db:
        db.execute(text(many), {"now": now})
    for which, before in (({}, None), ({}, 15_000), ({"target": "booking:77"}, None)):
        with engine.connect() as db:
            read = rows_read(db)
            assert list_audit(db, AuditFilter(**which), before=before).lines  # type: ignore[arg-type] # str or nothing
            assert 0 < rows_read(db) - read <= 102


def rows_read(db: Any) -> int:
    """Return how many rows of the log this transaction has read so far."""
    counted = "SELECT pg_stat_get_xact_tuples_returned(i.oid) FROM pg_class i WHERE i.oid = 'audit'::regclass"
    by_index = """
        SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(indexrelid)), 0) FROM pg_index
        WHERE indrelid = 'audit'::regclass"""
    return int(db.execute(text(counted)).scalar_one()) + int(db.execute(text(by_index)).scalar_one())
