"""How a refusal is answered over HTTP: the reason decides the status, the page says the sentence."""

from flask import g

from booking_core.refusal import Reason, Refusal

STATUS = {
    Reason.BUSY: 503,
    Reason.NO_SUCH_SLOT: 404,
    Reason.NO_SUCH_BOOKING: 404,
    Reason.NOT_OFFERED_HERE: 404,
    Reason.NOT_ON_THIS_CHANNEL: 403,
    Reason.NOT_YOURS: 403,
    Reason.NOT_ALLOWED: 403,
    Reason.LOCKED: 429,
    Reason.SIGN_IN_LOCKED: 429,
    Reason.SIGN_IN_FAILED: 422,
    Reason.LOGIN_INVALID: 422,
    Reason.PASSWORD_TOO_WEAK: 422,
    Reason.OLD_PASSWORD_WRONG: 422,
    Reason.SETTING_INVALID: 422,
    Reason.NO_SUCH_ACCOUNT: 404,
    Reason.CONTACT_NEEDED: 422,
    Reason.NAME_NEEDED: 422,
    Reason.TOO_MANY_TRIES: 429,
    Reason.PHONE_INVALID: 422,
    Reason.TEXT_TOO_LONG: 422,
    Reason.MY_NUMBER_FOUND: 422,
    Reason.PURPOSE_NEEDED: 422,
    Reason.CHOICE_NEEDED: 422,
    Reason.NOTICE_WORDS: 422,
    Reason.NOTICE_TIME: 422,
    Reason.NO_RECIPIENTS: 422,
    Reason.PLAN_TOO_LATE: 409,
    Reason.NOT_REGISTERED: 422,
    Reason.IMPORT_REJECTED: 422,
}

FIELD = {
    Reason.PHONE_INVALID: "phone",
    Reason.CONTACT_NEEDED: "phone",
    Reason.NAME_NEEDED: "name",
    Reason.PURPOSE_NEEDED: "purpose",
}
"""The field of the contact form at which a refusal points; other refusals stand above the form."""


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal: 409 where the book itself said no.

    The answer to this request will also name the reason in its header `X-Refusal`, for clients that read no Japanese.
    """
    g.refusal = refusal.reason
    return STATUS.get(refusal.reason, 409)
