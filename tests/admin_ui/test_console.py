"""The console: list, search, one booking, imports and alarms, by whoever holds the permission."""

import io
from collections.abc import Callable, Mapping
from datetime import date, time
from functools import partial

import pytest
from sqlalchemy import text

from booking_core.actors import Actor
from booking_core.alarms import raise_alarm
from booking_core.booking import Wish, book
from booking_core.contact import Contact
from booking_core.db import in_transaction
from booking_core.models import Role
from tests.conftest import MONDAY_MORNING, House
from tests.desk import PASSWORD, add_staff
from tests.factories import booked, done, service_id, slot_at
from tests.visitor import Visitor

VISIT = date(2025, 4, 21)
Enter = Callable[..., Visitor]


@pytest.fixture
def enter(house: House) -> Enter:
    """Sign somebody of a role in at the console, by default a clerk."""

    def sign_in(role: Role = Role.CITY_CLERK) -> Visitor:
        add_staff(house.engine, role.value, role)
        visitor = house.visitor().open("/admin/sign-in")
        return visitor.submit({"login": role.value, "password": PASSWORD})

    return sign_in


def book_one(house: House, number: str = "ABC123456", *, at: time = time(9), venue: str = "kita") -> int:
    card = house.add_citizen(number)
    slot = slot_at(house.engine, VISIT, at, venue=venue)
    return booked(house.engine, card, slot, now=MONDAY_MORNING, key=number).id


def one(house: House, sql: str) -> object:
    with house.engine.connect() as db:
        return db.execute(text(sql)).scalar_one()


def upload(visitor: Visitor, content: bytes, *, values: Mapping[str, str]) -> Visitor:
    data = {**values, "file": (io.BytesIO(content), "cards.csv")}
    answer = visitor.client.post("/admin/cards/import", data=data, content_type="multipart/form-data")
    answer.request.environ["wsgi.input"].close()  # the test client keeps what it sends in a file, and forgets it
    return visitor._show(answer)


@pytest.mark.req("3-1-B-v-0")
def test_a_stranger_is_asked_to_sign_in_and_a_wrong_role_is_refused(house: House, enter: Enter) -> None:
    stranger = house.visitor().open("/admin/")
    assert stranger.response.headers["Location"].startswith("/admin/sign-in?next=")
    operator = enter(Role.OPERATOR)
    assert operator.heading == "予約の一覧"
    assert operator.open("/admin/cards/import").status == 403


def test_an_auditor_is_sent_to_the_first_page_she_may_open(enter: Enter) -> None:
    auditor = enter(Role.AUDITOR)
    assert auditor.status == 200
    assert auditor.url == "/admin/reports/"
    assert auditor.open("/admin/").follow().url == "/admin/reports/"
    assert auditor.open("/admin/find").status == 403


def test_a_list_shows_today_and_later_until_it_is_narrowed(house: House, enter: Enter) -> None:
    book_one(house, "ABC000001")
    book_one(house, "ABC000002", at=time(10), venue="minami")
    clerk = enter()
    assert "予約 2件" in clerk.text()
    clerk.open("/admin/?venue=kita")
    assert "予約 1件" in clerk.text()
    assert "ABC-000-001" in clerk.text()
    clerk.open("/admin/?day_from=2025-04-22")
    assert "当てはまる予約はありません" in clerk.text()
    clerk.open("/admin/?state=cancelled&service=delivery&channel=web&day_to=2025-04-21")
    assert "当てはまる予約はありません" in clerk.text()


@pytest.mark.req("3-1-B-vi")
def test_a_list_is_sorted_by_time_place_and_when_it_was_booked(house: House, enter: Enter) -> None:
    book_one(house, "ABC000001", at=time(11))
    book_one(house, "ABC000002", at=time(9), venue="minami")
    clerk = enter()
    for sort, first in (("start", "ABC-000-002"), ("-start", "ABC-000-001"), ("venue", "ABC-000-001")):
        words = clerk.open(f"/admin/?sort={sort}").text()
        other = {"ABC-000-001", "ABC-000-002"} - {first}
        assert words.index(first) < words.index(other.pop())


