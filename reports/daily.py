"""Draws up one day's report from the metrics: the only place where its content is made (3-2-L, F-38)."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from booking_core import settings
from booking_core.alarms import list_between
from booking_core.clock import TOKYO
from ivr.hours import LineHours
from metrics.answer_rate import queue_based_rate, rate_with_call_backs, strict_rate
from metrics.call_counts import PeriodCounts, count_calls, count_calls_by
from metrics.day_end import days_to_complete, find_unfinished
from metrics.day_figures import figures_of_day
from metrics.main_reasons import MAIN_REASONS, count_main_reasons
from metrics.period import Period, span_of_day, span_of_month
from metrics.remaining_places import REMAINING_PLACES, list_remaining_places
from metrics.seat_minutes import SEAT_MINUTES, SeatMinute, seat_minutes
from metrics.service_level import of_offered
from metrics.waiting import LONGEST, SPEED_OF_ANSWER
from reports.content import DailyContent, DayRow, HourRow, IncidentRow, RateRow, RemainingRow, SeatsRow, rate_row

TENTHS = 10
_BESIDE_RATES = (SPEED_OF_ANSWER, LONGEST, MAIN_REASONS, SEAT_MINUTES, REMAINING_PLACES)


def compose(db: Connection, day: date, hours: LineHours, *, now: datetime) -> DailyContent:
    """Return the report of a day as it stands at `now`."""
    unfinished = find_unfinished(db, day)
    return {
        "service_name": settings.read_all(db).service_name,
        "cut_off": _tokyo(now),
        "unfinished_calls": unfinished.calls,
        "unfinished_wrap_ups": unfinished.wrap_ups,
        "today": day_row(db, day, hours, now=now),
        "before": [day_row(db, each, hours, now=now) for each in days_to_complete(day, hours)],
        "month": _month_to_date(db, day),
        "remaining": _remaining(db, day),
        "incidents": _incidents(db, day, hours),
    }


def day_row(db: Connection, day: date, hours: LineHours, *, now: datetime) -> DayRow:
    """Return the figures of a day as they stand at `now`."""
    figures, is_open = figures_of_day(db, day), hours.open_on(day)
    calls = figures.calls
    beside = (*figures.other_rates, rate_with_call_backs(calls), of_offered(calls))
    rates = (figures.strict_rate, figures.queue_based_rate, *beside)
    by_hour = count_calls_by(db, Period.HOUR, *span_of_day(day))
    return {
        "day": f"{day}",
        "line_open": is_open,
        "received": calls.received,
        "received_closed": calls.received_closed,
        "answered": calls.answered,
        "abandoned_in_ivr": calls.abandoned_in_ivr,
        "abandoned_in_queue": calls.abandoned_in_queue,
        "abandoned_while_ringing": calls.abandoned_while_ringing,
        "failed": calls.failed,
        "undecided": calls.undecided,
        "rates": [rate_row(rate) for rate in rates],
        "waits": {
            "answered": calls.answered_waits,
            "answered_us": calls.answered_wait_us,
            "longest_us": calls.longest_wait_us,
        },
        "reasons": [
            {"reason": reason or "", "calls": count}
            for reason, count in count_main_reasons(db, *span_of_day(day)).items()
        ],
        "most_open_seats": figures.most_open_seats,
        "hours": list(_hours(by_hour, hours if is_open else None, seat_minutes(db, day, hours, now=now))),
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
        "definitions": list(
            dict.fromkeys(
                str(each) for each in (*figures.definitions, *(rate.definition for rate in beside), *_BESIDE_RATES)
            )
        ),
    }


def _hours(counts: Sequence[PeriodCounts], hours: LineHours | None, minutes: Sequence[SeatMinute]) -> Iterator[HourRow]:
    """Yield the hours of the line, and any other in which calls arrived that count."""
    of_the_line = range(hours.opens.hour, hours.closes.hour + (hours.closes.minute > 0)) if hours else range(0)
    for each in counts:
        hour = each.since.astimezone(TOKYO).hour
        if hour not in of_the_line and not each.calls.received:
            continue
        yield {
            "hour": hour,
            "received": each.calls.received,
            "answered": each.calls.answered,
            "abandoned": each.calls.abandoned,
            "failed": each.calls.failed,
            "undecided": each.calls.undecided,
            "counted": strict_rate(each.calls).denominator,
            "seats": _seats([minute for minute in minutes if each.since <= minute.at < each.until]),
        }


def _seats(minutes: Sequence[SeatMinute]) -> SeatsRow:
    """Return the averages over the minutes of an hour that are known, cut to a tenth of a seat."""
    if not minutes:
        return {"present": None, "able": None, "planned": None}
    columns = zip(*((minute.present, minute.able, minute.planned) for minute in minutes), strict=True)
    present, able, planned = (sum(column) * TENTHS // len(minutes) for column in columns)
    return {"present": present, "able": able, "planned": planned}


def _month_to_date(db: Connection, day: date) -> list[RateRow]:
    calls = count_calls(db, span_of_month(day)[0], span_of_day(day)[1])
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
    since, until = span_of_day(day)
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
