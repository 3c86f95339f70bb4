"""The day's figures go out: on the right day, once, to the addresses that are set, and their counts are the book's."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from booking_core import jobs
from booking_core.alarms import list_open
from booking_core.booking import cancel
from booking_core.calendar import at
from booking_core.clock import Clock, real_now
from booking_core.db import in_transaction
from ivr.ledger.call_facts import post
from reports.archive import find_report
from reports.content import bookings_in_all
from tasks.daily_report import KIND, LEASE, send_daily_report
from tasks.senders.folder import MailFolder
from tasks.wiring import JobWiring
from tests.factories import booked, done, new_card, operator_for, owner_of, slot_at

MONDAY = date(2025, 4, 7)
CITY = "city@example.jp"


@pytest.fixture
def set_clock(tmp_path: Path) -> Callable[[datetime], Clock]:
    file = tmp_path / "clock.json"

    def step(instant: datetime) -> Clock:
        file.write_text(f'{{"mode": "stepped", "now": "{instant.isoformat()}"}}')
        return Clock(file)

    return step


@pytest.fixture
def at_time(kyoto: Engine, set_clock: Callable[[datetime], Clock], tmp_path: Path) -> Callable[..., JobWiring]:
    """Return the jobs' wiring with business time standing at a Tokyo day and time."""

    def wired(day: date, moment: time, *, to: tuple[str, ...] = (CITY,)) -> JobWiring:
        return JobWiring(kyoto, set_clock(at(day, moment)), MailFolder(tmp_path / "mail", "m@example.jp"), to)

    return wired


def mails(engine: Engine) -> list[tuple[str, str, str]]:
    """Return key, subject and text of what waits in the outbox."""
    with engine.connect() as db:
        rows = db.execute(text("SELECT dedup_key, content->>'subject', content->>'body' FROM outbox ORDER BY id"))
        return [(row[0], row[1], row[2]) for row in rows]


def add_call(engine: Engine, received_at: datetime, *, state: str = "ended", outcome: str | None = "answered") -> int:
    """Add a call as the line leaves it: answered after ten seconds, or not answered at all."""
    values = {
        "sid": f"CA{received_at:%H%M%S%f}{state}{outcome}",
        "state": state,
        "outcome": outcome,
        "received_at": received_at,
        "enqueued_at": received_at + timedelta(seconds=5),
        "answered_at": received_at + timedelta(seconds=15) if outcome == "answered" or state == "connected" else None,
        "ended_at": received_at + timedelta(minutes=5) if state == "ended" else None,
    }
    statement = text("""
        INSERT INTO call (call_sid, to_number, state, outcome, received_at, enqueued_at, answered_at, ended_at)
        VALUES (:sid, '+81753660000', :state, :outcome, :received_at, :enqueued_at, :answered_at, :ended_at)
        RETURNING id""")
    with engine.begin() as db:
        call_id = int(db.execute(statement, values).scalar_one())
        post(db, call_id)
        return call_id


@pytest.mark.req("3-2-L")
def test_it_leaves_after_closing_on_a_working_day_and_only_once(at_time: Callable[..., JobWiring]) -> None:
    assert send_daily_report(at_time(MONDAY, time(16, 59, 59))) == {"mails": 0}
    wiring = at_time(MONDAY, time(17))
    assert send_daily_report(wiring) == {"mails": 1}
    assert send_daily_report(wiring) == {"mails": 0}
    assert send_daily_report(at_time(MONDAY, time(23, 59))) == {"mails": 0}
    ((key, subject, _),) = mails(wiring.engine)
    assert key == f"daily_report:2025-04-07:{CITY}"
    assert subject.startswith("【日報】2025年4月7日（月）")


@pytest.mark.req("3-2-L")
@pytest.mark.parametrize(
    "closed", [date(2025, 4, 12), date(2025, 4, 13), date(2025, 4, 29), date(2025, 12, 29), date(2026, 1, 3)]
)
def test_none_is_sent_on_closed_days(at_time: Callable[..., JobWiring], closed: date) -> None:
    for moment in (time(17), time(19), time(23, 59)):
        assert send_daily_report(at_time(closed, moment)) == {"mails": 0}


