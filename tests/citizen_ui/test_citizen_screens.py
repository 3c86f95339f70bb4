from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from booking_core.actors import Actor
from booking_core.cards.importing import import_cards
from booking_core.catalogue import list_venues
from booking_core.content import approve, write_draft
from booking_core.db import in_transaction
from tests.conftest import MONDAY_MORNING, PEPPER, House
from tests.factories import done
from tests.visitor import Visitor


def logged_in(house: House, number: str = "ABC123456", password: str = "sakura-2025") -> Visitor:
    visitor = house.visitor().open("/login")
    return visitor.submit({"number": number, "password": password})


def first_free_time(visitor: Visitor, venue: str = "kita") -> Visitor:
    """Go from the venue's calendar by its first free day and first free time to the confirmation."""
    visitor.open(f"/book/delivery/at/{venue}/")
    day = next(href for words, href in visitor.links().items() if "空きあり" in words)
    visitor.open(day)
    time = next(href for words, href in visitor.links().items() if "空き" in words)
    return visitor.open(time)


def rows(house: House, sql: str) -> list[tuple[object, ...]]:
    with house.engine.connect() as db:
        return [tuple(row) for row in db.execute(text(sql))]


@pytest.mark.req("3-1-0", "3-1-A-iii")
def test_a_citizen_books_with_nothing_but_the_number_and_password_of_her_letter(house: House) -> None:
    card = house.add_citizen()
    visitor = logged_in(house)
    assert visitor.heading == "あなたの予約"
    first_free_time(visitor)
    assert visitor.heading == "予約の内容を確かめる"
    visitor.submit({"phone": "０７５ー１２３ー４５６７"})
    assert visitor.heading == "予約ができました"
    assert "北区役所カード交付コーナー" in visitor.text()
    assert rows(house, "SELECT card_id, state, phone, channel FROM booking") == [
        (card, "booked", "+81751234567", "web")
    ]


def test_free_days_and_times_are_shown_before_log_in(house: House) -> None:
    visitor = house.visitor().open("/")
    words = visitor.text()
    assert words.count("）から ") == 15
    soonest = [href for href in visitor.links().values() if "/slot/" in href]
    assert len(soonest) == 10
    visitor.open(soonest[0])
    assert visitor.response.headers["Location"].startswith("/login?next=/book/delivery/slot/")
    house.add_citizen()
    visitor.follow().submit({"number": "abc-123-456", "password": "sakura-2025"})
    assert visitor.heading == "予約の内容を確かめる"


@pytest.mark.req("1-2-DEL-A")
def test_an_imported_card_can_be_picked_up_at_each_of_the_fifteen_venues(house: House) -> None:
    with house.engine.connect() as db:
        venues = [venue.code for venue in list_venues(db)]
    lines = ["予約番号,パスワード", *(f"KYO{n:06d},himitsu{n:04d}" for n in range(len(venues)))]
    content = "\n".join(lines).encode()
    done(
        in_transaction(
            house.engine,
            lambda db: import_cards(
                db, content, file_name="cards.csv", pepper=PEPPER.encode(), by=Actor.clerk(1), now=MONDAY_MORNING
            ),
        )
    )
    for n, venue in enumerate(venues):
        visitor = first_free_time(logged_in(house, f"KYO{n:06d}", f"himitsu{n:04d}"), venue)
        assert visitor.submit({"phone": "075-123-4567"}).heading == "予約ができました"
    booked_at = rows(
        house, "SELECT v.code FROM booking b JOIN slot s ON s.id = b.slot_id JOIN venue v ON v.id = s.venue_id"
    )
    assert len(venues) == 15
    assert sorted(booked_at) == sorted((venue,) for venue in venues)


@pytest.mark.req("3-1-A-iv")
def test_a_wrong_password_and_an_unknown_number_get_the_same_answer(house: House) -> None:
    house.add_citizen()
    pages = []
    for number, password in (("ABC123456", "wrong"), ("ZZZ999999", "sakura-2025")):
        visitor = logged_in(house, number, password)
        assert visitor.status == 422
        pages.append(visitor.text())
        assert "登録がありません" in visitor.text()
    assert pages[0] == pages[1]
    assert rows(house, "SELECT count(*) FROM booking") == [(0,)]


def test_five_wrong_passwords_lock_the_number_and_an_unknown_one_alike(house: House) -> None:
    house.add_citizen()
    for number in ("ABC123456", "ZZZ999999"):
        for _ in range(5):
            visitor = logged_in(house, number, "wrong")
        assert visitor.status == 429
        assert "しばらく止めています" in visitor.text()
    assert logged_in(house).status == 429


