"""Statements on the path of every booking, handed to the driver as they are.

SQLAlchemy compiles, binds and describes a text anew whenever it is executed. For the statements of a booking and of the
free days that took longer than psycopg itself (docs/decisions/0004), so these go straight to the cursor, on the same
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
    """One SQL text with `:named` values, like `text()`. Its rows name their columns."""

    def __init__(self, sql: str) -> None:
        self._query = str(text(sql).compile(dialect=_DIALECT)).encode()

    def all(self, db: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Run it and return its rows.

        Raises:
            DBAPIError: what `Connection.execute` would raise, without the values.
        """
        found: list[Any] = self._execute(db, values).fetchall()
        return found

    def run(self, db: Connection, values: Mapping[str, Any]) -> int:
        """Run it and return how many rows it changed.

        Raises:
            DBAPIError: as above.
        """
        return int(self._execute(db, values).rowcount)

    def _execute(self, db: Connection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the driver's cursor
        if not db.in_transaction():
            db.begin()  # as `Connection.execute` does
        driver: Any = db.connection.driver_connection
        try:
            return driver.cursor(row_factory=namedtuple_row).execute(self._query, values)
        except psycopg.Error as error:
            if driver.broken:
                db.invalidate(error)
                db.engine.dispose()  # what broke this connection broke its idle neighbours
            raise DBAPIError.instance(
                self._query.decode(), None, error, psycopg.Error, hide_parameters=True, dialect=db.dialect
            ) from error

    def one_or_none(self, db: Connection, values: Mapping[str, Any]) -> Any | None:  # noqa: ANN401 - the row is the SQL's
        """Run it and return its one row, None when there is none."""
        rows = self.all(db, values)
        if len(rows) > 1:
            raise LookupError(f"the statement returned {len(rows)} rows, not one")
        return rows[0] if rows else None

    def one(self, db: Connection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - likewise
        """Run it and return its row; raises LookupError when there is none, which is a bug in the caller."""
        row = self.one_or_none(db, values)
        if row is None:
            raise LookupError("the statement returned no row")
        return row
