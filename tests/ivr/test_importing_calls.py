"""A provider's list or a public log becomes calls of the ledger: all of it, once, or nothing with the reason."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from booking_core.db import in_transaction
from ivr.hours import LineHours
from ivr.ledger.import_calls import Imported, import_calls, judge_by_the_line
from ivr.ledger.listed_calls import IgnoredRow, ListedCall, ListFormat, RefusedRow, Row, read_calls, unknown_columns
from metrics.call_counts import CallCounts, count_calls
from tests.factories import done

PLAIN = """id,arrived,queued,answered,ended,outcome
a,2025-04-07 09:00:00,2025-04-07 09:00:05,2025-04-07 09:00:25,2025-04-07 09:05:25,answered
b,2025-04-07 09:10:00,2025-04-07 09:10:05,,2025-04-07 09:10:45,abandoned
c,2025-04-07 09:20:00,,,2025-04-07 09:20:03,abandoned
d,2025-04-07 18:20:00,,,2025-04-07 18:20:03,closed
"""
BANK = """call_id,date,vru_entry,q_start,q_exit,q_time,outcome,ser_start,ser_exit
1,990801,11:31:41,11:31:50,11:32:10,20,AGENT,11:32:10,11:35:00
2,990801,11:40:00,11:40:10,11:40:40,30,HANG,0:00:00,0:00:00
3,990801,11:50:00,0:00:00,0:00:00,0,HANG,0:00:00,0:00:00
4,990801,11:52:00,0:00:00,0:00:00,0,AGENT,11:52:09,11:53:09
5,990801,11:53:00,11:53:09,11:53:19,10,PHANTOM,0:00:00,0:00:00
6,990801,23:59:50,23:59:58,0:00:20,22,AGENT,0:00:20,0:03:20
"""
AS_THE_BANK = ListFormat(
    columns={
        "id": "call_id", "arrived": "date+vru_entry", "queued": "date+q_start", "answered": "date+ser_start",
        "ended": "date+ser_exit",
        "queue_seconds": "q_time",
    },
    outcomes={"AGENT": "answered", "HANG": "abandoned", "PHANTOM": "ignored"},
    empty=ListFormat().empty | {"0:00:00"},
    time_format="%y%m%d %H:%M:%S",
)  # fmt: skip
WHOLE = (datetime(1990, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def read(content: str, layout: ListFormat | None = None) -> list[Row]:
    reader = csv.DictReader(io.StringIO(content))
    return list(read_calls(reader, reader.fieldnames or (), layout or ListFormat(), list_id="list"))


def calls(rows: list[Row]) -> list[ListedCall]:
    return [row for row in rows if isinstance(row, ListedCall)]


def reason(line: str, layout: ListFormat | None = None) -> str:
    """Return why this row of the plain list is refused."""
    (row,) = read(PLAIN.splitlines()[0] + "\n" + line, layout)
    assert isinstance(row, RefusedRow)
    assert row.row == 2
    return row.reason.partition(":")[0]


def taken(engine: Engine, rows: list[Row], *, skip_bad: bool = False) -> Imported:
    return done(in_transaction(engine, lambda db: import_calls(db, rows, skip_bad=skip_bad)))


def counts(engine: Engine) -> CallCounts:
    with engine.connect() as db:
        return count_calls(db, *WHOLE)


def test_a_plain_list_is_read_as_it_says() -> None:
    a, b, c, d = calls(read(PLAIN))
    assert (a.outcome, a.wait_us, a.talk_us, a.in_hours) == ("answered", 20_000_000, 300_000_000, True)
    assert (b.outcome, b.place, b.wait_us) == ("abandoned_queue", "queue", 40_000_000)
    assert (c.outcome, c.place, c.wait_us) == ("abandoned_ivr", "ivr", None)
    assert (d.outcome, d.in_hours) == ("closed", False)
    assert a.received_at == datetime.fromisoformat("2025-04-07T09:00:00+09:00")


def test_a_bank_s_log_with_dates_apart_from_times_is_read_across_midnight() -> None:
    rows = read(BANK, AS_THE_BANK)
    one, two, three, four, six = calls(rows)
    assert [type(row) for row in rows].count(IgnoredRow) == 1
    assert (one.outcome, one.wait_us, one.talk_us) == ("answered", 20_000_000, 170_000_000)
    assert (two.outcome, two.wait_us) == ("abandoned_queue", 30_000_000)
    assert (three.outcome, three.enqueued_at) == ("abandoned_ivr", None)
    assert (four.outcome, four.wait_us, four.enqueued_at) == ("answered", 0, four.answered_at)
    assert (six.wait_us, six.ended_at - six.received_at) == (22_000_000, timedelta(seconds=210))
    assert six.answered_at == datetime.fromisoformat("1999-08-02T00:00:20+09:00")


LIKE_THE_BANK = replace(
    AS_THE_BANK,
    columns={**AS_THE_BANK.columns, "id": "date+call_id", "talk_seconds": "ser_time"},
    empty=AS_THE_BANK.empty | {"00:00:00"},
)
"""As analysts read that log: the lengths are its own, and its numbers begin anew."""


def bank(*lines: str) -> list[Row]:
    heading = "call_id,date,vru_entry,q_start,q_time,outcome,ser_start,ser_exit,ser_time\n"
    return read(heading + "\n".join(lines), LIKE_THE_BANK)


def test_a_length_that_is_told_counts_although_the_times_beside_it_are_a_second_off() -> None:
    (call,) = calls(bank("1,990901,11:45:33,11:45:39,79,AGENT,11:46:57,11:51:00,243"))
    assert (call.wait_us, call.talk_us) == (79_000_000, 243_000_000)


def test_numbers_that_begin_anew_each_day_are_told_apart_by_the_date() -> None:
    tail = "9:00:00,9:00:05,9,HANG,0:00:00,0:00:00,0"
    rows = calls(bank(f"1,990901,{tail}", f"1,990902,{tail}"))
    assert [each.call_sid for each in rows] == ["990901 1", "990902 1"]


def test_a_midnight_that_looks_like_nothing_is_found_by_the_lengths() -> None:
    came, queued, took, left = calls(
        bank(
            "1,990901,0:00:00,0:00:05,20,AGENT,0:00:25,0:01:25,60",
            "2,990901,23:59:50,0:00:00,30,AGENT,0:00:30,0:01:30,60",
            "3,990901,23:59:40,23:59:50,10,AGENT,0:00:00,0:01:00,60",
            "4,990901,23:58:00,23:58:10,20,AGENT,23:58:30,0:00:00,90",
        )
    )
    midnight = datetime.fromisoformat("1999-09-02T00:00:00+09:00")
    assert (came.received_at, came.wait_us) == (midnight - timedelta(days=1), 20_000_000)
    assert (queued.enqueued_at, queued.wait_us) == (midnight, 30_000_000)
    assert (took.answered_at, took.wait_us, took.talk_us) == (midnight, 10_000_000, 60_000_000)
    assert (left.ended_at, left.talk_us) == (midnight, 90_000_000)


def test_what_lies_a_second_before_the_arrival_is_not_taken_for_the_next_day() -> None:
    (row,) = bank("1,990901,8:00:50,8:00:49,10,AGENT,8:00:59,8:02:59,120")
    assert row == RefusedRow(2, "queued: 1999-09-01 08:00:49 lies before arrived, 1999-09-01 08:00:50")
    (row,) = bank("1,990901,8:00:50,8:00:55,-1,AGENT,8:00:59,8:02:59,120")
    assert row == RefusedRow(2, "queue_seconds: '-1' is out of range")


def test_a_column_whose_name_has_a_plus_is_one_column() -> None:
    layout = ListFormat(columns={"id": "vru+line+call", "arrived": "day+time"})
    (call,) = calls(read("vru+line,call,day,time,ended\nAA01,7,2025-04-07,09:00:00,2025-04-07 09:01\n", layout))
    assert call.call_sid == "AA01 7"
    assert unknown_columns(["vru+line", "call"], layout) == ["day", "time"]


def test_a_summer_time_that_begins_in_the_midst_of_a_call_makes_it_no_longer() -> None:
    listed = "arrived,answered,ended\n2025-03-30 01:59:50,2025-03-30 01:59:55,2025-03-30 03:00:05\n"
    (call,) = calls(read(listed, ListFormat(zone="Europe/Paris")))
    assert (call.wait_us, call.talk_us) == (5_000_000, 10_000_000)


@pytest.mark.parametrize(
    "told",
    ["1743984000", "1743984000000", "1743984000.0", "Mon, 07 Apr 2025 00:00:00 +0000", "2025-04-07T00:00:00Z",
     "2025/04/07 09:00", "2025-04-07T09:00:00.000+09:00"],
)  # fmt: skip
def test_the_usual_ways_to_write_an_instant_are_known(told: str) -> None:
    (call,) = calls(read(f'arrived,ended\n"{told}",2025-04-07 09:01\n'))
    assert (call.received_at, call.wait_us) == (datetime(2025, 4, 7, tzinfo=UTC), 60_000_000)


def test_an_answer_without_its_time_lies_a_talk_before_the_end() -> None:
    listed = "arrived,ended,queue_seconds,talk_seconds,outcome\n"
    (call,) = calls(read(listed + "2025-04-07 09:00:00,2025-04-07 09:03:20,12,180,answered\n"))
    assert call.answered_at == datetime(2025, 4, 7, 0, 0, 20, tzinfo=UTC)
    assert (call.enqueued_at, call.wait_us) == (datetime(2025, 4, 7, 0, 0, 8, tzinfo=UTC), 12_000_000)


def test_lengths_stand_for_times_that_are_not_told() -> None:
    listed = """id,arrived,queue_seconds,talk_seconds,outcome
