"""Tells the line that there may be work: a caller can be taken, or an operator is free.

Heard once the transaction is committed; a line that is not running misses nothing, it looks by itself every second.
"""

from sqlalchemy import Connection

from booking_core.statement import Statement

CHANNEL = "madoguchi_line"


def wake_line(db: Connection) -> None:
    _NOTIFY.run(db, {})


_NOTIFY = Statement(f"NOTIFY {CHANNEL}")
