import pytest

from booking_core.actors import ActorKind, Channel
from booking_core.models import Role
from booking_core.staff.roles import PERMISSIONS, Permission, may, staff_actor


def test_every_role_has_its_row_and_every_permission_somebody() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert frozenset().union(*PERMISSIONS.values()) == set(Permission)


@pytest.mark.req("3-1-C-xvi-b")
@pytest.mark.parametrize(
    ("role", "held", "not_held"),
    [
        (Role.OPERATOR, Permission.CALLS_TAKE, Permission.CARDS_IMPORT),
        (Role.OPERATOR, Permission.LOCKS_LIFT, Permission.SEATS_CHANGE),
        (Role.SUPERVISOR, Permission.SEATS_CHANGE, Permission.SETTINGS_CHANGE),
        (Role.CITY_CLERK, Permission.CARDS_IMPORT, Permission.CALLS_TAKE),
        (Role.CITY_CLERK, Permission.VISITS_SETTLE, Permission.ACCOUNTS_MANAGE),
        (Role.CITY_ADMIN, Permission.ACCOUNTS_MANAGE, Permission.CALLS_TAKE),
        (Role.AUDITOR, Permission.AUDIT_READ, Permission.BOOKINGS_READ),
    ],
)
def test_functions_follow_the_role(role: Role, held: Permission, not_held: Permission) -> None:
    assert may(role, held)
    assert not may(role, not_held)


@pytest.mark.parametrize("role", ["", "admin", "CITY_ADMIN", "operator "])
def test_a_role_nobody_knows_may_nothing(role: str) -> None:
    assert not any(may(role, permission) for permission in Permission)


def test_an_auditor_changes_nothing_but_her_own_password() -> None:
    changing = {held for held in PERMISSIONS[Role.AUDITOR] if held.rpartition(".")[2] not in {"read", "see", "find"}}
    assert changing == {Permission.OWN_PASSWORD}


def test_the_book_sees_call_centre_staff_as_operators_and_city_staff_as_clerks() -> None:
    for role in Role:
        actor = staff_actor(role, 7, source="192.0.2.7")
        in_call_centre = role in {Role.OPERATOR, Role.SUPERVISOR}
        assert (actor.kind is ActorKind.OPERATOR) == in_call_centre
        assert actor.channel is (Channel.PHONE if in_call_centre else Channel.COUNTER)
        assert (actor.id, actor.source) == (7, "192.0.2.7")