a,2025-04-07T09:00,12,180,handled
b,2025-04-07T09:01,40,,hangup
"""
    a, b = calls(read(listed))
    assert (a.wait_us, a.talk_us, (a.ended_at - a.received_at).seconds) == (12_000_000, 180_000_000, 192)
    assert (b.wait_us, b.outcome, (b.ended_at - b.received_at).seconds) == (40_000_000, "abandoned_queue", 40)


def test_where_no_queue_is_known_a_call_waits_from_its_arrival_on() -> None:
    a, b = calls(read("arrived,answered,ended\n1743984000,1743984020,1743984080\n1743984000,,1743984033\n"))
    assert (a.outcome, a.wait_us, b.outcome, b.wait_us) == ("answered", 20_000_000, "abandoned_queue", 33_000_000)
    assert (a.call_sid, b.call_sid) == ("list:2", "list:3")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("a,,,,2025-04-07 09:00,abandoned", "arrived"),
        ("a,yesterday,,,2025-04-07 09:00,abandoned", "arrived"),
        ("a,2025-02-29 09:00,,,2025-04-07 09:00,abandoned", "arrived"),
        ("a,2025-04-07 09:00,2025-04-07 08:59,,2025-04-07 09:02,abandoned", "queued"),
        ("a,2025-04-07 09:00,2025-04-07 09:01,2025-04-07 09:03,2025-04-07 09:02,answered", "ended"),
        ("a,2025-04-07 09:00,2025-04-07 09:01,,2025-04-07 09:02,answered", "answered"),
        ("a,2025-04-07 09:00,2025-04-07 09:01,2025-04-07 09:01,2025-04-07 09:02,abandoned", "answered"),
        ("a,2025-04-07 09:00,,,2025-04-07 09:02,abandoned_queue", "queued"),
        ("a,2025-04-07 09:00,2025-04-07 09:01,,2025-04-07 09:02,abandoned_ivr", "queued"),
        ("a,2025-04-07 09:00,2025-04-07 09:01,,,abandoned", "ended"),
        ("a,2025-04-07 09:00,,,2025-04-07 09:02,lost in space", "outcome"),
    ],
)
def test_a_row_that_cannot_be_a_call_is_refused_with_its_field(line: str, field: str) -> None:
    assert reason(line) == field


def test_the_same_list_twice_is_once_and_counts_as_its_calls(engine: Engine) -> None:
    first, again = taken(engine, read(PLAIN)), taken(engine, read(PLAIN))
    assert (first.imported, first.known, again.imported, again.known) == (4, 0, 0, 4)
    found = counts(engine)
    assert (found.received, found.received_closed, found.answered, found.abandoned) == (3, 1, 1, 2)


def test_a_bad_row_leaves_everything_out_unless_the_others_are_wanted(engine: Engine) -> None:
    rows = [*read(PLAIN), RefusedRow(6, "arrived: ''")]
    assert taken(engine, rows).imported == 0
    assert counts(engine).received == 0
    told = taken(engine, rows, skip_bad=True)
    assert (told.imported, len(told.refused)) == (4, 1)


def test_what_is_on_record_is_not_rewritten_and_a_row_said_twice_is_one_call(engine: Engine) -> None:
    taken(engine, read(PLAIN))
    told = taken(engine, read(PLAIN.replace("09:05:25", "09:06:25")))
    assert (told.imported, [each.reason for each in told.refused]) == (0, ["id: a is on record with other figures"])
    twice = PLAIN + PLAIN.splitlines()[1] + "\n" + PLAIN.splitlines()[2].replace("b,", "c,") + "\n"
    told = taken(engine, read(twice))
    assert (told.repeated, [each.row for each in told.refused]) == (1, [7])


def test_a_call_the_line_took_itself_is_not_counted_again(engine: Engine) -> None:
    with engine.begin() as db:
        db.execute(
            text("INSERT INTO call (call_sid, to_number, state, received_at) VALUES ('a', '', 'ivr', :at)"),
            {"at": datetime(2025, 4, 7, 0, 0, tzinfo=UTC)},
        )
    told = taken(engine, read(PLAIN))
    assert (told.imported, told.known, counts(engine).received) == (3, 1, 3)


def test_the_line_s_calendar_may_judge_instead_of_the_list() -> None:
    judged = list(judge_by_the_line(read(PLAIN.replace("closed", "abandoned")), LineHours()))
    assert [call.in_hours for call in calls(judged)] == [True, True, True, False]


def test_a_column_that_is_not_there_is_named() -> None:
    layout = ListFormat(columns={"queued": "q_start", "answered": "date+ser_start"})
    assert unknown_columns(["id", "arrived", "date"], layout) == ["q_start", "ser_start"]
    assert unknown_columns(["id"], ListFormat()) == ["arrived"]
