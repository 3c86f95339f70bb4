"""What the city sets itself is changed at the console and seen at every door from the next page on."""

from datetime import date, time

import pytest
from sqlalchemy import text

from admin_ui.settings import ABOUT
from booking_core.models import Role
from booking_core.settings import NAMES
from tests.conftest import MONDAY_MORNING, House
from tests.desk import add_staff, signed_in_at
from tests.factories import booked, slot_at
from tests.visitor import Visitor


@pytest.fixture
def admin(house: House) -> Visitor:
    add_staff(house.engine, "chief", Role.CITY_ADMIN)
    return signed_in_at(house, "admin", "chief")


def put(admin: Visitor, key: str, value: str) -> Visitor:
    return admin.open(f"/admin/settings/{key}").submit({"value": value})


def kept(house: House) -> dict[str, object]:
    with house.engine.connect() as db:
        return {row.key: row.value for row in db.execute(text("SELECT key, value FROM setting"))}


def test_every_setting_has_a_name_and_a_page(admin: Visitor) -> None:
    assert set(ABOUT) == NAMES
    links = admin.open("/admin/settings/").links()
    for about in ABOUT.values():
        assert admin.open(links[about.name]).heading == about.name


def test_a_new_name_and_telephone_number_are_on_every_page_from_the_next_request_on(
    house: House, admin: Visitor
) -> None:
    booked(house.engine, house.add_citizen(), slot_at(house.engine, date(2025, 4, 21), time(9)), now=MONDAY_MORNING)
    citizen = house.visitor().open("/login").submit({"number": "ABC123456", "password": "sakura-2025"})
    pages = ("/", "/login", "/my/", "/my/slip", "/my/cancel", "/book/delivery/", "/book/delivery/at/kita/", "/nowhere")
    for page in pages:
        assert "075-366-0000" in citizen.open(page).page, page
    put(admin, "call_centre_phone", "０７５ー１２３ー４５６７")
    put(admin, "service_name", "窓口の予約（新）")
    for page in pages:
        citizen.open(page)
        assert "075-123-4567" in citizen.page, page
        assert "tel:+81751234567" in citizen.page, page
        assert "075-366-0000" not in citizen.page, page
        assert "｜窓口の予約（新）</title>" in citizen.page, page
        assert "マイナンバーカード予約（京都市）" not in citizen.page, page
    house.step_to(MONDAY_MORNING.replace(day=20))
    assert "電話：075-123-4567" in citizen.open("/my/").text()
    for door in ("desk", "board", "admin"):
        assert "075-123-4567" in house.visitor().open(f"/{door}/sign-in").page


@pytest.mark.parametrize(
    ("key", "value", "stored", "shown"),
    [
        ("reopening_delay_minutes", "１５", 15, "15分"),
        ("shortest_staff_password", "12", 12, "12文字"),
        ("line_closes", "16:30", "16:30", "16:30"),
        ("wrap_up_seconds", "90", 90, "90秒"),
        ("caller_items", "予約の電話番号\nお名前（カナ）", ["kana", "phone"], "お名前（カナ）、予約の電話番号"),
        ("report_recipients", " a@example.jp \n\nb@example.jp", ["a@example.jp", "b@example.jp"], "a@example.jp、b@"),
    ],
)
def test_a_change_is_kept_and_shown_with_who_made_it(  # noqa: PLR0917 - the cases are named by pytest
    house: House, admin: Visitor, key: str, value: str, stored: object, shown: str
) -> None:
    put(admin, key, value)
    assert admin.status == 200
    assert f"「{ABOUT[key].name}」を変えました" in admin.text()
    assert f"{ABOUT[key].name} {shown}" in admin.text()
    assert "担当 chief 2025年4月7日（月）午前9時30分" in admin.text()
    assert kept(house) == {key: stored}


def test_nobody_stands_beside_what_was_never_changed(admin: Visitor) -> None:
    words = admin.open("/admin/settings/").text()
    assert words.count("最初の値のまま") == len(NAMES)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reopening_delay_minutes", "1441"),
        ("reopening_delay_minutes", "-1"),
        ("reopening_delay_minutes", "9" * 5_000),
        ("reopening_delay_minutes", "soon"),
        ("shortest_staff_password", "7"),
        ("service_name", "　"),
        ("call_centre_phone", "110"),
        ("report_recipients", "nobody"),
        ("line_opens", "17:00"),
        ("line_closes", "5 o'clock"),
        ("caller_items", "生年月日"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_what_is_allowed(
    house: House, admin: Visitor, key: str, value: str
) -> None:
    put(admin, key, value)
    assert admin.status == 422
    assert ABOUT[key].bounds in admin.text()
    assert kept(house) == {}


def test_a_setting_nobody_knows_is_not_found(admin: Visitor) -> None:
    values = admin.open("/admin/settings/service_name").form("/settings/")[1]
    assert admin.open("/admin/settings/colour").status == 404
    assert admin.post("/admin/settings/colour", values).status == 404
