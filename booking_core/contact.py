"""The closed catalogue of what may be asked of a citizen: name, kana, telephone, and nothing else (3-1-A-vi, F-05)."""

import re
import unicodedata
from dataclasses import dataclass
from operator import mul

import jaconv

from booking_core.phone import normalise_phone, plain_text
from booking_core.refusal import Reason, Refusal

LONGEST_NAME = 100
_MY_NUMBER_SHAPE = re.compile(r"(?<!\d)(?=((?:\d[\s-]*){11}\d)(?!\d))")  # looks ahead, so that no two hide one another
_SEPARATORS = re.compile(r"[\s・･.,'’-]+")  # middle dots and quotes as names carry them
_MY_NUMBER_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)  # ordinance on My Number, article 5: check digit


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom a booking is for and how to reach her. `name` and `kana` stay None where the card already says who."""

    phone: str | None
    name: str | None = None
    kana: str | None = None

    @property
    def kana_key(self) -> str | None:
        """The folded form under which staff find the name."""
        return kana_key(self.kana) if self.kana else None


def read_contact(phone: str, *, name: str = "", kana: str = "", name_needed: bool) -> Contact | Refusal:
    """Return the contact that was typed, normalised, or why it cannot be taken.

    Without a card nobody else knows who is coming, so name and telephone are needed; with a card the telephone is all.
    Kana may be missing: not every resident has it. A My Number in any field is refused (3-1-A-vi).
    """
    if contains_my_number(name) or contains_my_number(kana):
        return Refusal(Reason.MY_NUMBER_FOUND)
    if max(len(name), len(kana)) > LONGEST_NAME:
        return Refusal(Reason.TEXT_TOO_LONG)
    if name_needed and not name.strip():
        return Refusal(Reason.NAME_NEEDED)
    number = _read_phone(phone)
    if isinstance(number, Refusal):
        return number
    if not name_needed:
        return Contact(number)
    return Contact(number, _printable(name), _printable(kana) or None)


def _read_phone(typed: str) -> str | Refusal:
    """Return the number, unless what was typed is a My Number: of twelve digits only one with a plus can be rung."""
    number = normalise_phone(typed)
    if contains_my_number(typed) and (isinstance(number, Refusal) or not plain_text(typed).startswith("+")):
        return Refusal(Reason.MY_NUMBER_FOUND)
    return number


def kana_key(kana: str) -> str:
    """Fold kana for search: width, hiragana, small letters, voicing of ヴ, long marks and separators do not count."""
    folded = jaconv.hira2kata(unicodedata.normalize("NFKC", kana)).upper()
    folded = folded.translate(str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ"))
    folded = re.sub(r"ヴ([アイエオ])", lambda m: {"ア": "バ", "イ": "ビ", "エ": "ベ", "オ": "ボ"}[m[1]], folded)
    return _SEPARATORS.sub("", folded.replace("ヴ", "ブ").replace("ー", ""))


def contains_my_number(text: str) -> bool:
    """Tell whether a twelve-digit run with a valid My Number check digit stands in `text`."""
    found = _MY_NUMBER_SHAPE.finditer(plain_text(text))
    return any(_is_my_number(re.sub(r"\D", "", match[1])) for match in found)


def _is_my_number(digits: str) -> bool:
    remainder = sum(map(mul, map(int, digits), _MY_NUMBER_WEIGHTS)) % 11  # the eleven before the check digit
    return int(digits[11]) == (0 if remainder <= 1 else 11 - remainder)


def _printable(text: str) -> str:
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
