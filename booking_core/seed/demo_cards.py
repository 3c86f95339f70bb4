"""The demo's card records: numbers and passwords anybody can tell from their rule, taken in as a real file is."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from booking_core.actors import Actor, ActorKind, Channel
from booking_core.cards.import_file import KEPT
from booking_core.cards.importing import import_cards
from booking_core.refusal import Refusal

CARDS = 1_260
FREE_CARDS = 1_000
"""The first so many have no booking: for whoever tries the demo out, alone or with a crowd of programs."""

SIMULATED_CARDS = 200
"""So many more, by the same rule, are for simulated people: whoever tries the demo out finds hers untouched."""

_KANA = ("サクラ", "ウメ", "モミジ", "ツツジ", "フジ", "アジサイ", "ハス", "キキョウ", "ススキ", "ナンテン")
_LIES_NEAR = ("kita", "minami", "center-3f")
_EVERY_TENTH = 10


@dataclass(frozen=True, slots=True)
class DemoCard:
    """A line of the demo's file. `place` is empty for a card that lies in the storehouse."""

    number: str
    password: str
    kana: str
    place: str


def demo_cards() -> list[DemoCard]:
    """Return the demo's cards: 9000000001 with password 12340001, 9000000002 with 12340002, and so on.

    Digits only, so that a telephone's keys can enter them. Every tenth lies at a venue, where the shorter lead applies.
    """
    return [_card(n) for n in range(1, CARDS + 1)]


def _card(n: int) -> DemoCard:
    place = _LIES_NEAR[n // _EVERY_TENTH % len(_LIES_NEAR)] if n % _EVERY_TENTH == 0 else ""
    return DemoCard(f"9{n:09d}", f"{12340000 + n}", f"レンシュウ {_KANA[n % len(_KANA)]}", place)


def import_demo_cards(db: Connection, *, pepper: bytes, now: datetime) -> None:
    """Take the demo's cards in through the importer.

    Raises:
        ValueError: the importer did not take every line, which is a bug of this file.
    """
    _import(db, demo_cards(), "demo-cards.csv", pepper=pepper, now=now)


def import_simulated_cards(db: Connection, *, pepper: bytes, now: datetime) -> None:
    """Take in the cards of simulated people, who come after all others."""
    cards = [_card(n) for n in range(CARDS + 1, CARDS + SIMULATED_CARDS + 1)]
    _import(db, cards, "simulated-cards.csv", pepper=pepper, now=now)


def _import(db: Connection, cards: Sequence[DemoCard], file_name: str, *, pepper: bytes, now: datetime) -> None:
    importer = Actor(ActorKind.IMPORTER, None, Channel.SYSTEM)
    report = import_cards(db, card_file(cards), file_name=file_name, pepper=pepper, by=importer, now=now)
    if isinstance(report, Refusal) or report.added != len(cards):
        raise ValueError(f"the cards of {file_name} were not all taken: {report}")


def card_file(cards: Sequence[DemoCard]) -> bytes:
    """Return cards as the CSV file a city would send."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(KEPT)
    writer.writerows((card.number, card.password, card.kana, card.place) for card in cards)
    return lines.getvalue().encode()
