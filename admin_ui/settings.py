"""What the city sets itself, each with its value, its bounds and who changed it last (3-2-0, 3-1-C-xvi-c(a))."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from admin_ui.door import ADMIN, admin_frame
from booking_core.db import in_transaction
from booking_core.names import ACTOR_NAMES
from booking_core.refusal import Refusal
from booking_core.settings import (
    BOUNDS,
    LONGEST_TEXT,
    MOST_RECIPIENTS,
    CallerItem,
    Settings,
    change,
    list_changes,
    read_all,
)
from booking_core.staff.roles import Permission
from web.answers import status_of
from web.formats import phone_ja
from web.staff_access import acting, guard, requires
from web.typed import typed
from web.wiring import wired

settings = Blueprint("admin_settings", __name__, template_folder="templates")
guard(settings, ADMIN)
settings.context_processor(admin_frame)
Page = str | tuple[str, int] | Response
LONGEST_FIGURE = 9
"""Digits; Python refuses to read figures of thousands of digits."""


ITEM_NAMES: Mapping[CallerItem, str] = {CallerItem.KANA: "お名前（カナ）", CallerItem.PHONE: "予約の電話番号"}
LISTS = frozenset({"report_recipients", "caller_items"})


@dataclass(frozen=True, slots=True)
class About:
    """How a setting is called, what it does, what may be typed, and the unit behind its figure."""

    name: str
    does: str
    bounds: str
    unit: str = ""


def _figures(key: str) -> str:
    return f"{BOUNDS[key][0]}から{BOUNDS[key][-1]}までの数"


ABOUT: Mapping[str, About] = {
    "service_name": About("サービスの名前", "すべての画面の上と、日報に表示します。", f"{LONGEST_TEXT}文字まで"),
    "call_centre_phone": About(
        "予約センターの電話番号", "すべての画面の下と、電話を案内する文に表示します。", "日本の電話番号"
    ),
    "line_opens": About(
        "電話の受付の始まり",
        "この時刻から電話を受けます。画面と電話の案内も、この時刻になります。",
        "09:00の形。終わりより前の時刻",
    ),
    "line_closes": About(
        "電話の受付の終わり",
        "この時刻より前に待ち始めた方には、最後まで応答します。",
        "17:00の形。始まりより後の時刻",
    ),
    "wrap_up_seconds": About(
        "後処理の長さ",
        "通話が終わってからこの時間がたつと、次の電話を受けられる状態に戻ります。記録は、あとからでも書けます。",
        _figures("wrap_up_seconds"),
        "秒",
    ),
    "read_back_hold_minutes": About(
        "復唱のあいだの取り置き",
        "オペレーターが復唱しているあいだ、選んだ枠をほかの人が取れないようにする時間です。",
        _figures("read_back_hold_minutes"),
        "分",
    ),
    "caller_items": About(
        "パスワードの代わりにうかがう項目",
        "パスワードが分からない方に、電話でうかがう項目です。すべてが合うときだけ、本人として扱います。"
        "空のときは、パスワードだけで確かめます。1行に1つずつ。",
        "、".join(ITEM_NAMES.values()),
    ),
    "reopening_delay_minutes": About(
        "取り消された枠を開け直すまでの時間",
        "取り消しを待ちかまえる人だけが取れることのないよう、枠を空けておく時間です。",
        _figures("reopening_delay_minutes"),
        "分",
    ),
    "report_recipients": About(
        "日報の送り先", "日報を送るメールアドレスです。1行に1つずつ。", f"{MOST_RECIPIENTS}件まで"
    ),
    "alarm_least_calls": About(
        "応答率の警告に要る電話の数",
        "直近15分の電話がこの数に満たないときは、応答率が目標を下回っても警告しません。",
        _figures("alarm_least_calls"),
        "件",
    ),
    "alarm_wait_seconds": About(
        "待ち時間の警告",
        "この時間より長くお待ちの方がいると、警告します。",
        _figures("alarm_wait_seconds"),
        "秒",
    ),
    "shortest_staff_password": About(
        "職員のパスワードの最短の長さ",
        "新しく決めるパスワードから使います。今のパスワードは、そのまま使えます。",
        _figures("shortest_staff_password"),
        "文字",
    ),
}


@settings.get("/settings/")
@requires(Permission.SETTINGS_CHANGE)
def show_list() -> Page:
    with wired().reading() as db:
        live, changes = read_all(db), list_changes(db)
    values = {key: _shown(key, live) for key in ABOUT}
    done = ABOUT.get(request.args.get("done", ""))
    return render_template(
        "admin/settings.html",
        heading="設定",
        about=ABOUT,
        values=values,
        changes=changes,
        actors=ACTOR_NAMES,
        done=done,
    )


@settings.get("/settings/<key>")
@requires(Permission.SETTINGS_CHANGE)
def show_one(key: str) -> Page:
    _known(key)
    with wired().reading() as db:
        return _form(key, _typed_form_of(key, read_all(db)), None)


@settings.post("/settings/<key>")
@requires(Permission.SETTINGS_CHANGE)
def set_one(key: str) -> Page:
    """Change a setting. This process shows it from the next request on, the others within seconds."""
    _known(key)
    value = typed(request, "value", longest=MOST_RECIPIENTS * LONGEST_TEXT).strip()
    answer = in_transaction(
        wired().engine, lambda db: change(db, key, _read(key, value), by=acting(), now=wired().clock.now())
    )
    if isinstance(answer, Refusal):
        return _form(key, value, answer)
    wired().settings_changed()
    return redirect(url_for("admin_settings.show_list", done=key), 303)


def _read(key: str, value: str) -> object:
    """Return what was typed as the kind of value this setting has; what is no figure stays text and is refused."""
    if key in BOUNDS:
        return int(value) if value.isdecimal() and len(value) <= LONGEST_FIGURE else value
    if key not in LISTS:
        return value
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    if key == "caller_items":
        items = {name: item for item, name in ITEM_NAMES.items()}
        return [items.get(line, line) for line in lines]
    return lines


def _typed_form_of(key: str, live: Settings) -> str:
    value = asdict(live)[key]
    if key == "call_centre_phone":
        return phone_ja(value)
    if key == "caller_items":
        return "\n".join(ITEM_NAMES[CallerItem(item)] for item in value)
    return "\n".join(value) if isinstance(value, tuple) else str(value)


def _shown(key: str, live: Settings) -> str:
    value = _typed_form_of(key, live)
    return f"{value}{ABOUT[key].unit}".replace("\n", "、") or "なし"


def _form(key: str, value: str, refusal: Refusal | None) -> Page:
    page = render_template(
        "admin/setting.html",
        heading=ABOUT[key].name,
        key=key,
        about=ABOUT[key],
        value=value,
        several=key in LISTS,
        figure=key in BOUNDS,
        errors={"value": f"{refusal.message}（{ABOUT[key].bounds}）"} if refusal else {},
    )
    return page, status_of(refusal) if refusal else 200


def _known(key: str) -> None:
    if key not in ABOUT:
        abort(404)
