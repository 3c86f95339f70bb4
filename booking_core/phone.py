"""Japanese telephone numbers: lenient about how they are typed, strict about how they are kept (E.164)."""

import re
import unicodedata

import phonenumbers
from phonenumbers import PhoneNumberFormat

from booking_core.refusal import Reason, Refusal

LONGEST_TYPED = 40
_DASHES = re.compile(r"[‐‑‒–—―ー−－ｰ]")  # every dash a keyboard in Japan produces
_CALLER_ID_PREFIX = re.compile(r"^18[46](?=[\s-]*[0+])")  # 184 hides and 186 shows the caller; no part of the number
_LETTER = re.compile(r"[A-Za-z]")  # the library would key letters as digits, and nobody could be reached there


def normalise_phone(typed: str) -> str | Refusal:
    """Return the E.164 form of what somebody typed, or why it is no telephone number.

    Full-width digits, any dash, spaces, +81 and a leading 184 or 186 are understood. Emergency and short numbers are
    refused: nobody can be reached there.
    """
    if not typed.strip():
        return Refusal(Reason.CONTACT_NEEDED)
    if len(typed) > LONGEST_TYPED:
        return Refusal(Reason.PHONE_INVALID)
    plain = plain_text(typed)
    if _LETTER.search(plain):
        return Refusal(Reason.PHONE_INVALID)
    try:
        number = phonenumbers.parse(_CALLER_ID_PREFIX.sub("", plain), "JP")
    except phonenumbers.NumberParseException:
        return Refusal(Reason.PHONE_INVALID)
    if not phonenumbers.is_valid_number(number) or number.extension:
        return Refusal(Reason.PHONE_INVALID)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def plain_text(typed: str) -> str:
    """Return what was typed with half-width digits and letters, one kind of dash, and nothing around it."""
    return _DASHES.sub("-", unicodedata.normalize("NFKC", typed)).strip()


def shown_number(caller: str) -> str | None:
    """Return the caller's number if it is a real one, None when it is withheld or junk.

    One rule covers `anonymous`, an empty field and the keypad words that networks send for withheld numbers: a number
    that is not valid is treated as withheld, and is never matched, called back or texted.
    """
    try:
        number = phonenumbers.parse(caller)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None
