"""How long something takes to say."""

import re
from dataclasses import dataclass

KANJI = re.compile(r"[\u3400-\u9fff]")
KANA = re.compile(r"[\u3040-\u30ff]")
STOPS = "。、！？,.!?"
KANA_OF_A_KANJI, KANA_OF_A_DIGIT, KANA_OF_A_STOP, KANA_OF_A_LETTER = 2.0, 2.5, 3.0, 0.6


@dataclass(frozen=True, slots=True)
class Speech:
    """The pace of the network's voices.

    Attributes:
        kana_per_second: about eight for a voice that is easy to follow.
        speed_up: divides every spoken second; 10 lets a visitor or a test hear an announcement in a tenth of its time.
        shortest_seconds: what even one word takes.
    """

    kana_per_second: float = 8.0
    speed_up: float = 1.0
    shortest_seconds: float = 0.5

    def seconds(self, text: str) -> float:
        return max(self.shortest_seconds, kana(text) / self.kana_per_second) / self.speed_up


def kana(text: str) -> float:
    """Return about how many kana a text has when it is read out."""
    total = 0.0
    for sign in text:
        if KANA.match(sign):
            total += 1
        elif KANJI.match(sign):
            total += KANA_OF_A_KANJI
        elif sign.isdigit():
            total += KANA_OF_A_DIGIT
        elif sign in STOPS:
            total += KANA_OF_A_STOP
        elif sign.isalpha():
            total += KANA_OF_A_LETTER
    return total