def test_a_list_of_many_is_turned_page_by_page_and_keeps_its_filter(house: House, enter: Enter) -> None:
    slot = slot_at(house.engine, VISIT, time(9), capacity=60)
    for n in range(51):
        booked(house.engine, house.add_citizen(f"ABC{n:06d}"), slot, now=MONDAY_MORNING, key=f"k{n}")
    clerk = enter()
    clerk.open("/admin/?venue=kita&sort=created")
    assert "予約 51件" in clerk.text()
    clerk.open(clerk.links()["次のページ"])
    assert "ABC-000-050" in clerk.text()
    assert "ABC-000-049" not in clerk.text()
    assert "venue=kita" in clerk.links()["前のページ"]


@pytest.mark.parametrize(
    "address", ["?day_from=never", "?venue=nowhere", "?state=booked%27--", "?sort=;drop", "?service=%00"]
)
def test_a_filter_that_cannot_be_read_is_named_beside_its_field(house: House, enter: Enter, address: str) -> None:
    book_one(house)
    clerk = enter().open(f"/admin/{address}")
    assert clerk.status == 422
    assert "選" in clerk.text()


@pytest.mark.parametrize("page", ["0", "-3", "99999999999999999999", "x"])
def test_a_page_out_of_range_is_the_nearest_there_is(house: House, enter: Enter, page: str) -> None:
    book_one(house)
    clerk = enter().open(f"/admin/?page={page}")
    assert clerk.status == 200
    assert "予約 1件" in clerk.text()


def book_on_the_web(house: House) -> str:
    """Let a citizen log in and take the first free time of Kita; return the reference of her booking."""
    house.add_citizen()
    citizen = house.visitor().open("/login")
    citizen.submit({"number": "ABC123456", "password": "sakura-2025"}).open("/book/delivery/at/kita/")
    citizen.open(next(href for words, href in citizen.links().items() if "空きあり" in words))
    citizen.open(next(href for words, href in citizen.links().items() if "空き" in words))
    citizen.submit({"phone": "075-123-4567"})
    return str(one(house, "SELECT reference FROM booking"))


@pytest.mark.req("3-1-B-xi")
def test_a_booking_made_on_the_web_is_found_in_the_next_request_of_an_operator(house: House, enter: Enter) -> None:
    operator = enter(Role.OPERATOR).open("/admin/find")
    target, values = operator.form("/find")
    reference = book_on_the_web(house)
    for query in ("abc-123-456", "ＡＢＣ１２３４５６", reference, "075-123-4567", "てすと"):
        operator.post(target, values | {"query": query})
        assert operator.status == 200
        assert "見つかった予約 1件" in operator.text(), query
        assert reference in operator.links()


def test_what_was_searched_for_stands_in_no_address_and_no_log_line(
    enter: Enter, capsys: pytest.CaptureFixture[str]
) -> None:
    clerk = enter()
    capsys.readouterr()
    clerk.open("/admin/find").submit({"query": "090-1234-5678"})
    assert clerk.url == "/admin/find"
    logged = capsys.readouterr().out
    assert '"rule": "/admin/find"' in logged
    assert "1234" not in logged


def test_a_search_for_nothing_says_what_to_type(enter: Enter) -> None:
    clerk = enter().open("/admin/find").submit({"query": "　 "})
    assert clerk.status == 422
    assert "入力してください" in clerk.text()


def test_a_booking_shows_its_facts_and_who_did_what(house: House, enter: Enter) -> None:
    booking = book_one(house)
    clerk = enter()
    clerk.open(f"/admin/bookings/{booking}/cancel").submit()
    words = clerk.text()
    assert clerk.url == f"/admin/bookings/{booking}"
    for said in (
        "取消",
        "北区役所カード交付コーナー",
        "ABC-123-456",
        "075-123-4567",
        "本人",
        "ホームページ",
        "市職員（担当 city_clerk）",
        "窓口",
    ):
        assert said in words
    assert one(house, "SELECT sum(booked) FROM slot") == 0


