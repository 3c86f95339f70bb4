"""Accounts at the console, and one's own password."""

import pytest
from sqlalchemy import text

from booking_core.actors import Actor
from booking_core.db import in_transaction
from booking_core.models import Role
from booking_core.settings import change
from tests.conftest import MONDAY_MORNING, House
from tests.desk import PASSWORD, add_staff, signed_in_at
from tests.factories import done
from tests.visitor import Visitor

NEW = "Another-2025"


@pytest.fixture
def admin(house: House) -> Visitor:
    add_staff(house.engine, "chief", Role.CITY_ADMIN)
    return signed_in_at(house, "admin", "chief")


def verbs(house: House, like: str = "account.%") -> list[str]:
    with house.engine.connect() as db:
        return list(
            db.execute(text("SELECT verb FROM audit WHERE verb LIKE :like ORDER BY id"), {"like": like}).scalars()
        )


def try_to_sign_in(house: House, login: str, password: str) -> Visitor:
    visitor = house.visitor().open("/admin/sign-in")
    return visitor.submit({"login": login, "password": password})


def lock(house: House, login: str) -> None:
    for _ in range(5):
        try_to_sign_in(house, login, "wrong")


@pytest.mark.req("3-1-C-xvi-a")
def test_an_account_is_made_listed_and_used(house: House, admin: Visitor) -> None:
    admin.open("/admin/accounts/").submit(
        {"login": "ｏｋａ", "display_name": "岡　花子", "role": "operator", "password": NEW}
    )
    assert admin.status == 200
    assert "利用者を加えました" in admin.text()
    admin.open("/admin/accounts/")
    assert "利用者の一覧 2人" in admin.text()
    assert "oka 岡 花子 オペレーター 利用中" in admin.text()
    assert try_to_sign_in(house, "oka", NEW).heading == "予約の一覧"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"login": "x"}, "3文字から40文字"),
        ({"login": "chief"}, "すでに使われています"),
        ({"display_name": " "}, "お名前を入力"),
        ({"display_name": "あ" * 61}, "60文字まで"),
        ({"role": ""}, "選んでください"),
        ({"role": "emperor"}, "選んでください"),
        ({"password": "short"}, "条件に合いません"),
    ],
)
def test_a_new_account_with_a_fault_is_refused_beside_its_field(
    house: House, admin: Visitor, typed: dict[str, str], says: str
) -> None:
    sound = {"login": "oka", "display_name": "岡", "role": "operator", "password": NEW}
    admin.open("/admin/accounts/").submit(sound | typed)
    assert admin.status in {409, 422}
    assert says in admin.text()
    assert NEW not in admin.page
    with house.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM staff_account")).scalar_one() == 1


@pytest.mark.req("3-1-C-xvi-c(a)")
def test_the_length_the_city_has_set_holds_from_the_next_password_on(house: House, admin: Visitor) -> None:
    by = Actor.clerk(1)
    done(in_transaction(house.engine, lambda db: change(db, "shortest_staff_password", 16, by=by, now=MONDAY_MORNING)))
    admin.open("/admin/accounts/")
    assert "16文字以上" in admin.text()
    form = {"login": "oka", "display_name": "岡", "role": "operator"}
    assert admin.submit(form | {"password": NEW}).status == 422
    assert admin.submit(form | {"password": f"{NEW}-longer"}).status == 200
    oka = try_to_sign_in(house, "oka", f"{NEW}-longer").open("/admin/password")
    oka.submit({"old": f"{NEW}-longer", "password": NEW, "again": NEW})
    assert oka.status == 422


@pytest.mark.req("3-1-C-xvi-d(b)")
def test_a_locked_account_is_shown_and_unlocked(house: House, admin: Visitor) -> None:
    account = add_staff(house.engine, "oka")
    lock(house, "oka")
    assert try_to_sign_in(house, "oka", PASSWORD).status == 429
    assert "ロック中" in admin.open("/admin/accounts/").text()
    admin.open(f"/admin/accounts/{account}").submit(action="/unlock")
    assert "ロックを解除しました" in admin.text()
    assert "/unlock" not in admin.page
    assert try_to_sign_in(house, "oka", PASSWORD).status == 200