def test_after_the_deadline_she_reads_what_the_city_has_approved_for_it(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({"phone": "075-123-4567"})
    until = rows(house, "SELECT change_until FROM booking")[0][0]
    assert isinstance(until, datetime)
    by, new = Actor.clerk(1), "期限を過ぎました。\n南の窓口へお越しください。"
    version = done(
        in_transaction(house.engine, lambda db: write_draft(db, "after_deadline", new, by=by, now=MONDAY_MORNING))
    )
    house.step_to(until.replace(second=1))
    for page in ("/my/", "/my/cancel"):
        assert "来られなくなったときも、お電話でお知らせください" in visitor.open(page).text()
        assert "南の窓口" not in visitor.text()
    in_transaction(house.engine, lambda db: approve(db, "after_deadline", version, by=by, now=MONDAY_MORNING))
    for page in ("/my/", "/my/cancel"):
        assert "南の窓口へお越しください" in visitor.open(page).text()
        assert "来られなくなったときも" not in visitor.text()


def test_she_moves_and_cancels_by_her_own_hand(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({"phone": "075-123-4567"})
    first_free_time(visitor, "minami")
    assert visitor.heading == "変更の内容を確かめる"
    visitor.submit()
    assert "南区役所カード交付コーナー" in visitor.text()
    visitor.open("/my/cancel").submit()
    assert visitor.heading == "予約を取り消しました"
    assert rows(house, "SELECT verb FROM booking_change ORDER BY id") == [("book",), ("move",), ("cancel",)]
    assert rows(house, "SELECT sum(booked) FROM slot") == [(0,)]


def test_a_move_names_the_booking_that_stands_at_every_step(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({"phone": "075-123-4567"})
    for page in ("/book/delivery/", "/book/delivery/at/minami/"):
        assert "変更が終わるまで、今のご予約はそのままです" in visitor.open(page).text()
    first_free_time(visitor, "minami")
    assert "変更前" in visitor.text()
    assert visitor.submit().heading == "予約を変更しました"
    slot = rows(house, "SELECT slot_id FROM booking")[0][0]
    assert visitor.open(f"/book/delivery/slot/{slot}/").status == 409
    assert "今の予約と同じ日時です" in visitor.text()


def test_after_the_deadline_no_move_is_offered(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({"phone": "075-123-4567"})
    until = rows(house, "SELECT change_until FROM booking")[0][0]
    assert isinstance(until, datetime)
    house.step_to(until.replace(second=1))
    first_free_time(visitor, "minami")
    assert (visitor.status, visitor.response.headers["X-Refusal"]) == (409, "change_deadline_passed")
    assert "予約センターへお電話ください" in visitor.text()


@pytest.mark.parametrize("garbage", ["abc", "", "0", "\0", "9" * 40, None])
def test_a_cancellation_that_names_no_booking_of_hers_cancels_nothing(house: House, garbage: str | None) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({"phone": "075-123-4567"})
    target, values = visitor.open("/my/cancel").form("/my/cancel")
    changed = {name: value for name, value in values.items() if name != "booking_id"}
    visitor.post(target, changed | ({} if garbage is None else {"booking_id": garbage}))
    assert visitor.status == 404
    assert rows(house, "SELECT state FROM booking") == [("booked",)]


def test_a_move_that_names_no_booking_books_nothing(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house))
    target, values = visitor.form()
    visitor.post(target, values | {"phone": "075-123-4567", "moves": "abc"})
    assert (visitor.status, visitor.response.headers["X-Refusal"]) == (404, "no_such_booking")
    assert rows(house, "SELECT count(*) FROM booking") == [(0,)]


def test_an_empty_field_is_named_and_counts_as_no_failure(house: House) -> None:
    house.add_citizen()
    for _ in range(6):
        visitor = house.visitor().open("/login").submit({"number": "ABC123456", "password": " "})
        assert visitor.status == 422
        assert "パスワードを入力してください" in visitor.text()
        assert "登録がありません" not in visitor.text()
    assert logged_in(house).heading == "あなたの予約"


def test_logging_in_again_ends_the_earlier_session(house: House) -> None:
    house.add_citizen()
    house.add_citizen("XYZ987654", "ume-2025")
    visitor = logged_in(house)
    visitor.open("/login").submit({"number": "XYZ987654", "password": "ume-2025"})
    assert rows(house, "SELECT count(*) FROM citizen_session") == [(1,)]


def test_the_page_states_the_last_moment_and_after_it_whom_to_call(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({"phone": "075-123-4567"})
    until = rows(house, "SELECT change_until FROM booking")[0][0]
    assert isinstance(until, datetime)
    house.step_to(until)
    assert "日時や場所を変更する" in visitor.open("/my/").text()
    house.step_to(until.replace(second=1))
    words = visitor.open("/my/").text()
    assert "期限が過ぎました" in words
    assert "075-366-0000" in words
    visitor.open("/my/cancel")
    booking = rows(house, "SELECT id FROM booking")[0][0]
    token = visitor.open("/login").form("/login")[1]["csrf_token"]
    visitor.post("/my/cancel", {"csrf_token": token, "booking_id": str(booking), "command_key": "late"})
    assert visitor.status == 409
    assert rows(house, "SELECT state FROM booking") == [("booked",)]


def test_the_slip_prints_what_to_bring(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({"phone": "075-123-4567"})
    visitor.open("/my/slip")
    assert "ABC-123-456" in visitor.text()
    assert "交付通知書" in visitor.text()


@pytest.mark.req("1-2-APP-A")
def test_services_for_the_telephone_are_explained_on_the_web_not_offered(house: House) -> None:
    for service in ("application", "certificate"):
        visitor = house.visitor().open(f"/book/{service}/")
        assert visitor.status == 403
        assert "お電話" in visitor.text()


@pytest.mark.req("3-1-A-ii")
@pytest.mark.parametrize("moment", ["2025-04-06T18:00:00+00:00", "2025-12-31T15:00:00+00:00"])
def test_the_web_is_open_at_three_in_the_morning_and_on_new_years_day(house: House, moment: str) -> None:
    house.step_to(datetime.fromisoformat(moment))
    house.add_citizen()
    assert house.visitor().open("/").status == 200
    assert logged_in(house).heading == "あなたの予約"


def test_a_replayed_form_gives_the_same_answer_and_one_booking(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house))
    target, values = visitor.form()
    answers = [visitor.post(target, values | {"phone": "075-123-4567"}).response for _ in range(5)]
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert rows(house, "SELECT count(*) FROM booking") == [(1,)]


def test_a_form_without_its_token_changes_nothing(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house))
    target, values = visitor.form()
    visitor.post(target, values | {"phone": "075-123-4567", "csrf_token": "forged"})
    assert visitor.status == 400
    assert rows(house, "SELECT count(*) FROM booking") == [(0,)]


def test_an_expired_session_keeps_the_chosen_time(house: House) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house))
    target, values = visitor.form()
    with house.engine.begin() as db:
        db.execute(text("UPDATE citizen_session SET seen_at = seen_at - interval '31 minutes'"))
    visitor.post(target, values | {"phone": "075-123-4567"})
    assert visitor.status == 401
    assert "期限が切れました" in visitor.text()
    visitor.submit({"number": "ABC123456", "password": "sakura-2025"})
    assert visitor.heading == "予約の内容を確かめる"
    assert rows(house, "SELECT count(*) FROM booking") == [(0,)]


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("phone", "", "連絡先の電話番号を入力してください"),
        ("phone", "110", "電話番号を確かめてください"),
        ("phone", "x" * 5000, "電話番号を確かめてください"),
        ("phone", "１２３４５６７８９０１８", "マイナンバーは入力しないでください"),
    ],
)
def test_a_bad_contact_is_refused_with_a_reason_beside_the_field(
    house: House, field: str, typed: str, says: str
) -> None:
    house.add_citizen()
    visitor = first_free_time(logged_in(house)).submit({field: typed})
    assert visitor.status == 422
    assert says in visitor.text()
    assert rows(house, "SELECT count(*) FROM booking") == [(0,)]