def test_a_clerk_records_a_visit_on_its_day_and_corrects_it(house: House, enter: Enter) -> None:
    booking = book_one(house)
    clerk = enter().open(f"/admin/bookings/{booking}")
    assert "来庁の結果" not in clerk.text()
    house.step_to(MONDAY_MORNING.replace(day=21))
    clerk.open(f"/admin/bookings/{booking}").submit({"outcome": "no_show"}, action="/outcome")
    assert one(house, "SELECT state FROM booking") == "no_show"
    clerk.submit({"outcome": "handed_over"}, action="/outcome")
    assert "交付済み" in clerk.text()
    assert one(house, "SELECT state FROM card") == "handed_over"


@pytest.mark.req("1-2-CERT-C")
def test_a_certificate_visit_stands_in_the_list_of_its_day_and_ends_as_visited_or_missed(
    house: House, enter: Enter
) -> None:
    service = service_id(house.engine, "certificate")
    slot = slot_at(house.engine, VISIT, time(9), service="certificate", capacity=2)
    for key, name in (("a", "都 花子"), ("b", "都 太郎")):
        wish = Wish(slot, service, Contact("+81751234567", name), purpose="renew")
        by = Actor.operator(1)
        done(in_transaction(house.engine, partial(book, wish=wish, by=by, key=key, now=MONDAY_MORNING)))
    house.step_to(MONDAY_MORNING.replace(day=21))
    clerk = enter().open(f"/admin/?day_from={VISIT}&day_to={VISIT}&service=certificate")
    assert clerk.text().count("都 ") == 2
    for booking, outcome in ((1, "visited"), (2, "no_show")):
        clerk.open(f"/admin/bookings/{booking}").submit({"outcome": outcome}, action="/outcome")
        assert one(house, f"SELECT state FROM booking WHERE id = {booking}") == outcome  # noqa: S608 - a number
        assert "交付済み" not in clerk.text()


def test_an_outcome_nobody_offered_is_refused(house: House, enter: Enter) -> None:
    booking = book_one(house)
    house.step_to(MONDAY_MORNING.replace(day=21))
    clerk = enter()
    for outcome in ("", "cancelled", "booked", "not_recorded"):
        clerk.open(f"/admin/bookings/{booking}").submit({"outcome": outcome}, action="/outcome")
        assert clerk.status == 422
        assert "選んでください" in clerk.text()
    assert one(house, "SELECT state FROM booking") == "booked"


def test_an_operator_sees_a_booking_and_neither_cancels_nor_settles_it_here(house: House, enter: Enter) -> None:
    booking = book_one(house)
    house.step_to(MONDAY_MORNING.replace(day=20))
    operator = enter(Role.OPERATOR).open(f"/admin/bookings/{booking}")
    assert "この予約にできる操作はありません" in operator.text()
    values = operator.open("/admin/find").form("/find")[1]
    for act in ("outcome", "cancel"):
        assert operator.post(f"/admin/bookings/{booking}/{act}", values | {"outcome": "no_show"}).status == 403
    assert one(house, "SELECT state FROM booking") == "booked"


@pytest.mark.parametrize(
    "address", ["/admin/bookings/999", "/admin/bookings/99999999999999999999", "/admin/bookings/x", "/admin/nothing"]
)
def test_an_address_that_leads_nowhere_says_so(enter: Enter, address: str) -> None:
    assert enter().open(address).status == 404


CARDS = "予約番号,パスワード,氏名カナ\nNEW000001,secret-1,テスト カナ\n,secret-2,テスト\n".encode()