@pytest.mark.req("3-2-L")
def test_its_counts_equal_the_books(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    nine = at(MONDAY, time(9))
    for minute in range(6):
        add_call(kyoto, nine + timedelta(minutes=minute))
    add_call(kyoto, nine + timedelta(hours=1), outcome="abandoned_queue")
    add_call(kyoto, nine - timedelta(minutes=30), outcome="closed")
    slots = [slot_at(kyoto, date(2025, 4, 21), time(9)), slot_at(kyoto, date(2025, 4, 22), time(9), venue="minami")]
    cards = [new_card(kyoto), new_card(kyoto)]
    first, _ = (booked(kyoto, card, slot, now=nine) for card, slot in zip(cards, slots, strict=True))
    gone = in_transaction(kyoto, lambda db: cancel(db, first.id, by=operator_for(cards[0]), key="c", now=nine))
    done(gone)
    send_daily_report(at_time(MONDAY, time(17, 5)))
    body = mails(kyoto)[0][2]
    for said in (
        "入電数（受付時間内）：7件",
        "応答数（人が出た電話）：6件",
        "応答率：85.7%（6／7）　目標 85%（達成）",
        "放棄（お待ちの間）：1件",
        "時間外の電話：1件",
        "カードの受け取り（交付）／ホームページ：新規 2件、変更 0件、取消 0件",
        "カードの受け取り（交付）／電話：新規 0件、変更 0件、取消 1件",
        "合計：新規 2件、変更 0件、取消 1件",
        "answer_rate.strict/1",
        "集計の時刻：2025年4月7日（月）午後5時5分",
    ):
        assert said in body


@pytest.mark.req("3-2-L")
def test_it_holds_no_number_name_or_telephone_of_anybody(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    card = new_card(kyoto)
    booked(kyoto, card, slot_at(kyoto, date(2025, 4, 21), time(9)), now=at(MONDAY, time(9)))
    with kyoto.connect() as db:
        known = db.execute(text("SELECT k.number, k.kana, b.phone, b.reference FROM card k, booking b")).one()
    send_daily_report(at_time(MONDAY, time(17)))
    _, subject, body = mails(kyoto)[0]
    assert not [value for value in known if value in subject + body]


@pytest.mark.req("3-2-L")
def test_it_waits_for_the_last_call_but_not_beyond_nineteen_and_then_names_it(
    at_time: Callable[..., JobWiring], kyoto: Engine
) -> None:
    talking = add_call(kyoto, at(MONDAY, time(16, 58)), state="connected", outcome=None)
    assert send_daily_report(at_time(MONDAY, time(18, 59, 59))) == {"mails": 0}
    assert send_daily_report(at_time(MONDAY, time(19))) == {"mails": 1}
    assert "まだ終わっていないもの：電話 1件、電話の後の処理 0件" in mails(kyoto)[0][2]
    with kyoto.connect() as db:
        kept = find_report(db, MONDAY)
    assert kept
    assert (kept.content["unfinished_calls"], kept.content["unfinished_wrap_ups"]) == (1, 0)
    assert talking


def test_it_leaves_as_soon_as_the_last_call_has_ended(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    call = add_call(kyoto, at(MONDAY, time(16, 58)), state="connected", outcome=None)
    assert send_daily_report(at_time(MONDAY, time(17, 30))) == {"mails": 0}
    with kyoto.begin() as db:
        db.execute(
            text("UPDATE call SET state = 'ended', outcome = 'answered', ended_at = :at WHERE id = :id"),
            {"id": call, "at": at(MONDAY, time(17, 31))},
        )
        post(db, call)
    assert send_daily_report(at_time(MONDAY, time(17, 32))) == {"mails": 1}
    assert "まだ終わっていないもの" not in mails(kyoto)[0][2]


@pytest.mark.req("3-2-L")
def test_monday_completes_friday_and_the_weekend(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    next_monday = MONDAY + timedelta(days=7)
    friday_night, sunday = at(date(2025, 4, 11), time(23, 40)), at(date(2025, 4, 13), time(10))
    for n, made_at in enumerate((friday_night, sunday)):
        booked(kyoto, new_card(kyoto), slot_at(kyoto, date(2025, 4, 24), time(9 + n)), now=made_at)
    send_daily_report(at_time(next_monday, time(17)))
    body = mails(kyoto)[0][2]
    completed = body.partition("■ 前の日までの確定した数")[2]
    assert "2025年4月11日（金）：入電 0件" in completed
    assert completed.count("新規予約 1件") == 2
    assert "4月12日（土）" in completed
    assert "4月13日（日）" in completed
    assert "4月10日" not in completed


@pytest.mark.req("3-2-L")
def test_the_dailies_of_a_month_add_up_over_its_end(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    made = [date(2025, 4, 28) + timedelta(days=n) for n in range(11)]
    for n, day in enumerate(made):
        moment = at(day, time(23, 40))
        slot = slot_at(kyoto, date(2025, 5, 26) + timedelta(days=n % 5), time(9 + n // 5))
        booked(kyoto, new_card(kyoto), slot, now=moment)
    days = [date(2025, 4, 28) + timedelta(days=n) for n in range(12)]
    for day in days:
        send_daily_report(at_time(day, time(17)))
    with kyoto.connect() as db:
        reports = [report for day in days if (report := find_report(db, day))]
    assert [f"{report.day:%m-%d}" for report in reports] == [
        "04-28", "04-30", "05-01", "05-02", "05-07", "05-08", "05-09"
    ]  # fmt: skip
    completed = {day["day"]: bookings_in_all(day)[0] for report in reports for day in report.content["before"]}
    assert [day for day, count in completed.items() if count] == [f"{day}" for day in made]
    assert set(completed.values()) <= {0, 1}


def test_two_schedulers_at_once_make_one(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    wiring = at_time(MONDAY, time(17))
    together = threading.Barrier(6)
    made: list[int] = []

    def tick() -> None:
        together.wait()
        made.append(send_daily_report(wiring)["mails"])

    threads = [threading.Thread(target=tick) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 0, 0, 0, 1]
    assert len(mails(kyoto)) == 1


def test_what_a_dead_worker_had_claimed_is_done_by_another(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    claim = in_transaction(
        kyoto, lambda db: jobs.claim_period(db, KIND, f"{MONDAY}", now=real_now() - LEASE / 2, lease=LEASE)
    )
    assert claim is not None
    wiring = at_time(MONDAY, time(17))
    assert send_daily_report(wiring) == {"mails": 0}
    with kyoto.begin() as db:
        db.execute(text("UPDATE job_run SET claimed_at = claimed_at - CAST(:lease AS interval)"), {"lease": LEASE})
    assert send_daily_report(wiring) == {"mails": 1}


def test_a_day_that_was_missed_is_made_up_for_and_the_first_day_makes_none_up(
    at_time: Callable[..., JobWiring], kyoto: Engine
) -> None:
    assert send_daily_report(at_time(MONDAY, time(17))) == {"mails": 1}
    assert send_daily_report(at_time(date(2025, 4, 10), time(8))) == {"mails": 2}
    assert [key.split(":")[1] for key, _, _ in mails(kyoto)] == ["2025-04-07", "2025-04-08", "2025-04-09"]


def test_it_goes_to_the_addresses_of_the_start_and_those_the_city_set_each_once(
    at_time: Callable[..., JobWiring], kyoto: Engine
) -> None:
    with kyoto.begin() as db:
        db.execute(
            text("INSERT INTO setting (key, value, changed_at) VALUES ('report_recipients', CAST(:v AS jsonb), :now)"),
            {"v": f'["{CITY}", "desk@example.jp"]', "now": datetime(2025, 4, 1, tzinfo=UTC)},
        )
    assert send_daily_report(at_time(MONDAY, time(17))) == {"mails": 2}
    assert [key.rpartition(":")[2] for key, _, _ in mails(kyoto)] == [CITY, "desk@example.jp"]


def test_without_an_address_an_alarm_says_so(at_time: Callable[..., JobWiring], kyoto: Engine) -> None:
    assert send_daily_report(at_time(MONDAY, time(17), to=())) == {"mails": 0}
    with kyoto.connect() as db:
        assert [alarm.kind for alarm in list_open(db)] == ["report.nobody"]


def test_a_report_missed_before_the_rest_at_the_year_s_end_is_made_after_it(at_time: Callable[..., JobWiring]) -> None:
    send_daily_report(at_time(date(2025, 12, 25), time(17)))  # and the next day everything is down at closing
    wiring = at_time(date(2026, 1, 5), time(8))
    assert send_daily_report(wiring) == {"mails": 1}
    assert mails(wiring.engine)[-1][0].split(":")[1] == "2025-12-26"


def test_a_day_whose_report_failed_while_the_next_ones_did_not_is_made_up_for(
    at_time: Callable[..., JobWiring], kyoto: Engine
) -> None:
    for day in (7, 8, 9):
        send_daily_report(at_time(date(2025, 4, day), time(17)))
    with owner_of(kyoto).begin() as db:
        db.execute(text("DELETE FROM report WHERE day = '2025-04-08'"))
        db.execute(text("DELETE FROM job_run WHERE period = '2025-04-08'"))
        db.execute(text("DELETE FROM outbox WHERE dedup_key LIKE '%2025-04-08%'"))
    assert send_daily_report(at_time(date(2025, 4, 10), time(8))) == {"mails": 1}


def test_what_is_too_long_ago_is_given_up_with_an_alarm_that_names_the_days(
    at_time: Callable[..., JobWiring], kyoto: Engine
) -> None:
    send_daily_report(at_time(MONDAY, time(17)))
    wiring = at_time(date(2025, 5, 16), time(17))
    assert send_daily_report(wiring)["mails"] > 15
    assert send_daily_report(wiring) == {"mails": 0}
    with kyoto.connect() as db:
        (alarm,) = list_open(db)
    assert alarm.kind == "report.given_up"
    assert "2025年4月8日（火）から2025年4月14日（月）までの日報5日分" in alarm.message
    assert "2025-04-15" in mails(kyoto)[1][0]


def test_what_the_paper_cannot_print_leaves_as_text_and_csv_and_an_alarm_names_it(
    at_time: Callable[..., JobWiring], kyoto: Engine
) -> None:
    with kyoto.begin() as db:
        db.execute(
            text("INSERT INTO setting (key, value, changed_at) VALUES ('service_name', '\"𠮷野の予約\"', :now)"),
            {"now": datetime(2025, 4, 1, tzinfo=UTC)},
        )
    assert send_daily_report(at_time(MONDAY, time(17))) == {"mails": 1}
    with kyoto.connect() as db:
        (alarm,) = list_open(db)
        files = db.execute(text("SELECT content->'files' FROM outbox")).scalar_one()
    assert alarm.kind == "report.pdf"
    assert "𠮷" in alarm.message
    assert files == ["csv"]


@pytest.mark.req("3-2-L")
def test_a_report_built_late_says_what_was_known_when_it_was_built(
    at_time: Callable[..., JobWiring], kyoto: Engine
) -> None:
    send_daily_report(at_time(MONDAY, time(17)))
    add_call(kyoto, at(date(2025, 4, 8), time(10)))
    send_daily_report(at_time(date(2025, 4, 10), time(8)))
    with kyoto.connect() as db:
        late = find_report(db, date(2025, 4, 8))
    assert late
    assert late.content["today"]["received"] == 1
    assert late.content["cut_off"] == "2025-04-10T08:00:00+09:00"


@pytest.mark.parametrize("day", [date(2025, 4, 30), date(2028, 2, 29), date(2025, 9, 30)])
def test_the_last_day_of_a_month_has_its_report(at_time: Callable[..., JobWiring], kyoto: Engine, day: date) -> None:
    assert send_daily_report(at_time(day, time(17))) == {"mails": 1}
    with kyoto.connect() as db:
        assert find_report(db, day)