@pytest.mark.parametrize(
    "url",
    [
        "/book/delivery/at/nowhere/",
        "/book/delivery/at/kita/2025-02-30/",
        "/book/delivery/at/kita/%E3%81%82/",
        "/book/nothing/",
        "/book/delivery/slot/99999999999999999999999/",
        "/my/nothing",
    ],
)
def test_a_hand_typed_address_gets_a_page_that_says_what_to_do(house: House, url: str) -> None:
    house.add_citizen()
    visitor = logged_in(house).open(url)
    assert visitor.status == 404
    assert "最初の画面" in visitor.text()


def test_a_visitor_after_log_out_sees_no_booking(house: House) -> None:
    house.add_citizen()
    visitor = logged_in(house)
    token = visitor.open("/login").form("/login")[1]["csrf_token"]
    visitor.post("/logout", {"csrf_token": token})
    assert visitor.open("/my/").status == 302
    assert rows(house, "SELECT count(*) FROM citizen_session") == [(0,)]


def test_a_day_that_is_past_its_deadline_offers_no_time(house: House) -> None:
    house.step_to(datetime(2025, 5, 1, 8, 0, 1, tzinfo=UTC))
    visitor = house.visitor().open("/book/delivery/at/center-1f/2025-05-11/")
    assert "この日は予約できません" in visitor.text()
    house.step_to(datetime(2025, 5, 1, 8, 0, 0, tzinfo=UTC))
    assert "時間を選んでください" in house.visitor().open("/book/delivery/at/center-1f/2025-05-11/").text()
