"""What each role may do: one table, which routes name and a test walks (3-1-C-xvi-b)."""

from collections.abc import Mapping
from enum import StrEnum

from booking_core.actors import Actor
from booking_core.models import Role


class Permission(StrEnum):
    """One thing a route lets somebody do. Each staff route names one."""

    BOOKINGS_READ = "bookings.read"
    BOOKINGS_FIND = "bookings.find"
    BOOKINGS_WRITE = "bookings.write"
    VISITS_SETTLE = "visits.settle"
    CARDS_IMPORT = "cards.import"
    LOCKS_LIFT = "locks.lift"
    SLOTS_CHANGE = "slots.change"
    SETTINGS_CHANGE = "settings.change"
    CONTENT_WRITE = "content.write"
    CONTENT_APPROVE = "content.approve"
    CALLS_TAKE = "calls.take"
    CALLS_SEE = "calls.see"
    BOARD_SEE = "board.see"
    SEATS_CHANGE = "seats.change"
    LINE_CHANGE = "line.change"
    REPORTS_SEE = "reports.see"
    REPORTS_SEND = "reports.send"
    ALARMS_SEE = "alarms.see"
    ALARMS_CLOSE = "alarms.close"
    AUDIT_READ = "audit.read"
    ACCOUNTS_MANAGE = "accounts.manage"
    OWN_PASSWORD = "own_password.change"  # noqa: S105 - the name of a permission, no secret


_TO_LOOK_UP = frozenset({Permission.BOOKINGS_READ, Permission.BOOKINGS_FIND})
_THE_BOOK = _TO_LOOK_UP | {Permission.BOOKINGS_WRITE}  # the call centre writes at the desk, for an identified caller
_THE_LINE = frozenset({Permission.CALLS_TAKE, Permission.CALLS_SEE, Permission.BOARD_SEE, Permission.LOCKS_LIFT})

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    # Takes no calls: whoever answers citizens as an operator counts as a seat.
    Role.CITY_ADMIN: frozenset(Permission) - {Permission.CALLS_TAKE},
    Role.CITY_CLERK: _THE_BOOK
    | {
        Permission.OWN_PASSWORD,
        Permission.VISITS_SETTLE,
        Permission.CARDS_IMPORT,
        Permission.LOCKS_LIFT,
        Permission.CONTENT_WRITE,
        Permission.REPORTS_SEE,
        Permission.REPORTS_SEND,
        Permission.ALARMS_SEE,
    },
    Role.SUPERVISOR: _TO_LOOK_UP
    | _THE_LINE
    | {
        Permission.OWN_PASSWORD,
        Permission.SEATS_CHANGE,
        Permission.LINE_CHANGE,
        Permission.CONTENT_WRITE,
        Permission.REPORTS_SEE,
        Permission.REPORTS_SEND,
        Permission.ALARMS_SEE,
        Permission.ALARMS_CLOSE,
    },
    Role.OPERATOR: _TO_LOOK_UP | _THE_LINE | {Permission.OWN_PASSWORD},
    # Reads what was done, and changes nothing but her own password.
    Role.AUDITOR: frozenset(
        {Permission.AUDIT_READ, Permission.REPORTS_SEE, Permission.ALARMS_SEE, Permission.OWN_PASSWORD}
    ),
}

CALL_CENTRE = frozenset({Role.SUPERVISOR, Role.OPERATOR})


def may(role: Role | str, permission: Permission) -> bool:
    """Tell whether this role holds this permission. A role nobody knows holds none."""
    return any(role == known and permission in held for known, held in PERMISSIONS.items())


def staff_actor(
    role: Role | str, account_id: int, *, on_behalf_of: str | None = None, source: str | None = None
) -> Actor:
    """Return how the book sees this member of staff: as an operator for a caller, or as a clerk of the city."""
    if role in CALL_CENTRE:
        return Actor.operator(account_id, on_behalf_of=on_behalf_of, source=source)
    return Actor.clerk(account_id, on_behalf_of=on_behalf_of, source=source)
