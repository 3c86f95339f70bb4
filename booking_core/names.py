"""What people read for the codes the book keeps: channels, states of a booking, what was done to it, by whom, roles."""

from collections.abc import Mapping

from booking_core.actors import ActorKind, Channel
from booking_core.models import BookingState, Role, Verb

CHANNEL_NAMES: Mapping[str, str] = {
    Channel.WEB: "ホームページ",
    Channel.PHONE: "電話",
    Channel.KEYPAD: "電話の自動受付",
    Channel.COUNTER: "窓口",
    Channel.SYSTEM: "システム",
}

STATE_NAMES: Mapping[str, str] = {
    BookingState.BOOKED: "予約中",
    BookingState.VISITED: "来庁",
    BookingState.HANDED_OVER: "交付済み",
    BookingState.NO_SHOW: "不来庁",
    BookingState.NOT_RECORDED: "記録なし",
    BookingState.CANCELLED: "取消",
}

VERB_NAMES: Mapping[str, str] = {
    Verb.BOOK: "予約",
    Verb.MOVE: "変更",
    Verb.CANCEL: "取消",
    Verb.SETTLE: "来庁結果の記録",
}

ACTOR_NAMES: Mapping[str, str] = {
    ActorKind.CITIZEN: "本人",
    ActorKind.OPERATOR: "電話窓口の職員",
    ActorKind.KEYPAD: "本人（電話のキー操作）",
    ActorKind.CLERK: "市職員",
    ActorKind.IMPORTER: "取り込み",
    ActorKind.JOB: "自動処理",
}

ROLE_NAMES: Mapping[str, str] = {
    Role.CITY_ADMIN: "市の管理者",
    Role.CITY_CLERK: "市職員",
    Role.SUPERVISOR: "スーパーバイザー",
    Role.OPERATOR: "オペレーター",
    Role.AUDITOR: "監査担当",
}

AUDIT_VERB_NAMES: Mapping[str, str] = {
    Verb.BOOK: "予約",
    Verb.MOVE: "予約の変更",
    Verb.CANCEL: "予約の取消",
    Verb.SETTLE: "来庁結果の記録",
    "hold": "枠の取り置き",
    "call.take": "電話を取る",
    "call.answer": "電話に出る",
    "call.identify": "電話での本人確認",
    "call.read_back": "復唱の記録",
    "call.close": "電話の対応の終了",
    "operator.available": "受付可にする",
    "operator.away": "離席にする",
    "operator.offline": "席を閉じる",
    "seat_plan.weekday": "席の計画の変更（曜日）",
    "seat_plan.day": "席の計画の変更（日）",
    "credential.lock": "予約番号のロック",
    "credential.unlock": "予約番号のロックの解除",
    "cards.import": "カード情報の取り込み",
    "alarm.close": "警告への対応",
    "content.write": "文面の下書き",
    "content.approve": "文面の承認",
    "report.resend": "日報の再送",
    "settings.change": "設定の変更",
    "sign_in": "ログイン",
    "account.create": "利用者の追加",
    "account.password": "パスワードの変更",
    "account.lock": "利用者のロック",
    "account.unlock": "利用者のロックの解除",
    "account.deactivate": "利用停止",
    "account.reactivate": "利用の再開",
}
"""What the operation log calls each act; one that is not named here is shown by its code."""
