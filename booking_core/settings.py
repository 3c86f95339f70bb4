"""Figures and names the city edits live: a closed catalogue, each with its type, its default and its bounds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from booking_core import audit
from booking_core.actors import Actor
from booking_core.phone import normalise_phone
from booking_core.refusal import Reason, Refusal

LONGEST_TEXT = 200
BOUNDS: Mapping[str, range] = {
    "reopening_delay_minutes": range(24 * 60 + 1),
    "shortest_staff_password": range(8, 65),
    "wrap_up_seconds": range(10, 1_801),
    "read_back_hold_minutes": range(1, 61),
    "alarm_least_calls": range(1, 1_001),
    "alarm_wait_seconds": range(30, 3_601),
}
OF_PERSONS = frozenset({"report_recipients"})
"""Settings whose values the audit row keeps apart."""

MOST_RECIPIENTS = 50
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MAIL_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")


class CallerItem(StrEnum):
    """What a caller may be asked instead of her password, compared with what the book holds (F-35)."""

    KANA = "kana"  # the name in kana, as the card's record has it
    PHONE = "phone"  # the number that stands on her booking


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the city has set; a field that was never set has the default written here."""

    service_name: str = "マイナンバーカード予約（京都市）"
    call_centre_phone: str = "+81753660000"  # E.164; shown on pages and letters, spoken by the line (3-2-0)
    line_opens: str = "09:00"  # Tokyo; the line takes calls from then on (3-2-B)
    line_closes: str = "17:00"  # whoever waits by then is served (F-29)
    wrap_up_seconds: int = 120  # after which an operator is free again although she has not closed the call
    read_back_hold_minutes: int = 10  # how long a place is kept while an operator reads it back
    caller_items: tuple[
        str, ...
    ] = ()  # what may stand for the password of a caller; none until the city says so (F-35)
    reopening_delay_minutes: int = 0  # how long a cancelled place stays closed, so that nobody lies in wait for it
    report_recipients: tuple[str, ...] = ()  # mail addresses the reports go to (3-2-L, 3-1-A-viii)
    alarm_least_calls: int = 10  # calls of 15 minutes below which a low answer rate is no alarm (3-2-J)
    alarm_wait_seconds: int = 180  # somebody who waits longer is an alarm
    shortest_staff_password: int = 8  # may be raised, never lowered below the specification (3-1-C-xvi-c(a))


@dataclass(frozen=True, slots=True)
class LastChange:
    """Who changed a setting last, and when in business time; `staff_name` is None where nobody of the staff did."""

    at: datetime
    actor_kind: str
    staff_name: str | None


NAMES = frozenset(known.name for known in fields(Settings))


def read_all(db: Connection) -> Settings:
    """Return every setting. Rows that this version does not know are passed over."""
    found = {row.key: row.value for row in db.execute(_READ)}
    known: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in found.items() if key in NAMES
    }
    return Settings(**known)


def list_report_recipients(db: Connection, beside: Sequence[str] = ()) -> Sequence[str]:
    """Return the addresses reports go to, each once: those of the start-up, then those the city has set."""
    return tuple(dict.fromkeys([*beside, *read_all(db).report_recipients]))


def list_changes(db: Connection) -> dict[str, LastChange]:
    """Return the last change of every setting that was ever changed, by its key."""
    rows = db.execute(_LAST_CHANGES, {"targets": [_target(key) for key in NAMES]})
    return {row.target.partition(":")[2]: LastChange(row.at, row.actor_kind, row.display_name) for row in rows}


def change(db: Connection, key: str, value: object, *, by: Actor, now: datetime) -> Settings | Refusal:
    """Set one figure and return them all, with an audit row of before and after.

    Raises:
        KeyError: there is no such setting; forms offer only those that exist.
    """
    if key not in NAMES:
        raise KeyError(key)
    checked = _check(key, value)
    if isinstance(checked, Refusal):
        return checked
    live = asdict(read_all(db))
    before = live[key]
    if not _in_order(live | {key: checked}):
        return Refusal(Reason.SETTING_INVALID)
    db.execute(_WRITE, {"key": key, "value": checked, "now": now})
    audit.record(db, _entry(by, key, before, checked), now=now)
    return read_all(db)


def _in_order(live: Mapping[str, Any]) -> bool:
    return bool(live["line_opens"] < live["line_closes"])


def _entry(by: Actor, key: str, before: object, after: object) -> audit.AuditEntry:
    verb, target = "settings.change", _target(key)
    if key in OF_PERSONS:
        return audit.AuditEntry(by, verb, target, personal={"before": str(before), "after": str(after)})
    return audit.AuditEntry(by, verb, target, {"before": before, "after": after})


def _target(key: str) -> str:
    return f"setting:{key}"


def _check(key: str, value: object) -> Any | Refusal:  # noqa: ANN401 - each key has its own type
    if isinstance(value, bool):
        return Refusal(Reason.SETTING_INVALID)  # in Python True would pass for the number 1
    match key, value:
        case "call_centre_phone", str():
            return normalise_phone(value)
        case "report_recipients", list() | tuple():
            return _check_recipients(value)
        case "caller_items", list() | tuple():
            return _check_items(value)
        case (("line_opens" | "line_closes"), str()):
            return value.strip() if _TIME_OF_DAY.fullmatch(value.strip()) else Refusal(Reason.SETTING_INVALID)
        case "service_name", str() if value.strip() and len(value) <= LONGEST_TEXT:
            return value.strip()
        case _, int() if value in BOUNDS.get(key, ()):
            return value
    return Refusal(Reason.SETTING_INVALID)


def _check_recipients(value: Sequence[object]) -> list[str] | Refusal:
    addresses = [str(address).strip() for address in value]
    sound = all(len(address) <= LONGEST_TEXT and _MAIL_ADDRESS.fullmatch(address) for address in addresses)
    return addresses if sound and len(addresses) <= MOST_RECIPIENTS else Refusal(Reason.SETTING_INVALID)


def _check_items(items: Sequence[object]) -> list[str] | Refusal:
    known = [str(item) for item in CallerItem if item in items]
    return known if len(known) == len(items) else Refusal(Reason.SETTING_INVALID)


_READ = text("SELECT key, value FROM setting")
_LAST_CHANGES = text("""
    SELECT DISTINCT ON (c.target) c.target, c.at, c.actor_kind, a.display_name
    FROM audit c
    LEFT JOIN staff_account a ON a.id = c.actor_id AND c.actor_kind IN ('operator', 'clerk')
    WHERE c.target = ANY(:targets) AND c.verb = 'settings.change'
    ORDER BY c.target, c.id DESC""")
_WRITE = text("""
    INSERT INTO setting (key, value, changed_at) VALUES (:key, :value, :now)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at
""").bindparams(bindparam("value", type_=JSONB))
