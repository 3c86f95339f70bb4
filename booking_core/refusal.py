"""A "no" that its reader understands and can act on.

Every command of the book answers with what it did or with a `Refusal`. A refusal is no error: nothing was changed and
nothing was lost. The texts are read on screens by citizens and read out by operators.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    BUSY = "busy"
    FULL = "full"
    SLOT_CLOSED = "slot_closed"
    NO_SUCH_SLOT = "no_such_slot"
    NOT_OFFERED_HERE = "not_offered_here"
    NOT_ON_THIS_CHANNEL = "not_on_this_channel"
    ACCEPT_DEADLINE_PASSED = "accept_deadline_passed"
    CHANGE_DEADLINE_PASSED = "change_deadline_passed"
    BEYOND_HORIZON = "beyond_horizon"
    ALREADY_BOOKED = "already_booked"
    SAME_SLOT = "same_slot"
    NO_SUCH_BOOKING = "no_such_booking"
    NOT_YOURS = "not_yours"
    BOOKING_OVER = "booking_over"
    HOLD_GONE = "hold_gone"
    CARD_NEEDED = "card_needed"
    CARD_FINISHED = "card_finished"
    CONTACT_NEEDED = "contact_needed"
    NAME_NEEDED = "name_needed"
    TOO_MANY_TRIES = "too_many_tries"
    PHONE_INVALID = "phone_invalid"
    TEXT_TOO_LONG = "text_too_long"
    MY_NUMBER_FOUND = "my_number_found"
    PURPOSE_NEEDED = "purpose_needed"
    COMMAND_KEY_USED = "command_key_used"
    NOT_REGISTERED = "not_registered"
    LOCKED = "locked"
    NOT_ALLOWED = "not_allowed"
    VISIT_NOT_OVER = "visit_not_over"
    IMPORT_REJECTED = "import_rejected"
    SETTING_INVALID = "setting_invalid"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_LOCKED = "sign_in_locked"
    LOGIN_INVALID = "login_invalid"
    LOGIN_TAKEN = "login_taken"
    PASSWORD_TOO_WEAK = "password_too_weak"  # noqa: S105 - the name of a reason, no secret
    OLD_PASSWORD_WRONG = "old_password_wrong"  # noqa: S105 - likewise
    NO_SUCH_ACCOUNT = "no_such_account"
    OWN_ACCOUNT = "own_account"
    CALL_TAKEN = "call_taken"
    NOT_YOUR_CALL = "not_your_call"
    STILL_ON_A_CALL = "still_on_a_call"
    NOT_AVAILABLE = "not_available"
    NOT_CONNECTED = "not_connected"
    READ_BACK_MISSING = "read_back_missing"
    CHOICE_NEEDED = "choice_needed"
    NOTICE_WORDS = "notice_words"
    NOTICE_TIME = "notice_time"
    NO_RECIPIENTS = "no_recipients"
    NOT_AT_HER_DESK = "not_at_her_desk"
    PLAN_TOO_LATE = "plan_too_late"
    PLAN_CHANGED = "plan_changed"


SAID_TO_THE_READER: Mapping[Reason, str] = {
    Reason.BUSY: "ただいま混み合っています。予約はまだ変わっていません。もう一度お試しください。",
    Reason.FULL: "選んだ時間は、たった今、満員になりました。ほかの時間を選んでください。",
    Reason.SLOT_CLOSED: "選んだ時間は、受付を取りやめました。ほかの時間を選んでください。",
    Reason.NO_SUCH_SLOT: "選んだ時間が見つかりません。日にちと時間を選び直してください。",
    Reason.NOT_OFFERED_HERE: "この手続きは、選んだ場所では受け付けていません。ほかの場所を選んでください。",
    Reason.NOT_ON_THIS_CHANNEL: "この手続きは、お電話でのみ予約を受け付けています。予約センターへお電話ください。",
    Reason.ACCEPT_DEADLINE_PASSED: "選んだ日の予約の受付は終わりました。もっと先の日を選んでください。",
    Reason.CHANGE_DEADLINE_PASSED: (
        "ホームページでの変更・取消の期限が過ぎました。変更や取消は、予約センターへお電話ください。"
    ),
    Reason.BEYOND_HORIZON: "選んだ日の受付は、まだ始まっていません。もっと近い日を選んでください。",
    Reason.ALREADY_BOOKED: (
        "この予約番号では、すでに予約があります。予約は一つだけです。日時を変えるときは「変更」を選んでください。"
    ),
    Reason.SAME_SLOT: "今の予約と同じ日時です。変えるときは、ほかの時間を選んでください。",
    Reason.NO_SUCH_BOOKING: "予約が見つかりません。",
    Reason.NOT_YOURS: "この予約は、表示や変更ができません。",
    Reason.BOOKING_OVER: "この予約は、すでに取消または終了しています。",
    Reason.HOLD_GONE: "お取り置きの時間が過ぎました。もう一度、時間を選んでください。",
    Reason.CARD_NEEDED: "カードの受け取りの予約には、予約番号とパスワードの確認が必要です。",
    Reason.CARD_FINISHED: (
        "この予約番号のカードは、すでにお渡し済みか、お渡しできない状態です。予約センターへお電話ください。"
    ),
    Reason.CONTACT_NEEDED: "連絡先の電話番号を入力してください。",
    Reason.NAME_NEEDED: "お名前を入力してください。",
    Reason.TOO_MANY_TRIES: (
        "短いあいだに何度も操作がありました。何も変わっていません。10分ほどおいて、もう一度お試しください。"
    ),
    Reason.PHONE_INVALID: "電話番号を確かめてください。例：075-123-4567、090-1234-5678",
    Reason.TEXT_TOO_LONG: "入力した文字が長すぎます。100文字までにしてください。",
    Reason.MY_NUMBER_FOUND: "12けたのマイナンバーは入力しないでください。予約にマイナンバーは使いません。",
    Reason.PURPOSE_NEEDED: "手続きの内容を選んでください。",
    Reason.COMMAND_KEY_USED: "この画面の操作は、すでに終わっています。最初の画面からやり直してください。",
    Reason.NOT_REGISTERED: (
        "入力された予約番号、またはパスワードは、登録がありません。このままでは予約できません。"
        "案内に書いてある番号を確かめて、もう一度入力してください。"
    ),
    Reason.LOCKED: (
        "まちがいが続いたため、この予約番号での受付を、しばらく止めています。"
        "15分ほどおいて、もう一度お試しいただくか、予約センターへお電話ください。"
    ),
    Reason.NOT_ALLOWED: "この操作をする権限がありません。",
    Reason.VISIT_NOT_OVER: "来庁の結果は、予約の日より前には記録できません。",
    Reason.IMPORT_REJECTED: "ファイルを取り込めませんでした。",
    Reason.SETTING_INVALID: "この値は設定できません。決められた範囲で入力してください。",
    Reason.SIGN_IN_FAILED: "ログインIDまたはパスワードがちがいます。確かめて、もう一度入力してください。",
    Reason.SIGN_IN_LOCKED: (
        "まちがいが続いたため、このログインIDでのログインを、しばらく止めています。"
        "時間をおいてもう一度お試しいただくか、管理者に解除を頼んでください。"
    ),
    Reason.LOGIN_INVALID: "ログインIDは、半角の英数字と「.」「_」「-」を使って、3文字から40文字までにしてください。",
    Reason.LOGIN_TAKEN: "このログインIDは、すでに使われています。ほかのログインIDにしてください。",
    Reason.PASSWORD_TOO_WEAK: (
        "パスワードが条件に合いません。英大文字、英小文字、数字、記号をすべて使い、決められた文字数以上にしてください。"
    ),
    Reason.OLD_PASSWORD_WRONG: "今のパスワードがちがいます。確かめて、もう一度入力してください。",
    Reason.NO_SUCH_ACCOUNT: "この利用者は見つかりません。",
    Reason.OWN_ACCOUNT: "自分を利用停止にすることはできません。ほかの管理者に頼んでください。",
    Reason.CALL_TAKEN: "この電話は、ほかのオペレーターが先に取ったか、すでに切れました。",
    Reason.NOT_YOUR_CALL: "この電話は、あなたの担当ではないか、もう終わっています。",
    Reason.STILL_ON_A_CALL: "対応中の電話があります。先に、その電話の対応を終えてください。",
    Reason.NOT_AVAILABLE: "電話を取る前に、「受付可」にしてください。",
    Reason.NOT_CONNECTED: "電話が、まだつながっていません。",
    Reason.READ_BACK_MISSING: (
        "復唱がまだ済んでいません。予約の内容と案内を読み上げてから、「読み上げました」を押してください。"
    ),
    Reason.CHOICE_NEEDED: "一つ選んでください。",
    Reason.NOTICE_WORDS: "電話で流す文を、200文字までで入力してください。",
    Reason.NOTICE_TIME: "始まりと終わりの日時を確かめてください。終わりは、始まりと今よりも後にしてください。",
    Reason.NO_RECIPIENTS: "日報の送り先がありません。設定で、送り先のメールアドレスを登録してください。",
    Reason.NOT_AT_HER_DESK: (
        "この方は、まだオペレーターの画面にログインしていません。席を開く前に、ログインするよう伝えてください。"
    ),
    Reason.PLAN_CHANGED: "見ているあいだに、ほかの人が計画を変えました。今の計画を確かめて、もう一度入力してください。",
    Reason.PLAN_TOO_LATE: "この日の席の計画は、もう変えられません。これからの日を選んでください。",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command was not carried out.

    Attributes:
        reason: what the rules say.
        facts: figures a screen may add, such as the deadline that passed or the booking that already stands.
        keeps_count: what was counted with this refusal (a failed log-in) must stay, although nothing else does.
    """

    reason: Reason
    facts: Mapping[str, object] = field(default_factory=dict)
    keeps_count: bool = False

    @property
    def message(self) -> str:
        """The sentence a citizen reads, or an operator reads out."""
        return SAID_TO_THE_READER[self.reason]
