"""Texts are written, looked at and approved at the console, and only then read by citizens and operators."""

import pytest
from sqlalchemy import text

from booking_core.content import FIRST_WORDING, NAMES
from booking_core.models import Role
from tests.conftest import House
from tests.desk import add_staff, signed_in_at
from tests.visitor import Visitor

EVIL = "5月3日はお休みです。<script>alert(1)</script>\n<b>5月4日</b>は開いています。"


@pytest.fixture
def admin(house: House) -> Visitor:
    add_staff(house.engine, "chief", Role.CITY_ADMIN)
    return signed_in_at(house, "admin", "chief")


@pytest.fixture
def clerk(house: House) -> Visitor:
    add_staff(house.engine, "clerk", Role.CITY_CLERK)
    return signed_in_at(house, "admin", "clerk")


def test_every_text_has_a_name_and_a_page(admin: Visitor) -> None:
    assert set(NAMES) == set(FIRST_WORDING)
    links = admin.open("/admin/texts/").links()
    for name, _ in NAMES.values():
        assert admin.open(links[name]).heading == name


@pytest.mark.req("3-1-B-v-4")
def test_an_approved_text_is_on_the_citizens_page_and_a_script_in_it_is_mere_text(house: House, admin: Visitor) -> None:
    admin.open("/admin/texts/top.notice").submit({"body": EVIL})
    assert "alert(1)" in admin.text()
    assert "<script>alert" not in admin.page
    citizen = house.visitor().open("/")
    assert "お休みです" not in citizen.text()
    admin.submit(action="/approve")
    assert "承認しました" in admin.text()
    citizen.open("/")
    assert "5月3日はお休みです。<script>alert(1)</script>" in citizen.text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in citizen.page
    assert "<script>alert" not in citizen.page
    assert "<b>5月4日" not in citizen.page


def test_a_clerk_writes_and_does_not_approve(admin: Visitor, clerk: Visitor) -> None:
    clerk.open("/admin/texts/delivery.bring").submit({"body": "はがき\n本人を確かめる書類"})
    assert "承認待ち" in clerk.text()
    assert "/approve" not in clerk.page
    values = clerk.open("/admin/texts/delivery.bring").form("/texts/")[1]
    assert clerk.post("/admin/texts/delivery.bring/1/approve", values).status == 403
    admin.open("/admin/texts/")
    admin.open(admin.links()["第1版を見る（当日お持ちいただくもの）"]).submit(action="/approve")
    assert "表示中" in admin.text()
    assert "承認待ち" not in clerk.open("/admin/texts/delivery.bring").text()


def test_the_versions_of_a_text_say_what_became_of_them(admin: Visitor) -> None:
    for body in ("一", "二", "三"):
        admin.open("/admin/texts/top.notice").submit({"body": body})
    admin.open("/admin/texts/top.notice/2").submit(action="/approve")
    words = admin.open("/admin/texts/top.notice").text()
    assert words.index("承認待ち") < words.index("表示中") < words.index("使わなかった下書き")
    admin.open("/admin/texts/top.notice/3").submit(action="/approve")
    assert "以前に表示" in admin.open("/admin/texts/top.notice").text()
    values = admin.form("/texts/")[1]
    for version in ("1", "2", "3", "99"):
        admin.post(f"/admin/texts/top.notice/{version}/approve", values)
        assert admin.status == (404 if version == "99" else 409)


@pytest.mark.parametrize(
    ("key", "body", "says"),
    [("delivery.bring", " \n ", "空にできません"), ("top.notice", "あ" * 4_001, "4000文字まで")],
)
def test_a_text_with_a_fault_is_refused_and_not_lost(
    house: House, admin: Visitor, key: str, body: str, says: str
) -> None:
    admin.open(f"/admin/texts/{key}").submit({"body": body})
    assert admin.status == 422
    assert says in admin.text()
    assert body.strip() in admin.page
    with house.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM content_text")).scalar_one() == 0


def test_a_text_or_version_nobody_knows_is_not_found(admin: Visitor) -> None:
    values = admin.open("/admin/texts/top.notice").form("/texts/")[1]
    for path in ("/admin/texts/footer", "/admin/texts/top.notice/7"):
        assert admin.open(path).status == 404
    assert admin.post("/admin/texts/footer", values | {"body": "x"}).status == 404
    assert admin.post("/admin/texts/footer/1/approve", values).status == 404
