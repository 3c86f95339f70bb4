"""Every change made at the console leaves one entry in the operation log, which the auditor reads on screen."""

from collections.abc import Callable
from datetime import date, time

import pytest
from sqlalchemy import text

from booking_core.alarms import raise_alarm
from booking_core.models import Role
from tests.conftest import MONDAY_MORNING, House
from tests.desk import PASSWORD, add_staff, signed_in_at
from tests.factories import booked, slot_at
from tests.visitor import Visitor

NEW = "Another-2025"


@pytest.fixture
def auditor(house: House) -> Visitor:
    add_staff(house.engine, "audit", Role.AUDITOR)
    return signed_in_at(house, "admin", "audit")


def entries(house: House) -> list[str]:
    with house.engine.connect() as db:
        return list(db.execute(text("SELECT verb FROM audit ORDER BY id")).scalars())


def book(house: House) -> int:
    slot = slot_at(house.engine, date(2025, 4, 21), time(9))
    return booked(house.engine, house.add_citizen(), slot, now=MONDAY_MORNING).id


def settle(house: House, chief: Visitor) -> None:
    house.step_to(MONDAY_MORNING.replace(day=21))
    chief.open("/admin/bookings/1").submit({"outcome": "visited"}, action="/outcome")


def approve(_house: House, chief: Visitor) -> None:
    chief.open("/admin/texts/top.notice").submit({"body": "一"}).submit(action="/approve")


def unlock(house: House, chief: Visitor) -> None:
    for _ in range(5):
        house.visitor().open("/admin/sign-in").submit({"login": "oka", "password": "wrong"})
    chief.open("/admin/accounts/2").submit(action="/unlock")


def begin_again(_house: House, chief: Visitor) -> None:
    chief.open("/admin/accounts/2").submit(action="/deactivate").submit(action="/reactivate")


Act = Callable[[House, Visitor], object]
ACTS: dict[str, tuple[Act, list[str]]] = {
    "来庁結果の記録": (settle, ["settle"]),
    "予約の取消": (lambda _, chief: chief.open("/admin/bookings/1/cancel").submit(), ["cancel"]),
    "警告への対応": (lambda _, chief: chief.open("/admin/alarms").submit(action="/close"), ["alarm.close"]),
    "文面の下書き": (
        lambda _, chief: chief.open("/admin/texts/top.notice").submit({"body": "一"}),
        ["content.write"],
    ),
    "文面の承認": (approve, ["content.write", "content.approve"]),
    "設定の変更": (
        lambda _, chief: chief.open("/admin/settings/service_name").submit({"value": "予約"}),
        ["settings.change"],
    ),
    "利用者の追加": (
        lambda _, chief: chief.open("/admin/accounts/").submit(
            {"login": "new", "display_name": "新", "role": "operator", "password": NEW}
        ),
        ["account.create"],
    ),
    "利用者のロックの解除": (unlock, ["account.lock", "account.unlock"]),
    "利用停止": (
        lambda _, chief: chief.open("/admin/accounts/2").submit(action="/deactivate"),
        ["account.deactivate"],
    ),
    "利用の再開": (begin_again, ["account.deactivate", "account.reactivate"]),
    "パスワードの変更": (
        lambda _, chief: chief.open("/admin/password").submit({"old": PASSWORD, "password": NEW, "again": NEW}),
        ["account.password"],
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_each_act_at_the_console_leaves_one_entry_that_names_its_author(house: House, name: str) -> None:
    for login, role in (("chief", Role.CITY_ADMIN), ("oka", Role.OPERATOR), ("audit", Role.AUDITOR)):
        add_staff(house.engine, login, role)
    book(house)
    with house.engine.begin() as db:
        raise_alarm(db, "recount", "予約枠の数が合いません。", now=MONDAY_MORNING)
    chief, auditor = signed_in_at(house, "admin", "chief"), signed_in_at(house, "admin", "audit")
    act, left = ACTS[name]
    before = entries(house)
    act(house, chief)
    assert chief.status == 200
    assert entries(house)[len(before) :] == left
    words = auditor.open("/admin/audit/?account=1").text()
    newest = words.partition("接続元 ")[2]
    assert f"市職員 担当 chief（chief） {name} " in newest
    assert newest.index(name) < newest.index("ログイン")
    assert "127.0.0.1" in newest


def test_a_change_is_shown_with_what_was_there_before(house: House, auditor: Visitor) -> None:
    add_staff(house.engine, "chief", Role.CITY_ADMIN)
    chief = signed_in_at(house, "admin", "chief")
    chief.open("/admin/settings/reopening_delay_minutes").submit({"value": "15"})
    assert "setting:reopening_delay_minutes 前：0、後：15" in auditor.open("/admin/audit/").text()


def test_the_log_holds_no_personal_value(house: House, auditor: Visitor) -> None:
    book(house)
    words = auditor.open("/admin/audit/").text()
    assert "予約 booking:1" in words
    with house.engine.connect() as db:
        apart = db.execute(text("SELECT string_agg(content, '') FROM audit_personal WHERE content LIKE '%+81%'"))
        assert "+81751234567" in str(apart.scalar_one())
    for value in ("751234567", "075-123-4567", "ABC123456", "ABC-123-456"):
        assert value not in auditor.page


def test_a_filter_narrows_the_log_and_stays_while_pages_are_turned(house: House, auditor: Visitor) -> None:
    many = """
        INSERT INTO audit (at, actor_kind, channel, identified_by, verb, target, detail)
        SELECT CAST(:now AS timestamptz), 'citizen', 'web', 'not_needed', 'book', 'booking:' || n, '{}'
        FROM generate_series(1, 150) n"""
    with house.engine.begin() as db:
        db.execute(text(many), {"now": MONDAY_MORNING})
    auditor.open("/admin/audit/?verb=book&actor_kind=citizen&day_from=2025-04-07&day_to=2025-04-07")
    assert "booking:150 " in auditor.text()
    assert "booking:50 " not in auditor.text()
    assert "ログイン" not in auditor.text().partition("新しい順")[2]
    auditor.open(auditor.links()["これより古い記録を見る"])
    assert "booking:50 " in auditor.text()
    assert "booking:51 " not in auditor.text()
    auditor.open(auditor.links()["新しい記録へ戻る"])
    assert "booking:150 " in auditor.text()
    assert "当てはまる記録はありません" in auditor.open("/admin/audit/?target=booking:151").text()
    assert "booking:7 " in auditor.open("/admin/audit/?target=booking:7").text()


@pytest.mark.parametrize(
    "address",
    ["?day_from=never", "?verb=%27--", "?actor_kind=king", "?account=x", "?target=%00", "?target=" + "x" * 101],
)
def test_a_filter_that_cannot_be_read_is_named(auditor: Visitor, address: str) -> None:
    auditor.open(f"/admin/audit/{address}")
    assert auditor.status == 422
    assert "ください" in auditor.text()


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 30, "9" * 19])
def test_a_page_that_is_not_there_meets_no_error(auditor: Visitor, before: str) -> None:
    assert auditor.open(f"/admin/audit/?before={before}").status == 200


def test_only_those_who_may_read_it_do(house: House) -> None:
    add_staff(house.engine, "clerk", Role.CITY_CLERK)
    clerk = signed_in_at(house, "admin", "clerk")
    assert clerk.open("/admin/audit/").status == 403
