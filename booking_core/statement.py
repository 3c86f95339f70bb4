"""Statements on the path of every booking, handed to the driver as they are.

SQLAlchemy compiles, binds and describes a text anew whenever it is executed. On the three statements of a booking that
took more time than psycopg and Flask together (docs/decisions/0004), so these go straight to the cursor, on the same
connection, in the same transaction, with the same errors. Everywhere else `text()` is the simpler word.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.exc import DBAPIError

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]  # untyped there


class Statement:
    """One SQL text with `:named` values, like `text()`, that returns at most one row."""

    def __init__(self, sql: str) -> None:
        self._query = str(text(sql).compile(dialect=_DIALECT)).encode()

    def one_or_none(self, db: Connection, values: Mapping[str, Any]) -> Any | None:  # noqa: ANN401 - the row is the SQL's
        """Run it and return its row, columns by name.

        Raises:
            DBAPIError: what `Connection.execute` would raise, without the values.
        """
        if not db.in_transaction():
            db.begin()  # as `Connection.execute` does
        driver: Any = db.connection.driver_connection
        try:
            return driver.cursor(row_factory=namedtuple_row).execute(self._query, values).fetchone()
        except psycopg.Error as error:
            if driver.broken:
                db.invalidate(error)
                db.engine.dispose()  # what broke this connection broke its idle neighbours
            raise DBAPIError.instance(
                self._query.decode(), None, error, psycopg.Error, hide_parameters=True, dialect=db.dialect
            ) from error

    def one(self, db: Connection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - likewise
        """Run it and return its row; raises LookupError when there is none, which is a bug in the caller."""
        row = self.one_or_none(db, values)
        if row is None:
            raise LookupError("the statement returned no row")
        return row
