import pytest

from booking_core.phone import LONGEST_TYPED, normalise_phone, shown_number
from tests.factories import refused

KYOTO = "+81751234567"
MOBILE = "+819012345678"


@pytest.mark.parametrize(
    "typed",
    [
        "0751234567",
        "075-123-4567",
        "075 123 4567",
        "(075)123-4567",
        "075.123.4567",
        "０７５ー１２３ー４５６７",  # the long mark that a Japanese keyboard gives for a dash
        "０７５−１２３−４５６７",
        "０７５（１２３）４５６７",
        "075‐123‐4567",
        "075–123—4567",
        " 075-123-4567\t",
        "+81751234567",
        "+81 75-123-4567",
        "+81 (0)75-123-4567",
        "＋８１７５１２３４５６７",
        "1840751234567",
        "186-075-123-4567",
        "１８４０７５１２３４５６７",
        "184+81751234567",
    ],
)
def test_one_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert normalise_phone(typed) == KYOTO


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("090-1234-5678", MOBILE),
        ("080-1234-5678", "+818012345678"),
        ("070-1234-5678", "+817012345678"),
        ("050-1234-5678", "+815012345678"),
        ("0120-123-456", "+81120123456"),
        ("0800-123-4567", "+818001234567"),
        ("0570-012-345", "+81570012345"),
        ("+44 20 7946 0018", "+442079460018"),
    ],
)
def test_every_kind_of_number_that_can_be_rung_is_kept(typed: str, kept: str) -> None:
    assert normalise_phone(typed) == kept


@pytest.mark.parametrize(
    "typed", ["110", "118", "119", "188", "189", "104", "117", "171", "177", "#7119", "#8000", "184110"]
)
def test_emergency_and_short_numbers_are_refused(typed: str) -> None:
    assert refused(normalise_phone(typed)) == "phone_invalid"


@pytest.mark.parametrize(
    ("too_short", "right", "too_long"),
    [
        ("075-123-456", "075-123-4567", "075-123-45678"),
        ("090-1234-567", "090-1234-5678", "090-1234-56789"),
        ("0120-123-45", "0120-123-456", "0120-123-4567"),
        ("+81 75 123 456", "+81 75 123 4567", "+81 75 123 45678"),
    ],
)
def test_a_digit_less_or_more_is_refused(too_short: str, right: str, too_long: str) -> None:
    assert refused(normalise_phone(too_short)) == "phone_invalid"
    assert isinstance(normalise_phone(right), str)
    assert refused(normalise_phone(too_long)) == "phone_invalid"


@pytest.mark.parametrize(
    "typed",
    [
        "075-ABC-DEFG",
        "1-800-FLOWERS",
        "なし",
        "075-123-4567 内線12",
        "075-123-4567;ext=5",
        "-",
        "０",
        "0000000000",
        "+",
        "\0",
    ],
)
def test_what_cannot_be_rung_as_it_stands_is_refused(typed: str) -> None:
    assert refused(normalise_phone(typed)) == "phone_invalid"


@pytest.mark.parametrize("typed", ["", "   ", "\u3000"])
def test_nothing_typed_asks_for_a_contact(typed: str) -> None:
    assert refused(normalise_phone(typed)) == "contact_needed"


def test_text_of_the_greatest_length_is_still_read_and_longer_is_not() -> None:
    assert normalise_phone("075-123-4567".rjust(LONGEST_TYPED)) == KYOTO
    assert refused(normalise_phone("075-123-4567".rjust(LONGEST_TYPED + 1))) == "phone_invalid"


def test_184_belongs_to_the_number_unless_a_dialled_number_follows() -> None:
    assert refused(normalise_phone("184312345678")) == "phone_invalid"
    assert normalise_phone("1840312345678") == "+81312345678"
    assert refused(normalise_phone("1850751234567")) == "phone_invalid"


@pytest.mark.parametrize("caller", [KYOTO, MOBILE, "+442079460018"])
def test_a_real_callers_number_is_shown(caller: str) -> None:
    assert shown_number(caller) == caller


@pytest.mark.parametrize(
    "caller",
    [
        "",
        "anonymous",
        "Anonymous",
        "unknown",
        "restricted",
        "unavailable",
        "+266696687",  # ANONYMOUS on a keypad
        "266696687",
        "+7378742833",  # RESTRICTED
        "+2562533",  # BLOCKED
        "+8656696",  # UNKNOWN
        "+86282452253",  # UNAVAILABLE
        "+464",
        "110",
        "+81",
        "+8190123456",
        "+819012345678999",
        "0751234567",  # a network gives the country, or the number is not to be relied on
        "sip:anonymous@anonymous.invalid",
        "client:desk",
    ],
)
def test_a_withheld_or_impossible_caller_is_nobody(caller: str) -> None:
    assert shown_number(caller) is None