def test_an_ended_account_is_out_at_once_and_can_be_begun_again(house: House, admin: Visitor) -> None:
    account = add_staff(house.engine, "oka")
    oka = signed_in_at(house, "admin", "oka")
    admin.open(f"/admin/accounts/{account}").submit(action="/deactivate")
    assert "利用停止" in admin.text()
    assert oka.open("/admin/").status == 302
    assert try_to_sign_in(house, "oka", PASSWORD).status == 422
    admin.submit(action="/reactivate")
    assert try_to_sign_in(house, "oka", PASSWORD).status == 200
    assert verbs(house)[-2:] == ["account.deactivate", "account.reactivate"]


def test_nobody_ends_her_own_account(house: House, admin: Visitor) -> None:
    with house.engine.connect() as db:
        own = db.execute(text("SELECT id FROM staff_account")).scalar_one()
    values = admin.open(f"/admin/accounts/{own}").form("/password")[1]
    assert "/deactivate" not in admin.page
    admin.post(f"/admin/accounts/{own}/deactivate", values)
    assert admin.status == 409
    assert "自分を利用停止にすることはできません" in admin.text()
    assert admin.open("/admin/").status == 200


def test_a_new_password_from_the_administrator_signs_its_owner_out(house: House, admin: Visitor) -> None:
    account = add_staff(house.engine, "oka")
    oka = signed_in_at(house, "admin", "oka")
    assert admin.open(f"/admin/accounts/{account}").submit({"password": "weak"}, action="/password").status == 422
    assert oka.open("/admin/").status == 200
    admin.submit({"password": NEW}, action="/password")
    assert "新しいパスワードにしました" in admin.text()
    assert oka.open("/admin/").status == 302
    assert try_to_sign_in(house, "oka", PASSWORD).status == 422
    assert try_to_sign_in(house, "oka", NEW).status == 200


def test_an_account_that_is_not_there_is_not_found(admin: Visitor) -> None:
    values = admin.open("/admin/accounts/").form("/accounts/")[1]
    assert admin.open("/admin/accounts/987654").status == 404
    for act in ("unlock", "deactivate", "reactivate"):
        assert admin.post(f"/admin/accounts/987654/{act}", values).status == 404
    assert admin.post("/admin/accounts/987654/password", values | {"password": NEW}).status == 404


@pytest.mark.parametrize("role", list(Role))
def test_everybody_changes_her_own_password_and_stays_signed_in_here_alone(house: House, role: Role) -> None:
    add_staff(house.engine, "oka", role)
    elsewhere = signed_in_at(house, "admin", "oka")
    here = signed_in_at(house, "admin", "oka").open("/admin/password")
    here.submit({"old": PASSWORD, "password": NEW, "again": NEW})
    assert "パスワードを変えました" in here.text()
    assert here.open("/admin/password").status == 200
    assert elsewhere.open("/admin/password").status == 302
    assert try_to_sign_in(house, "oka", PASSWORD).status == 422
    assert try_to_sign_in(house, "oka", NEW).status == 200
    assert verbs(house)[-1] == "account.password"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"old": "wrong"}, "今のパスワードがちがいます"),
        ({"again": "Another-2026"}, "同じになっていません"),
        ({"password": "weak", "again": "weak"}, "条件に合いません"),
    ],
)
def test_a_change_with_a_fault_is_refused_and_nothing_changes(
    house: House, admin: Visitor, typed: dict[str, str], says: str
) -> None:
    admin.open("/admin/password").submit({"old": PASSWORD, "password": NEW, "again": NEW} | typed)
    assert admin.status == 422
    assert says in admin.text()
    assert try_to_sign_in(house, "chief", PASSWORD).status == 200


def test_whoever_finds_the_desk_unattended_may_not_guess_the_password(house: House, admin: Visitor) -> None:
    admin.open("/admin/password")
    for _ in range(5):
        admin.submit({"old": "wrong", "password": NEW, "again": NEW})
    assert admin.status == 429
    assert admin.submit({"old": PASSWORD, "password": NEW, "again": NEW}).status == 429
    assert verbs(house, "account.lock") == ["account.lock"]