def test_a_file_is_tried_out_and_then_taken_in(house: House, enter: Enter) -> None:
    clerk = enter().open("/admin/cards/import")
    values = clerk.form("/import")[1]
    upload(clerk, CARDS, values=values | {"action": "try"})
    assert "まだ取り込んでいません" in clerk.text()
    assert "予約番号がありません" in clerk.text()
    assert one(house, "SELECT count(*) FROM card") == 0
    values = clerk.form("/import")[1]
    upload(clerk, CARDS, values=values | {"action": "import"})
    assert "取り込みました" in clerk.text()
    assert one(house, "SELECT number FROM card") == "NEW000001"
    assert "secret" not in clerk.page


def test_only_the_file_that_was_tried_out_is_taken_in(house: House, enter: Enter) -> None:
    clerk = enter().open("/admin/cards/import")
    upload(clerk, CARDS, values=clerk.form("/import")[1] | {"action": "import"})
    assert clerk.status == 409
    upload(clerk, CARDS, values=clerk.form("/import")[1] | {"action": "try"})
    upload(clerk, CARDS + b"X,12345678,\n", values=clerk.form("/import")[1] | {"action": "import"})
    assert clerk.status == 409
    assert "確かめたファイルと内容がちがいます" in clerk.text()
    assert one(house, "SELECT count(*) FROM card") == 0


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 422, "ファイルを選んでください"),
        ("予約番号,パスワード,個人番号\n".encode(), 422, "マイナンバー"),
        ("予約番号,パスワード\n".encode("cp932"), 422, "UTF-8"),
        (b"PK\x03\x04", 422, "表計算ソフト"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_with_its_reason(
    house: House, enter: Enter, content: bytes, status: int, says: str
) -> None:
    clerk = enter().open("/admin/cards/import")
    upload(clerk, content, values=clerk.form("/import")[1] | {"action": "try"})
    assert (clerk.status, says in clerk.text()) == (status, True)
    assert one(house, "SELECT count(*) FROM import_batch") == 0


def test_a_large_file_is_taken_here_and_nowhere_else(enter: Enter) -> None:
    clerk = enter().open("/admin/cards/import")
    values = clerk.form("/import")[1]
    lines = "".join(f"BIG{n:07d},secret-{n},\n" for n in range(10_000))
    upload(clerk, f"予約番号,パスワード,氏名カナ\n{lines}".encode(), values=values | {"action": "try"})
    assert "10000" in clerk.text().replace(",", "")
    assert clerk.status == 200
    upload(clerk, b"x" * (8 * 1024 * 1024), values=values | {"action": "try"})
    assert clerk.status == 413
    clerk.post("/admin/find", {"csrf_token": values["csrf_token"], "query": "x" * 70_000})
    assert clerk.status == 413


def test_an_alarm_is_seen_and_closed_by_those_who_may(house: House, enter: Enter) -> None:
    with house.engine.begin() as db:
        raise_alarm(db, "recount", "予約枠の数と予約が1件合いません。枠の番号：7", now=MONDAY_MORNING)
    clerk = enter().open("/admin/alarms")
    assert "枠の番号：7" in clerk.text()
    assert "対応済みにする" not in clerk.text()
    chief = enter(Role.SUPERVISOR).open("/admin/alarms")
    chief.submit(action="/close")
    assert "警告はありません" in chief.text()
    assert one(house, "SELECT count(*) FROM audit WHERE verb = 'alarm.close'") == 1


def test_the_menu_offers_what_its_reader_may_open(enter: Enter) -> None:
    shown = {role: enter(role).page for role in (Role.CITY_CLERK, Role.OPERATOR)}
    assert 'href="/admin/cards/import"' in shown[Role.CITY_CLERK]
    assert 'href="/admin/cards/import"' not in shown[Role.OPERATOR]
    assert 'href="/admin/alarms"' not in shown[Role.OPERATOR]
    assert all('href="/admin/find"' in page for page in shown.values())


def test_who_signs_out_sees_nothing_any_more(enter: Enter) -> None:
    clerk = enter()
    token = clerk.open("/admin/find").form("/find")[1]["csrf_token"]
    clerk.post("/admin/sign-out", {"csrf_token": token})
    assert clerk.open("/admin/").status == 302
