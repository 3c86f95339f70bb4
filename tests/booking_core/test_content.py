from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.content import FIRST_WORDING, LONGEST_BODY, approve, list_versions, read_text, write_draft
from booking_core.db import in_transaction
from tests.factories import done, refused

CLERK, ADMIN = Actor.clerk(3), Actor.clerk(1)


def shown(engine: Engine, key: str = "top.notice") -> str:
    with engine.connect() as db:
        return read_text(db, key)


def draft(engine: Engine, body: str, now: datetime, key: str = "top.notice") -> int:
    return done(in_transaction(engine, lambda db: write_draft(db, key, body, by=CLERK, now=now)))


def let_through(engine: Engine, version: int, now: datetime) -> bool:
    return done(in_transaction(engine, lambda db: approve(db, "top.notice", version, by=ADMIN, now=now)))


@pytest.mark.parametrize("key", FIRST_WORDING)
def test_every_text_has_a_first_wording_that_is_shown_until_the_city_replaces_it(engine: Engine, key: str) -> None:
    assert shown(engine, key) == FIRST_WORDING[key]
    assert bool(FIRST_WORDING[key]) is (key != "top.notice")  # a notice there is only when there is one to give


@pytest.mark.req("3-1-B-v-4")
def test_a_draft_is_shown_to_nobody_before_it_is_approved(engine: Engine, now: datetime) -> None:
    version = draft(engine, "5月3日はお休みです。", now)
    assert shown(engine) == ""
    assert let_through(engine, version, now)
    assert shown(engine) == "5月3日はお休みです。"


def test_the_newest_approved_wording_is_shown(engine: Engine, now: datetime) -> None:
    first, second, third = (draft(engine, body, now) for body in ("一", "二", "三"))
    assert (first, second, third) == (1, 2, 3)
    let_through(engine, second, now)
    assert shown(engine) == "二"
    let_through(engine, first, now + timedelta(hours=1))
    assert shown(engine) == "二"
    let_through(engine, third, now)
    assert shown(engine) == "三"


def test_an_approved_empty_notice_takes_the_notice_off_the_page(engine: Engine, now: datetime) -> None:
    let_through(engine, draft(engine, "お知らせ", now), now)
    let_through(engine, draft(engine, "", now), now)
    assert shown(engine) == ""


def test_approving_twice_or_what_is_not_there_does_nothing(engine: Engine, now: datetime) -> None:
    version = draft(engine, "一", now)
    assert let_through(engine, version, now)
    assert not let_through(engine, version, now)
    assert not let_through(engine, 99, now)


def test_an_overlong_text_is_refused(engine: Engine, now: datetime) -> None:
    draft(engine, "あ" * LONGEST_BODY, now)
    answer = in_transaction(
        engine, lambda db: write_draft(db, "top.notice", "あ" * (LONGEST_BODY + 1), by=CLERK, now=now)
    )
    assert refused(answer) == "text_too_long"


def test_a_text_nobody_knows_does_not_exist(engine: Engine, now: datetime) -> None:
    with pytest.raises(KeyError):
        shown(engine, "footer")
    with pytest.raises(KeyError):
        draft(engine, "x", now, key="footer")


def test_writing_and_approving_are_on_record(engine: Engine, now: datetime) -> None:
    let_through(engine, draft(engine, "一", now), now)
    with engine.connect() as db:
        rows = db.execute(text("SELECT verb, target, actor_id, detail FROM audit ORDER BY id")).all()
        versions = list_versions(db, "top.notice")
    assert [tuple(row) for row in rows] == [
        ("content.write", "content:top.notice", 3, {"version": 1}),
        ("content.approve", "content:top.notice", 1, {"version": 1}),
    ]
    assert [(version.version, version.approved_at) for version in versions] == [(1, now)]
