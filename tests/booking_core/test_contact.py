import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_core.contact import LONGEST_NAME, Contact, contains_my_number, kana_key, read_contact
from tests.factories import refused

PHONE = "075-123-4567"
MY_NUMBER = "123456789018"  # its last digit is the check digit of the first eleven


def check_digit(eleven: str) -> int:
    """Compute the My Number check digit the long way round: from the right, weights 2 to 7, then 2 to 6."""
    weights = [2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6]
    remainder = sum(int(digit) * weight for digit, weight in zip(reversed(eleven), weights, strict=True)) % 11
    return 0 if remainder <= 1 else 11 - remainder


def test_a_card_visit_needs_the_telephone_alone() -> None:
    assert read_contact(PHONE, name_needed=False) == Contact("+81751234567")
    assert read_contact(PHONE, name="都 花子", kana="ミヤコ", name_needed=False) == Contact("+81751234567")


def test_another_visit_needs_a_name_too_and_kana_may_be_missing() -> None:
    assert read_contact(PHONE, name="  都　花子\n", kana="", name_needed=True) == Contact("+81751234567", "都 花子")
    whole = read_contact(PHONE, name="都 花子", kana="みやこ はなこ", name_needed=True)
    assert whole == Contact("+81751234567", "都 花子", "みやこ はなこ")
    assert isinstance(whole, Contact)
    assert whole.kana_key == "ミヤコハナコ"
    assert refused(read_contact(PHONE, name=" \u3000", name_needed=True)) == "name_needed"
    assert refused(read_contact(PHONE, name_needed=True)) == "name_needed"
    assert refused(read_contact("", name="都 花子", name_needed=True)) == "contact_needed"
    assert refused(read_contact("075-123-456", name="都 花子", name_needed=True)) == "phone_invalid"


@pytest.mark.parametrize("field", ["name", "kana"])
def test_a_name_of_the_greatest_length_is_kept_and_a_longer_one_refused(field: str) -> None:
    texts = {"name": "都", "kana": "ミ"}
    fits = read_contact(PHONE, **(texts | {field: "あ" * LONGEST_NAME}), name_needed=True)
    assert isinstance(fits, Contact)
    assert (
        refused(read_contact(PHONE, **(texts | {field: "あ" * (LONGEST_NAME + 1)}), name_needed=True))
        == "text_too_long"
    )


def test_control_characters_do_not_reach_the_book() -> None:
    kept = read_contact(PHONE, name="都\x00\x1b[31m\u202e 花子", name_needed=True)
    assert kept == Contact("+81751234567", "都[31m 花子")


@pytest.mark.req("3-1-A-vi")
@pytest.mark.parametrize(
    "text",
    [
        MY_NUMBER,
        "1234 5678 9018",
        "1234-5678-9018",
        "１２３４５６７８９０１８",
        "１２３４－５６７８－９０１８",
        "1234−5678−9018",  # a minus sign, as Japanese keyboards give it
        "1234‐5678‐9018",
        "1234ー5678ー9018",
        "1234 - 5678 - 9018",
        "1234\u30005678\u30009018",
        "番号は123456789018です",
        "075-123-4567 1234-5678-9018",
        "1234-5678-9018 075-123-4567",
    ],
)
def test_a_my_number_is_found_however_it_is_written(text: str) -> None:
    assert contains_my_number(text)
    assert refused(read_contact(PHONE, name=text, name_needed=True)) == "my_number_found"
    assert refused(read_contact(PHONE, name="都", kana=text, name_needed=True)) == "my_number_found"


@pytest.mark.parametrize(
    "text", ["123456789010", "12345678901", "1234567890180", "0123456789018", "12345-67890", "", "都 花子"]
)
def test_other_figures_are_no_my_number(text: str) -> None:
    assert not contains_my_number(text)


@given(st.text(alphabet="0123456789", min_size=11, max_size=11))
@settings(max_examples=200)
def test_of_the_ten_last_digits_exactly_the_check_digit_makes_a_my_number(eleven: str) -> None:
    assert [digit for digit in range(10) if contains_my_number(f"{eleven}{digit}")] == [check_digit(eleven)]


@pytest.mark.req("3-1-A-vi")
def test_a_my_number_in_the_telephone_box_is_refused_even_where_it_could_be_rung() -> None:
    assert refused(read_contact(MY_NUMBER, name_needed=False)) == "my_number_found"
    assert refused(read_contact("1234-5678-9018", name_needed=False)) == "my_number_found"
    for eleven in ("81901234567", "18431234567"):  # +81 without its plus; a number after 184
        my_number = f"{eleven}{check_digit(eleven)}"
        assert refused(read_contact(my_number, name_needed=False)) == "my_number_found"


def test_a_telephone_number_of_twelve_digits_with_its_plus_is_no_my_number() -> None:
    mobile = f"81901234567{check_digit('81901234567')}"
    assert read_contact(f"+{mobile}", name_needed=False) == Contact(f"+{mobile}")
    assert read_contact(f"＋{mobile}", name_needed=False) == Contact(f"+{mobile}")
    assert refused(read_contact(f"+{MY_NUMBER}", name_needed=False)) == "my_number_found"  # no country begins like it


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("ミヤコ ハナコ", "ミヤコハナコ"),
        ("みやこ　はなこ", "ミヤコハナコ"),
        ("ﾐﾔｺ ﾊﾅｺ", "ミヤコハナコ"),
        ("キョウコ", "キヨウコ"),
        ("ショージ", "シヨジ"),
        ("ヴァレリー", "バレリ"),
        ("ヴ", "ブ"),
        ("ヴィオラ", "ビオラ"),
        ("ヴェラ", "ベラ"),
        ("ヴォルフ", "ボルフ"),
        ("ジョン・スミス", "ジヨンスミス"),
        ("O'Brien", "OBRIEN"),
        ("ｶﾞ", "ガ"),
    ],
)
def test_names_are_folded_so_that_spellings_of_one_name_meet(typed: str, key: str) -> None:
    assert kana_key(typed) == key
