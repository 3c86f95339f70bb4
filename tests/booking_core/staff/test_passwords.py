import pytest
from argon2 import PasswordHasher, extract_parameters

from booking_core.refusal import Reason, Refusal
from booking_core.staff.passwords import HASHER, LONGEST, hash_password, refusal_of_password, verify

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
GOOD = "Kamo-gawa7"


@pytest.mark.req("3-1-C-xvi-c(a)")
@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("Aa1!aaaa", True),
        ("Aa1!aaa", False),
        ("aa1!aaaa", False),
        ("AA1!AAAA", False),
        ("Aaa!aaaa", False),
        ("Aa1aaaaa", False),
        ("Aa1 aaaa", False),
        ("Ａａ１！ａａａａ", True),
        ("あいう Aa1!", True),
        ("あいうえおかきくけ", False),
        ("Aa1!" + "a" * (LONGEST - 4), True),
        ("Aa1!" + "a" * (LONGEST - 3), False),
        ("", False),
    ],
)
def test_a_password_needs_eight_characters_of_four_kinds(password: str, taken: bool) -> None:  # noqa: FBT001 - a table
    assert (refusal_of_password(password) is None) is taken


@pytest.mark.req("3-1-C-xvi-c(a)")
def test_the_city_may_ask_for_longer_passwords_and_never_for_shorter_ones() -> None:
    assert refusal_of_password("Aa1!aaaaaaa", shortest=12) == Refusal(Reason.PASSWORD_TOO_WEAK, {"shortest": 12})
    assert refusal_of_password("Aa1!aaaaaaaa", shortest=12) is None
    assert refusal_of_password("Aa1!", shortest=4) == Refusal(Reason.PASSWORD_TOO_WEAK, {"shortest": 8})


def test_what_is_kept_is_argon2id_above_the_recommended_floor() -> None:
    kept = extract_parameters(hash_password(GOOD, hasher=HASHER))
    assert kept.type.name == "ID"
    assert (kept.memory_cost, kept.time_cost, kept.parallelism) >= (19_456, 2, 1)


def test_only_the_right_password_matches() -> None:
    kept = hash_password(GOOD, hasher=QUICK)
    assert verify(kept, GOOD, hasher=QUICK).matches
    assert verify(kept, "Ｋａｍｏ－ｇａｗａ７", hasher=QUICK).matches
    for wrong in ("", "kamo-gawa7", GOOD + " ", GOOD + "\0", "x" * 10_000):
        assert not verify(kept, wrong, hasher=QUICK).matches


def test_nobody_matches_where_no_hash_or_a_broken_one_is_kept() -> None:
    for kept in (None, "", "plain", "$argon2id$v=19$m=8,t=1,p=1$broken"):
        assert not verify(kept, "nobody has this password", hasher=QUICK).matches


def test_a_right_password_is_hashed_anew_when_the_parameters_have_risen() -> None:
    kept = hash_password(GOOD, hasher=QUICK)
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    assert verify(kept, GOOD, hasher=QUICK).new_hash is None
    anew = verify(kept, GOOD, hasher=stronger).new_hash
    assert anew
    assert extract_parameters(anew).memory_cost == 16
    assert verify(anew, GOOD, hasher=stronger).new_hash is None
    assert verify(kept, "wrong", hasher=stronger).new_hash is None
