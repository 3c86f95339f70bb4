"""The city staff's door, and the frame of its pages."""

from typing import Any

from booking_core.staff.roles import Permission
from web.staff_access import StaffDoor
from web.staff_frame import staff_frame

PLACES = (
    ("予約の一覧", "admin_bookings.show_list"),
    ("予約を探す", "admin_bookings.search"),
    ("カード情報の取り込み", "admin_cards.choose"),
    ("日報・月報", "admin_reports.show_list"),
    ("警告", "admin_alarms.show"),
    ("文面", "admin_texts.show_list"),
    ("設定", "admin_settings.show_list"),
    ("利用者", "admin_accounts.show_list"),
    ("操作の記録", "admin_audit.show"),
    ("パスワードの変更", "admin_password.show"),
)

ADMIN = StaffDoor("admin", "管理画面", frozenset({Permission.BOOKINGS_READ, Permission.AUDIT_READ}), places=PLACES)


def admin_frame() -> dict[str, Any]:
    """Return what the frame of every page of the console shows."""
    return staff_frame(ADMIN, PLACES)
