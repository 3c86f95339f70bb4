from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.cards.credentials import Identified, identify, password_hmac
from booking_core.cards.importing import ImportReport, import_cards
from booking_core.db import in_transaction
from booking_core.refusal import Refusal
from tests.factories import done, refused, venue_id

PEPPER = b"pepper of the tests, 32 bytes long"
HEADINGS = "予約番号,パスワード,氏名カナ,保管場所\n"


def take(engine: Engine, csv: str, now: datetime, *, dry_run: bool = False) -> ImportReport | Refusal:
    return in_transaction(
        engine,
        lambda db: import_cards(
            db, csv.encode(), file_name="cards.csv", pepper=PEPPER, by=Actor.clerk(3), now=now, dry_run=dry_run
        ),
    )


def taken(engine: Engine, csv: str, now: datetime) -> ImportReport:
    return done(take(engine, csv, now))


def cards(engine: Engine) -> dict[str, Any]:
    with engine.connect() as db:
        rows = db.execute(text("SELECT k.*, v.code AS place FROM card k JOIN venue v ON v.id = k.lies_at"))
        return {row.number: row for row in rows}


def count(engine: Engine, table: str) -> int:
    with engine.connect() as db:
        return int(db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - names of this file


@pytest.mark.req("1-2-DEL-A", "3-1-B-iv")
def test_an_imported_card_logs_its_citizen_in(kyoto: Engine, now: datetime) -> None:
    taken(kyoto, HEADINGS + "A-0001,9876-5432,ﾔﾏﾀﾞ ﾊﾅｺ,\n", now)
    card = cards(kyoto)["A0001"]
    assert (card.kana, card.kana_key, card.state, card.place) == (
        "ヤマダ ハナコ",
        "ヤマダハナコ",
        "imported",
        "center-ukyo",
    )
    answer = in_transaction(
        kyoto,
        lambda db: identify(db, "ａ０００１", "98765432", pepper=PEPPER, by_source=None, now=now, business_now=now),
    )
    assert answer == Identified(card.id)


def test_no_password_stands_in_the_database(kyoto: Engine, now: datetime) -> None:
    taken(kyoto, "予約番号,パスワード\nA1,correcthorse\n", now)
    assert bytes(cards(kyoto)["A1"].password_hmac) == password_hmac(PEPPER, "A1", "correcthorse")
    with kyoto.connect() as db:
        rows = db.execute(text("SELECT k::text FROM card k UNION SELECT a::text FROM audit a")).scalars().all()
    assert not any("correcthorse" in row for row in rows)


def test_a_place_is_found_by_code_or_name_and_an_unknown_one_rejects_the_row(kyoto: Engine, now: datetime) -> None:
    with kyoto.connect() as db:
        name = db.execute(text("SELECT name FROM venue WHERE code = 'minami'")).scalar_one()
    report = taken(kyoto, HEADINGS + f"A1,1234,,KITA\nA2,1234,, {name}\nA3,1234,,月面\nA4,1234,,\n", now)
    assert {number: card.place for number, card in cards(kyoto).items()} == {
        "A1": "kita",
        "A2": "minami",
        "A4": "center-ukyo",
    }
    assert [line.line for line in report.rejected] == [4]
    assert "月面" not in report.rejected[0].reason


def test_good_lines_go_in_and_the_others_are_listed_in_the_order_of_the_file(kyoto: Engine, now: datetime) -> None:
    report = taken(kyoto, HEADINGS + "A1,1234,,\nA2,,,\nA3,1234,,月面\nA1,9999,,\nA4,1234,,\n", now)
    assert (report.rows_read, report.added, report.updated, report.unchanged) == (5, 2, 0, 0)
    assert [line.line for line in report.rejected] == [3, 4, 5]
    assert set(cards(kyoto)) == {"A1", "A4"}


def test_importing_again_updates_what_differs_and_keeps_what_the_file_does_not_say(
    kyoto: Engine, now: datetime
) -> None:
    taken(kyoto, HEADINGS + "A1,1234,ヤマダ,kita\nA2,1234,スズキ,kita\nA3,1234,タナカ,kita\n", now)
    ids = {number: card.id for number, card in cards(kyoto).items()}
    report = taken(kyoto, HEADINGS + "A1,5678,,\nA2,1234,,minami\nA3,1234,タナカ,\nA4,1234,,\n", now)
    assert (report.added, report.updated, report.unchanged, report.rejected) == (1, 2, 1, ())
    after = cards(kyoto)
    assert {number: after[number].id for number in ids} == ids
    assert bytes(after["A1"].password_hmac) == password_hmac(PEPPER, "A1", "5678")
    assert [(after[n].kana, after[n].place) for n in ("A1", "A2")] == [("ヤマダ", "kita"), ("スズキ", "minami")]


@pytest.mark.parametrize("state", ["handed_over", "withdrawn"])
def test_a_card_that_is_done_with_is_left_alone_and_said(kyoto: Engine, now: datetime, state: str) -> None:
    taken(kyoto, HEADINGS + "A1,1234,ヤマダ,\n", now)
    with kyoto.begin() as db:
        db.execute(text("UPDATE card SET state = :state"), {"state": state})
    report = taken(kyoto, HEADINGS + "A2,1234,,\nA1,9999,スズキ,kita\n", now)
    assert (report.added, report.updated) == (1, 0)
    assert [line.line for line in report.rejected] == [3]
    kept = cards(kyoto)["A1"]
    assert (kept.kana, kept.place, kept.state) == ("ヤマダ", "center-ukyo", state)
    assert bytes(kept.password_hmac) == password_hmac(PEPPER, "A1", "1234")


def test_a_notice_that_was_sent_stays_sent_when_the_record_is_updated(kyoto: Engine, now: datetime) -> None:
    taken(kyoto, HEADINGS + "A1,1234,,\n", now)
    with kyoto.begin() as db:
        db.execute(text("UPDATE card SET state = 'notice_sent'"))
    taken(kyoto, HEADINGS + "A1,5678,,\n", now)
    assert cards(kyoto)["A1"].state == "notice_sent"


def test_a_trial_run_reports_the_same_and_changes_nothing(kyoto: Engine, now: datetime) -> None:
    taken(kyoto, HEADINGS + "A1,1234,,\nA2,1234,,\n", now)
    before = (cards(kyoto), count(kyoto, "import_batch"), count(kyoto, "audit"))
    csv = HEADINGS + "A1,5678,,\nA2,1234,,\nA3,1234,,\nA4,,,\nA5,1234,,月面\n"
    trial = done(take(kyoto, csv, now, dry_run=True))
    assert (cards(kyoto), count(kyoto, "import_batch"), count(kyoto, "audit")) == before
    assert trial == taken(kyoto, csv, now)
    assert (trial.added, trial.updated, trial.unchanged, len(trial.rejected)) == (1, 1, 1, 2)


def test_the_same_file_is_not_taken_twice(kyoto: Engine, now: datetime) -> None:
    taken(kyoto, HEADINGS + "A1,1234,,\n", now)
    again = take(kyoto, HEADINGS + "A1,1234,,\n", now)
    assert refused(again) == "import_rejected"
    assert isinstance(again, Refusal)
    assert "cards.csv" in str(again.facts["why"])
    assert count(kyoto, "import_batch") == 1


def test_a_file_of_which_nothing_was_taken_may_come_again(kyoto: Engine, now: datetime) -> None:
    csv = HEADINGS + "A1,1234,,月面\n"
    assert len(taken(kyoto, csv, now).rejected) == 1
    assert count(kyoto, "import_batch") == 0
    with kyoto.begin() as db:
        db.execute(text("UPDATE venue SET name = '月面' WHERE id = :id"), {"id": venue_id(kyoto, "kita")})
    assert taken(kyoto, csv, now).added == 1


def test_two_clerks_importing_one_file_at_once_take_it_once(kyoto: Engine, now: datetime) -> None:
    csv = HEADINGS + "".join(f"A{n},1234,,\n" for n in range(300))
    start = Barrier(2)

    def one(_: int) -> ImportReport | Refusal:
        start.wait(10)
        return take(kyoto, csv, now)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(one, range(2)))
    assert sorted(isinstance(answer, Refusal) for answer in answers) == [False, True]
    assert len(cards(kyoto)) == 300


def test_an_import_is_on_record_with_its_counts_and_who_did_it(kyoto: Engine, now: datetime) -> None:
    taken(kyoto, HEADINGS + "A1,1234,,\nA2,,,\n", now)
    with kyoto.connect() as db:
        entry = db.execute(text("SELECT verb, target, actor_id, detail, at FROM audit")).one()
        batch = db.execute(text("SELECT id, rows_read, rows_added, rows_updated, imported_by FROM import_batch")).one()
    assert entry.verb == "cards.import"
    assert entry.target == f"import:{batch.id}"
    assert entry.detail == {"read": 2, "added": 1, "updated": 0, "unchanged": 0, "rejected": 1}
    assert (entry.actor_id, entry.at) == (3, now)
    assert tuple(batch)[1:] == (2, 1, 0, 3)


def test_more_rows_than_are_written_at_once_all_go_in(kyoto: Engine, now: datetime) -> None:
    report = taken(kyoto, HEADINGS + "".join(f"A{n},{n:06d},,\n" for n in range(12_001)), now)
    assert (report.rows_read, report.added, report.rejected) == (12_001, 12_001, ())
    assert count(kyoto, "card") == 12_001
