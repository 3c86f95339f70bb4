"""The operation log on the console: who did what, when and from where (3-1-C-xx-b)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for

from admin_ui.door import ADMIN, admin_frame
from booking_core.actors import ActorKind
from booking_core.audit_list import LONGEST_TARGET, AuditFilter, list_audit
from booking_core.clock import real_now
from booking_core.names import ACTOR_NAMES, AUDIT_VERB_NAMES, CHANNEL_NAMES
from booking_core.staff.accounts import AccountView, list_accounts
from booking_core.staff.roles import Permission
from web.staff_access import guard, requires
from web.wiring import wired

audit_log = Blueprint("admin_audit", __name__, template_folder="templates")
guard(audit_log, ADMIN)
audit_log.context_processor(admin_frame)
Page = str | tuple[str, int]

FIELDS = ("day_from", "day_to", "actor_kind", "account", "verb", "target")
WRONG_DAY = "日にちを選び直してください。例：2025-04-07"
WRONG_CHOICE = "選択肢の中から選んでください。"
WRONG_TARGET = "対象は、記録にあるとおりに入力してください。例：booking:17"
LARGEST_ID = 2**63 - 1
DETAIL_NAMES = {
    "before": "前",
    "after": "後",
    "version": "版",
    "role": "役割",
    "door": "入口",
    "until": "期限",
    "slot": "枠",
    "failures": "失敗の回数",
    "call": "入電",
    "was": "それまで",
    "state": "結果",
    "from": "始まり・元",
    "to": "先",
    "kind": "種類",
    "reason": "理由",
    "why": "理由",
    "how": "確認の方法",
    "card": "カード",
    "card_before": "前のカード",
    "offer": "呼び出し",
    "bookings": "予約",
    "after_the_call": "電話のあとで変更",
    "chosen_during_the_call": "電話のあいだに選択",
    "words": "文",
    "venue": "場所",
    "day": "日",
    "mails": "メールの数",
    "read": "読んだ行",
    "added": "加えた行",
    "updated": "変えた行",
    "unchanged": "同じ行",
    "rejected": "取り込まない行",
}
"""What stands in front of a figure; one that is not named here is shown by its key."""
DETAIL_WORDS = {
    "True": "はい",
    "False": "いいえ",
    "None": "－",
    "number_and_password": "予約番号とパスワード",
    "city_questions": "市が決めた質問",
    "read_back": "復唱のあいだの取り置き",
    "closure": "休止",
    "notice": "お知らせ",
    "offline": "退席中",
    "available": "受付可",
    "away": "離席中",
    "admin": "管理画面",
    "desk": "オペレーターの画面",
    "board": "応答の状況",
}
"""Words for what is stored as a sign; whatever else is stored is shown as it is."""
CALLER = "caller"


@audit_log.get("/audit/")
@requires(Permission.AUDIT_READ)
def show() -> Page:
    asked = {name: request.args.get(name, "").strip() for name in FIELDS}
    with wired().reading() as db:
        accounts = list_accounts(db, now=real_now())
        which, errors = _read(asked, accounts)
        page = list_audit(db, which, before=_before())
    kept: dict[str, Any] = {name: value for name, value in asked.items() if value and name not in errors}
    shown = render_template(
        "admin/audit.html",
        heading="操作の記録",
        lines=[(line, _words(line.detail)) for line in page.lines],
        older=url_for("admin_audit.show", **kept, before=page.before) if page.before else None,
        newest=url_for("admin_audit.show", **kept) if _before() else None,
        typed={name: value if value.isprintable() else "" for name, value in asked.items()},
        errors=errors,
        accounts=[(str(each.id), f"{each.login}　{each.display_name}") for each in accounts],
        actors=ACTOR_NAMES,
        verbs=AUDIT_VERB_NAMES,
        channels=CHANNEL_NAMES,
        caller=CALLER,
    )
    return shown, 422 if errors else 200


def _read(asked: Mapping[str, str], accounts: list[AccountView]) -> tuple[AuditFilter, dict[str, str]]:
    """Read the filter; what cannot be read is named by its field and left open."""
    errors: dict[str, str] = {}
    choices = {
        "actor_kind": set(ACTOR_NAMES),
        "account": {str(each.id) for each in accounts},
        "verb": set(AUDIT_VERB_NAMES),
    }
    errors |= {name: WRONG_CHOICE for name, known in choices.items() if asked[name] and asked[name] not in known}
    if len(asked["target"]) > LONGEST_TARGET or not asked["target"].isprintable():
        errors["target"] = WRONG_TARGET
    sound = {name: value for name, value in asked.items() if value and name not in errors}
    which = AuditFilter(
        day_from=_day("day_from", asked, errors),
        day_to=_day("day_to", asked, errors),
        actor_kind=ActorKind(sound["actor_kind"]) if "actor_kind" in sound else None,
        account_id=int(sound["account"]) if "account" in sound else None,
        verb=sound.get("verb"),
        target=sound.get("target"),
    )
    return which, errors


def _day(name: str, asked: Mapping[str, str], errors: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(asked[name]) if asked[name] else None
    except ValueError:
        errors[name] = WRONG_DAY
        return None


def _before() -> int | None:
    """Return below which id the page begins; anything else than an id begins with the newest."""
    before = request.args.get("before", "")
    fits = before.isdecimal() and len(before) <= len(str(LARGEST_ID))
    return min(int(before), LARGEST_ID) if fits else None


def _words(detail: Mapping[str, Any]) -> str:
    order = list(DETAIL_NAMES)
    names = sorted(detail, key=lambda name: order.index(name) if name in order else len(order))
    return "、".join(
        f"{DETAIL_NAMES.get(name, name)}：{DETAIL_WORDS.get(str(detail[name]), detail[name])}" for name in names
    )
