"""Whether the line lives: the last signs that a line process and the provider gave, in real time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

SILENT_AFTER = timedelta(seconds=30)
"""A line process writes every 15 seconds that it lives."""

PROVIDER_SILENT_AFTER = timedelta(seconds=90)
"""The provider is asked for its live calls every 30 seconds."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The newest signs of life; None where there never was one."""

    line: datetime | None
    provider: datetime | None

    def line_lives(self, real_now: datetime) -> bool:
        return self.line is not None and real_now - self.line <= SILENT_AFTER

    def provider_answers(self, real_now: datetime) -> bool:
        return self.provider is not None and real_now - self.provider <= PROVIDER_SILENT_AFTER


def newest_sign(db: Connection) -> Signs:
    return Signs(*db.execute(_NEWEST).one())


def note_provider(db: Connection, name: str, *, real_now: datetime) -> None:
    """Note that the provider has just answered a line process."""
    db.execute(_PROVIDER, {"name": name, "now": real_now})


_NEWEST = text("SELECT max(seen_at), max(provider_at) FROM line_process")
_PROVIDER = text("UPDATE line_process SET provider_at = :now WHERE name = :name")
