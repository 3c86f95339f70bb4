"""Instants as the REST interface writes them, and as its filters read them."""

from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime

from flask import request

from simulator.network.doors.rest_errors import invalid


def written(instant: datetime | None) -> str | None:
    return format_datetime(instant.astimezone(UTC)) if instant else None


def fits(instant: datetime | None, name: str) -> bool:
    """Tell whether an instant passes the request's filters `name`, `name<` and `name>`; a date means its whole day."""
    for sign in ("", "<", ">"):
        asked = request.args.get(name + sign)
        if asked and (instant is None or not _compare(instant, sign, asked)):
            return False
    return True


def _compare(instant: datetime, sign: str, asked: str) -> bool:
    begin, end = _span(asked)
    if not sign and begin.time() == time.min:
        end = begin + timedelta(days=1)  # libraries write a date as its midnight
    if sign == "<":
        return instant < end
    return instant >= begin if sign == ">" else begin <= instant < end


def _span(asked: str) -> tuple[datetime, datetime]:
    try:
        if len(asked) == len("2025-04-07"):
            begin = datetime.combine(date.fromisoformat(asked), time.min, UTC)
            return begin, begin + timedelta(days=1)
        begin = datetime.fromisoformat(asked)
    except ValueError:
        raise invalid(20001, f"{asked} is no date or time") from None
    begin = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
    return begin, begin + timedelta(seconds=1)
