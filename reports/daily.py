"""Draws up one day's report from the metrics: the only place where its content is made (3-2-L, F-38)."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from booking_core import settings
from booking_core.alarms import list_between
from booking_core.clock import TOKYO
from ivr.hours import LineHours
from metrics.answer_rate import queue_based_rate, strict_rate
from metrics.call_facts import CallFact, day_start, list_call_facts
from metrics.day_end import days_to_complete, find_unfinished
from metrics.day_figures import DayFigures, figures_of_day
from metrics.remaining_places import list_remaining_places
from reports.content import DailyContent, DayRow, HourRow, IncidentRow, RateRow, RemainingRow, rate_row


def compose(db: Connection, day: date, hours: LineHours, *, now: datetime) -> DailyContent:
    """Return the report of a day as it stands at `now`."""
    unfinished = find_unfinished(db, day)
    return {
        "service_name": settings.read_all(db).service_name,
        "cut_off": _tokyo(now),
        "unfinished_calls": unfinished.calls,
        "unfinished_wrap_ups": unfinished.wrap_ups,
        "today": day_row(db, day, hours),
        "before": [day_row(db, each, hours) for each in days_to_complete(day, hours)],
        "month": _month_to_date(db, day),
        "remaining": _remaining(db, day),
        "incidents": _incidents(db, day, hours),
    }


def day_row(db: Connection, day: date, hours: LineHours) -> DayRow:
    """Return the figures of a day as they stand now."""
    figures = figures_of_day(db, day)
    return {
        "day": f"{day}",
        "line_open": hours.open_on(day),
        "received": figures.received,
        "received_closed": figures.received_closed,
        "answered": figures.answered,
        "abandoned_in_ivr": figures.abandoned_in_ivr,
        "abandoned_in_queue": figures.abandoned_in_queue,
        "abandoned_while_ringing": 0,
        "failed": figures.failed,
        "undecided": figures.undecided,
        "rates": [rate_row(rate) for rate in (figures.strict_rate, figures.queue_based_rate, *figures.other_rates)],
        "most_open_seats": figures.most_open_seats,
        "hours": list(_hours(list_call_facts(db, day, day), hours if hours.open_on(day) else None)),
        "bookings": [
            {
                "service": each.service_code,
                "service_name": each.service_name,
                "channel": each.channel,
                "made": each.made,
                "moved": each.moved,
                "cancelled": each.cancelled,
            }
            for each in figures.bookings
        ],
        "definitions": [str(each) for each in _definitions(figures)],
    }


def _definitions(figures: DayFigures) -> Sequence[object]:
    return figures.definitions


def _hours(calls: Sequence[CallFact], hours: LineHours | None) -> Iterator[HourRow]:
    """Yield the hours of the line, and any other in which calls arrived that count."""
    counted = [(call.received_at.astimezone(TOKYO).hour, call) for call in calls if call.in_hours]
    of_the_line = range(hours.opens.hour, hours.closes.hour + (hours.closes.minute > 0)) if hours else ()
    for hour in sorted({*of_the_line, *(hour for hour, _ in counted)}):
        these = [call for arrived, call in counted if arrived == hour]
        answered = sum(call.answered for call in these)
        undecided = sum(not call.decided for call in these)
        failed = sum(call.outcome == "failed" and not call.answered for call in these)
        yield {
            "hour": hour,
            "received": len(these),
            "answered": answered,
            "abandoned": len(these) - answered - undecided - failed,
            "failed": failed,
            "undecided": undecided,
            "seats": {"present": None, "able": None, "planned": None},
        }


def _month_to_date(db: Connection, day: date) -> list[RateRow]:
    calls = list_call_facts(db, day.replace(day=1), day)
    return [rate_row(strict_rate(calls)), rate_row(queue_based_rate(calls))]


def _remaining(db: Connection, day: date) -> list[RemainingRow]:
    return [
        {
            "venue": each.venue,
            "service": each.service,
            "next_free_day": f"{each.next_free_day}" if each.next_free_day else None,
            "places_7_days": each.places_7_days,
            "places_30_days": each.places_30_days,
        }
        for each in list_remaining_places(db, day)
    ]


def _incidents(db: Connection, day: date, hours: LineHours) -> list[IncidentRow]:
    """Return the alarms that were open on the day, and the line's closures beyond its calendar."""
    since, until = day_start(day), day_start(day + timedelta(days=1))
    alarms: list[IncidentRow] = [
        {
            "what": each.message,
            "since": _tokyo(each.raised_at),
            "until": _tokyo(each.closed_at) if each.closed_at else None,
        }
        for each in list_between(db, since, until)
    ]
    closures: list[IncidentRow] = [
        {"what": f"電話の休止：{each.words}", "since": _tokyo(each.starts_at), "until": _tokyo(each.ends_at)}
        for each in hours.closures
        if each.starts_at < until and each.ends_at > since
    ]
    return sorted([*alarms, *closures], key=lambda each: (each["since"], each["what"]))


def _tokyo(instant: datetime) -> str:
    return instant.astimezone(TOKYO).isoformat(timespec="seconds")
