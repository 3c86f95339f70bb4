"""What the product sends to the database while it does something once: the texts and values of its statements.

The other side of a comparison sends the same. So nothing of it is written down anywhere, and a change of the product is
a change of what it is measured against.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from booking_core.db import APP_ROLE, in_transaction
from booking_core.refusal import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver was given it."""

    query: bytes
    values: Mapping[str, Any]


def recorded(engine: Engine, work: Callable[[Connection], object]) -> list[Statement]:
    """Return what `work` sends to the database. Whatever it changes is rolled back."""
    heard: list[Statement] = []

    class Heard(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:  # noqa: ANN401 - the driver's own
            heard.append(Statement(query if isinstance(query, bytes) else query.encode(), dict(params or {})))
            return super().execute(query, params, **options)

    def listen(driver: Any, *_: object) -> None:  # noqa: ANN401 - likewise
        driver.cursor_factory = Heard

    def work_and_refuse(db: Connection) -> Refusal:
        answer = work(db)
        assert not isinstance(answer, Refusal), f"what was to be recorded was refused: {answer}"
        return Refusal(Reason.BUSY)

    listening = create_engine(engine.url, poolclass=NullPool, isolation_level="READ COMMITTED")
    event.listen(listening, "checkout", listen)
    in_transaction(listening, work_and_refuse)
    return heard


def connect(url: str, *, autocommit: bool = False) -> "psycopg.Connection[Any]":
    """Return a plain connection with the application's rights."""
    db = psycopg.connect(url, options="-c timezone=UTC")
    db.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APP_ROLE)))
    db.commit()
    db.autocommit = autocommit
    return db
