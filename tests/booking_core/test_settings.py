from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.db import in_transaction
from booking_core.settings import LastChange, Settings, change, list_changes, read_all
from tests.factories import done, refused

CLERK = Actor.clerk(3)


def put(engine: Engine, key: str, value: object, now: datetime) -> Any:
    return in_transaction(engine, lambda db: change(db, key, value, by=CLERK, now=now))


def test_a_book_nobody_has_set_up_has_the_defaults(engine: Engine) -> None:
    with engine.connect() as db:
        assert read_all(db) == Settings()


def test_a_new_telephone_number_is_shown_from_the_next_request_on(engine: Engine, now: datetime) -> None:
    assert done(put(engine, "call_centre_phone", "０７５−１２３−４５６７", now)).call_centre_phone == "+81751234567"
    with engine.connect() as db:
        assert read_all(db).call_centre_phone == "+81751234567"


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("reopening_delay_minutes", 0, 0),
        ("reopening_delay_minutes", 1440, 1440),
        ("shortest_staff_password", 8, 8),
        ("shortest_staff_password", 64, 64),
        ("service_name", " 予約サイト ", "予約サイト"),
        ("report_recipients", [" a@example.jp", "b@example.jp"], ("a@example.jp", "b@example.jp")),
        ("report_recipients", [], ()),
    ],
)
def test_a_value_within_its_bounds_is_kept(
    engine: Engine, now: datetime, key: str, value: object, kept: object
) -> None:
    assert getattr(done(put(engine, key, value, now)), key) == kept
    with engine.connect() as db:
        assert getattr(read_all(db), key) == kept


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("reopening_delay_minutes", -1, "setting_invalid"),
        ("reopening_delay_minutes", 1441, "setting_invalid"),
        ("reopening_delay_minutes", "10", "setting_invalid"),
        ("reopening_delay_minutes", True, "setting_invalid"),
        ("shortest_staff_password", 7, "setting_invalid"),
        ("shortest_staff_password", 65, "setting_invalid"),
        ("service_name", " ", "setting_invalid"),
        ("service_name", "あ" * 201, "setting_invalid"),
        ("call_centre_phone", "110", "phone_invalid"),
        ("call_centre_phone", 751234567, "setting_invalid"),
        ("report_recipients", "a@example.jp", "setting_invalid"),
        ("report_recipients", ["a@example.jp, b@example.jp"], "setting_invalid"),
        ("report_recipients", ["a@example.jp\nBcc: b@example.jp"], "setting_invalid"),
        ("report_recipients", ["nobody"], "setting_invalid"),
        ("report_recipients", [f"a{n}@example.jp" for n in range(51)], "setting_invalid"),
    ],
)
def test_a_value_out_of_bounds_is_refused_and_changes_nothing(
    engine: Engine, now: datetime, key: str, value: object, reason: str
) -> None:
    assert refused(put(engine, key, value, now)) == reason
    with engine.connect() as db:
        assert read_all(db) == Settings()
        assert db.execute(text("SELECT count(*) FROM audit")).scalar_one() == 0


def test_a_setting_nobody_knows_does_not_exist(engine: Engine, now: datetime) -> None:
    with pytest.raises(KeyError):
        put(engine, "colour", "red", now)


def test_a_row_of_another_version_is_passed_over(engine: Engine, now: datetime) -> None:
    with engine.begin() as db:
        db.execute(text("INSERT INTO setting VALUES ('of_tomorrow', '1', :now)"), {"now": now})
        assert read_all(db) == Settings()


def test_a_change_is_on_record_with_before_and_after(engine: Engine, now: datetime) -> None:
    put(engine, "reopening_delay_minutes", 5, now)
    put(engine, "reopening_delay_minutes", 10, now)
    with engine.connect() as db:
        rows = db.execute(text("SELECT verb, target, actor_id, detail FROM audit ORDER BY id")).all()
    assert tuple(rows[1]) == ("settings.change", "setting:reopening_delay_minutes", 3, {"before": 5, "after": 10})


def test_addresses_of_persons_are_kept_apart_from_the_audit_row(engine: Engine, now: datetime) -> None:
    put(engine, "report_recipients", ["sato@example.jp"], now)
    with engine.connect() as db:
        row = db.execute(text("SELECT a::text FROM audit a")).scalar_one()
        apart = db.execute(text("SELECT content FROM audit_personal")).scalar_one()
    assert "sato" not in row
    assert "sato@example.jp" in apart


def test_the_last_change_of_each_setting_is_known(engine: Engine, now: datetime) -> None:
    with engine.connect() as db:
        assert list_changes(db) == {}
    for minutes, moment in ((5, now), (10, now + timedelta(hours=1))):
        put(engine, "reopening_delay_minutes", minutes, moment)
    put(engine, "service_name", "予約", now)
    with engine.connect() as db:
        assert list_changes(db) == {
            "reopening_delay_minutes": LastChange(now + timedelta(hours=1), "clerk", None),
            "service_name": LastChange(now, "clerk", None),
        }
