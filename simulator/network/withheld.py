"""How a caller who withholds her number appears: never as a number that can be called."""

WORDS = frozenset({"anonymous", "unknown", "restricted", "unavailable", "blocked", ""})
TYPED_WORDS = {
    "+266696687": "anonymous",
    "+7378742833": "restricted",
    "+2562533": "blocked",
    "+8656696": "unknown",
    "+86282452253": "unavailable",
}
"""Words typed on the keypad of a telephone: what some networks pass on instead of a number."""


def is_withheld(number: str) -> bool:
    return number.lower() in WORDS or number in TYPED_WORDS
