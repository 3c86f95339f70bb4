"""Texts that citizens read and operators read out: written, approved, and only then shown (3-1-B-v-4, 3-2-G).

Plain text: a line is a paragraph. A text that the city has not replaced yet has the wording below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from booking_core import audit
from booking_core.actors import Actor
from booking_core.refusal import Reason, Refusal

LONGEST_BODY = 4_000

FIRST_WORDING: Mapping[str, str] = {
    "top.notice": "",
    "delivery.bring": (
        "市から届いた交付通知書（はがき）\n"
        "本人を確かめる書類（運転免許証、パスポートなど）\n"
        "通知カード、または古いマイナンバーカード（お持ちの方）\n"
        "15歳未満の方や、成年後見を受けている方は、法定代理人の本人を確かめる書類（ごいっしょにお越しください）"
    ),
    "after_deadline": (
        "ホームページで変更や取消ができる期限を過ぎました。\n"
        "変更や取消は、予約センターへお電話ください。来られなくなったときも、お電話でお知らせください。"
    ),
    "delivery.read_back": (
        "当日は、交付通知書と、本人を確かめる書類をお持ちください。\n"
        "予約番号とパスワードの書いてある案内は、捨てずにお持ちください。"
    ),
    "application.read_back": ("当日は、本人を確かめる書類をお持ちください。"),
    "certificate.read_back": ("当日は、マイナンバーカードをお持ちください。\n暗証番号は、電話ではうかがいません。"),
}

NAMES: Mapping[str, tuple[str, str]] = {
    "top.notice": ("お知らせ", "ホームページの最初の画面。文がないときは、何も表示しません。"),
    "delivery.bring": ("当日お持ちいただくもの", "市民の予約の画面と控え。1行が1つの項目になります。"),
    "after_deadline": ("変更・取消の期限を過ぎた方への案内", "市民の予約の画面と、取り消しの画面。"),
    "delivery.read_back": ("読み上げる案内（カードの受け取り）", "オペレーターの画面。予約のあとに読み上げます。"),
    "application.read_back": ("読み上げる案内（カードの申請）", "オペレーターの画面。予約のあとに読み上げます。"),
    "certificate.read_back": ("読み上げる案内（電子証明書の手続き）", "オペレーターの画面。予約のあとに読み上げます。"),
}
"""What staff call each text, and where it is read."""


@dataclass(frozen=True, slots=True)
class TextVersion:
    key: str
    version: int
    body: str
    written_at: datetime
    approved_at: datetime | None


def read_text(db: Connection, key: str) -> str:
    """Return the newest approved wording of a text, or the one it was shipped with.

    Raises:
        KeyError: there is no such text.
    """
    first = FIRST_WORDING[key]
    found = db.execute(_APPROVED, {"key": key}).scalar_one_or_none()
    return first if found is None else str(found)


def list_versions(db: Connection, key: str) -> list[TextVersion]:
    """Return every version of a text, newest first."""
    return [TextVersion(*row) for row in db.execute(_VERSIONS, {"key": key})]


def list_shown(db: Connection) -> dict[str, int]:
    """Return which version of each text is shown; a text with the wording it was shipped with has none."""
    return {row.key: row.version for row in db.execute(_SHOWN)}


def list_waiting(db: Connection) -> dict[str, int]:
    """Return the newest draft of each text that is newer than what is shown."""
    shown = list_shown(db)
    return {row.key: row.version for row in db.execute(_DRAFTS) if row.version > shown.get(row.key, 0)}


def write_draft(db: Connection, key: str, body: str, *, by: Actor, now: datetime) -> int | Refusal:
    """Write a new version, which nobody sees before it is approved; return its number.

    Raises:
        KeyError: there is no such text.
    """
    if key not in FIRST_WORDING:
        raise KeyError(key)
    if len(body) > LONGEST_BODY:
        return Refusal(Reason.TEXT_TOO_LONG)
    version = int(db.execute(_DRAFT, {"key": key, "body": body.strip(), "now": now}).scalar_one())
    audit.record(db, audit.AuditEntry(by, "content.write", f"content:{key}", {"version": version}), now=now)
    return version


def approve(db: Connection, key: str, version: int, *, by: Actor, now: datetime) -> bool:
    """Let a version be shown from now on; return False when it does not exist or is approved already."""
    approved = db.execute(_APPROVE, {"key": key, "version": version, "by": by.id, "now": now}).rowcount == 1
    if approved:
        audit.record(db, audit.AuditEntry(by, "content.approve", f"content:{key}", {"version": version}), now=now)
    return approved


_APPROVED = text("""
    SELECT body FROM content_text WHERE key = :key AND approved_at IS NOT NULL ORDER BY version DESC LIMIT 1""")
_SHOWN = text("SELECT key, max(version) AS version FROM content_text WHERE approved_at IS NOT NULL GROUP BY key")
_DRAFTS = text("SELECT key, max(version) AS version FROM content_text WHERE approved_at IS NULL GROUP BY key")
_VERSIONS = text("""
    SELECT key, version, body, written_at, approved_at FROM content_text WHERE key = :key ORDER BY version DESC""")
_DRAFT = text("""
    INSERT INTO content_text (key, version, body, written_at)
    SELECT :key, coalesce(max(version), 0) + 1, :body, :now FROM content_text WHERE key = :key
    RETURNING version""")
_APPROVE = text("""
    UPDATE content_text SET approved_at = :now, approved_by = :by
    WHERE key = :key AND version = :version AND approved_at IS NULL""")
