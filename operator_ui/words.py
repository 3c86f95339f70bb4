"""What the telephone's states, reasons and channels are called on staff screens."""

from collections.abc import Mapping

from booking_core.actors import IdentifiedBy
from booking_core.models import Verb
from booking_core.settings import CallerItem
from booking_core.visit import CardView
from ivr.names import MAIN_REASON_NAMES
from ivr.queue.calls import CallView
from ivr.queue.models import AwayReason, CallState, NoticeKind, OfferState, Outcome, Status, Topic
from ivr.queue.operators import Activity, OperatorView
from web.formats import card_number_display

STATUS: Mapping[Status, str] = {Status.OFFLINE: "退席中", Status.AVAILABLE: "受付可", Status.AWAY: "離席中"}
WHAT_NOW: Mapping[Status, str] = {
    Status.AVAILABLE: "このままお待ちください。電話が鳴ったら、上の「応答する」か、F2キーで出られます。",
    Status.AWAY: "いまは電話が鳴りません。「受付可にする」を押すと、電話を取れます。",
    Status.OFFLINE: "いまは電話が鳴りません。「受付可にする」を押すと、席が開き、電話を取れます。",
}
"""What the desk says while nobody waits."""

AWAY: Mapping[AwayReason, str] = {
    AwayReason.BREAK: "休憩",
    AwayReason.TRAINING: "研修",
    AwayReason.MEETING: "打ち合わせ",
    AwayReason.OTHER_WORK: "ほかの仕事",
    AwayReason.MISSED: "着信に出られず",
    AwayReason.UNREACHABLE: "画面の通信が途切れた",
}
ADVICE: Mapping[AwayReason, str] = {
    AwayReason.MISSED: "着信に出られなかったため、電話を止めています。「受付可にする」を押すと、また電話を取れます。",
    AwayReason.UNREACHABLE: (
        "画面の通信が途切れたため、電話を止めています。つながっているか確かめて、「受付可にする」を押してください。"
    ),
}
"""How to go on after the line has parked somebody."""

TOPIC: Mapping[str, str] = {
    Topic.DELIVERY: "カードの受け取りの予約",
    Topic.OTHER_SERVICE: "申請・電子証明書の予約",
    Topic.CHANGE: "予約の変更・取消",
}
ACTIVITY: Mapping[Activity, str] = {
    Activity.IDLE: "待機中",
    Activity.RINGING: "接続中",
    Activity.ON_CALL: "通話中",
    Activity.ACW: "後処理中",
}
CALL_STATE: Mapping[CallState, str] = {
    CallState.RECEIVED: "着信",
    CallState.IVR: "案内中",
    CallState.QUEUED: "待ち呼",
    CallState.OFFERING: "接続中",
    CallState.CONNECTED: "通話中",
    CallState.ENDED: "通話終了",
}
OUTCOME: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "応答",
    Outcome.ABANDONED_IVR: "放棄（案内中）",
    Outcome.ABANDONED_QUEUE: "放棄（待ち中）",
    Outcome.CLOSED: "時間外",
    Outcome.FAILED: "接続できず",
}
MAIN_REASON = MAIN_REASON_NAMES
REASON_NEEDED = "主な用件を、一つ選んでください。"
AWAY_NEEDED = "離席の理由を、一つ選んでください。"
NOTICE_KIND: Mapping[NoticeKind, str] = {NoticeKind.CLOSURE: "休止", NoticeKind.NOTICE: "お知らせ"}
IDENTIFIED_BY: Mapping[IdentifiedBy, str] = {
    IdentifiedBy.NUMBER_AND_PASSWORD: "予約番号とパスワード",
    IdentifiedBy.CITY_QUESTIONS: "予約番号と、市が決めた質問",
    IdentifiedBy.NOT_NEEDED: "－",
}
CALLER_ITEM: Mapping[CallerItem, str] = {
    CallerItem.KANA: "お名前のフリガナ",
    CallerItem.PHONE: "予約のときの電話番号",
}
ITEMS_DO_NOT_FIT = "この予約番号は登録されていますが、お答えが合いません。このままでは予約できません。"
NUMBER_LOCKED = (
    "まちがいが続いたため、この予約番号での確認を、しばらく止めています。"
    "ご本人にまちがいないときは、停止を解除して、もう一度確かめてください。"
)
WITHHELD = "非通知"
DONE: Mapping[Verb, str] = {Verb.BOOK: "予約", Verb.MOVE: "変更", Verb.CANCEL: "取消"}


def identified_as(card: CardView | None) -> str:
    """Return who the caller is, as the bar says it on every page of the call."""
    if card is None:
        return "本人：未確認"
    return f"本人：{card.kana} 様" if card.kana else f"本人：予約番号{card_number_display(card.number)}の方"


def stands(operator: OperatorView) -> str:
    """Return an operator's own status in words, with the reason she is away for and what comes after the call."""
    reason = f"（{AWAY[operator.reason]}）" if operator.reason else ""
    later = f"　対応が終わると「{STATUS[operator.next_status]}」" if operator.next_status else ""
    return STATUS[operator.status] + reason + later


def not_in_hand(call: CallView, account_id: int) -> str:
    """Return why this operator can not work in this call."""
    if call.account_id != account_id:
        return "この電話は、あなたの担当ではありません"
    if call.closed_at is not None:
        return "この電話の対応は終わっています"
    if call.offer_state == OfferState.RESCINDED:
        return "つながる前に、電話が切れました"
    return "あなたの電話を呼び出せなかったため、お待ちの方は待ち呼に戻りました"
