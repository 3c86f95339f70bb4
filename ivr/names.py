"""What people read for the telephone's own words, on screens and in reports alike."""

from collections.abc import Mapping

from ivr.queue.models import MainReason

MAIN_REASON_NAMES: Mapping[MainReason, str] = {
    MainReason.NEW_BOOKING: "新しい予約",
    MainReason.CHANGE: "予約の変更",
    MainReason.CANCELLATION: "予約の取消",
    MainReason.QUESTION: "問い合わせ",
    MainReason.COMPLAINT: "苦情・要望",
    MainReason.NOT_FOR_US: "まちがい電話・ほかの窓口の用件",
    MainReason.NOTHING_HEARD: "無言・聞き取れない",
    MainReason.OTHER: "その他",
}
