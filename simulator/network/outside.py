"""The telephones outside: whether and when somebody answers a number that is dialled, told by its last digits."""

from dataclasses import dataclass, field

ANSWERS_AFTER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class FarEnd:
    """What happens at a dialled number.

    Attributes:
        answers_after: seconds of ringing; None if nobody ever answers.
        refuses: `busy` or `failed` instead of ringing.
        talks_for: seconds after which she hangs up; None if the other side has to.
        keys: what she presses once she has answered (a whisper may ask for it).
    """

    answers_after: float | None = ANSWERS_AFTER_SECONDS
    refuses: str | None = None
    talks_for: float | None = None
    keys: str = ""


BY_LAST_DIGITS = {
    "0001": FarEnd(refuses="busy"),
    "0002": FarEnd(answers_after=None),
    "0003": FarEnd(refuses="failed"),
    "0004": FarEnd(talks_for=10),
    "0005": FarEnd(keys="1"),
}


@dataclass
class Outside:
    """Everybody with a telephone. `known` goes before the last digits."""

    known: dict[str, FarEnd] = field(default_factory=dict)

    def far_end(self, number: str) -> FarEnd:
        return self.known.get(number) or BY_LAST_DIGITS.get(number[-4:], FarEnd())
