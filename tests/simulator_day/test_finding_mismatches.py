"""The test of the test: whatever is planted in the ledger, on the board or in the report is found."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from simulator.day.figures import figures_of
from simulator.day.ledger import Ledger, LedgerAlarm, LedgerCall, LedgerDeed, LedgerFact
from simulator.day.mismatches import computed_names, find_mismatches
from simulator.day.record import Deed, Heard, Record, SeatChange
from simulator.day.supervisor import BoardLook, known, read_board

NINE = datetime.fromisoformat("2025-04-14T09:00:00+09:00")


def seconds(number: float) -> datetime:
    return NINE + timedelta(seconds=number)


def a_record() -> Record:
    """Four calls, one of each kind, a booking by telephone and one on the web."""
    record = Record()
    answered = Heard("CA1", 1, "delivery", seconds(0), queued_at=seconds(20), answered_at=seconds(30))
    answered.answered_by, answered.ended_at, answered.main_reason = "sim1", seconds(300), "new_booking"
    gave_up = Heard("CA2", 2, "question", seconds(10), queued_at=seconds(40), ended_at=seconds(200))
    in_menu = Heard("CA3", 3, "question", seconds(20), ended_at=seconds(25))
    too_early = Heard("CA4", 4, "move", seconds(-600), turned_away=True, ended_at=seconds(-580))
    record.calls = {call.sid: call for call in (answered, gave_up, in_menu, too_early)}
    record.deeds = [
        Deed(seconds(200), "phone", "book", "delivery", "1234567890", "9000000001", "", "CA1"),
        Deed(seconds(210), "web", "book", "delivery", "2234567890", "9000000002", ""),
    ]
    record.sits("sim1", takes_calls=True)
    record.seat_changes = [SeatChange(seconds(60), "sim2", "opened", "plan", "supervisor1")]
    return record


def its_row(call: Heard) -> LedgerCall:
    when = (call.called_at, call.queued_at, call.answered_at, call.ended_at)
    return LedgerCall(call.sid, call.outcome, *when, call.answered_by, call.main_reason)


def its_fact(call: Heard) -> LedgerFact:
    def microseconds(since: datetime | None, until: datetime | None) -> int | None:
        return int((until - since).total_seconds() * 1_000_000) if since and until else None

    wait = microseconds(call.queued_at, call.answered_at or call.ended_at)
    talk = microseconds(call.answered_at, call.ended_at)
    return LedgerFact(call.sid, not call.turned_away, call.outcome, wait, talk)


def its_ledger(record: Record) -> Ledger:
    figures = figures_of(record)
    return Ledger(
        calls=[its_row(call) for call in record.calls.values()],
        facts=[its_fact(call) for call in record.calls.values()],
        deeds=[LedgerDeed(d.at, d.channel, d.verb, d.service, d.reference, d.card) for d in record.deeds],
        computed=computed_names(figures),
        bookings=figures.bookings,
        seat_changes=list(record.seat_changes),
    )  # fmt: skip


def found(record: Record, ledger: Ledger, **given: object) -> list[str]:
    values: dict[str, object] = {"looks": [], "mailed": {}} | given
    return find_mismatches(record, ledger, **values)  # type: ignore[arg-type] # a test's own mixture


def test_nothing_is_found_where_all_agree() -> None:
    record = a_record()
    look = BoardLook(NINE, known(figures_of(record)), known(figures_of(record)))
    mailed = {"the mailed report": ({"入電数": "3"}, {"入電数": "3"})}
    assert found(record, its_ledger(record), looks=[look], mailed=mailed) == []


@pytest.mark.parametrize(
    ("field", "planted"),
    [
        ("outcome", "abandoned_queue"),
        ("received_at", seconds(1)),
        ("queued_at", None),
        ("answered_at", seconds(31)),
        ("ended_at", seconds(301)),
        ("answered_by", "sim2"),
        ("main_reason", "question"),
    ],
)
def test_a_call_that_differs_in_one_thing_is_found(field: str, planted: Any) -> None:
    record = a_record()
    ledger = its_ledger(record)
    calls = [replace(call, **{field: planted}) if call.sid == "CA1" else call for call in ledger.calls]
    assert len(found(record, replace(ledger, calls=calls))) == 1


def test_a_call_that_is_missing_doubled_or_made_up_is_found() -> None:
    record = a_record()
    ledger = its_ledger(record)
    first, *others = ledger.calls
    missing = ["the call of caller 1 at 09:00:00 is not in the ledger"]
    assert found(record, replace(ledger, calls=others)) == missing
    assert found(record, replace(ledger, calls=[first, *ledger.calls])) == ["2 rows of one call: CA1"]
    made_up = replace(first, sid="CA9")
    assert "nobody made" in found(record, replace(ledger, calls=[*ledger.calls, made_up]))[0]


@pytest.mark.parametrize(
    ("field", "planted"), [("in_hours", False), ("outcome", "failed"), ("wait_us", 1), ("talk_us", None)]
)
def test_a_fact_that_differs_in_one_thing_is_found(field: str, planted: Any) -> None:
    record = a_record()
    ledger = its_ledger(record)
    facts = [replace(fact, **{field: planted}) if fact.sid == "CA1" else fact for fact in ledger.facts]
    assert len(found(record, replace(ledger, facts=facts))) == 1
    assert found(record, replace(ledger, facts=[*ledger.facts, ledger.facts[0]]))


def test_a_booking_that_is_lost_made_up_or_someone_elses_is_found() -> None:
    record = a_record()
    ledger = its_ledger(record)
    first, second = ledger.deeds
    assert "is not in the book" in found(record, replace(ledger, deeds=[second]))[0]
    assert "nobody did it" in found(record, replace(ledger, deeds=[first, second, second]))[0]
    assert len(found(record, replace(ledger, deeds=[replace(first, card="9000000003"), second]))) == 2


def test_a_card_that_was_booked_twice_is_found() -> None:
    record = a_record()
    record.deeds.append(replace(record.deeds[0], at=seconds(400), reference="3234567890"))
    assert "card 9000000001 was booked twice" in found(record, its_ledger(record))


@pytest.mark.parametrize("planted", [{"why": "other"}, {"by": "sim2"}, {"change": "closed"}, {"at": NINE}])
def test_a_supervisors_order_that_is_lost_made_up_or_told_otherwise_is_found(planted: dict[str, Any]) -> None:
    record = a_record()
    ledger = its_ledger(record)
    (order,) = ledger.seat_changes
    assert "it is not on record" in found(record, replace(ledger, seat_changes=[]))[0]
    assert "nobody did it" in found(record, replace(ledger, seat_changes=[order, order]))[0]
    assert len(found(record, replace(ledger, seat_changes=[replace(order, **planted)]))) == 2


def test_a_figure_that_differs_is_found_wherever_it_stands() -> None:
    record = a_record()
    ledger, figures = its_ledger(record), known(figures_of(record))
    assert found(record, replace(ledger, computed={**ledger.computed, "answered": "2"}))
    assert found(record, replace(ledger, bookings={**ledger.bookings, ("delivery", "web"): (2, 0, 0)}))
    for name in figures:
        look = BoardLook(NINE, {**figures, name: "99"}, figures)
        assert len(found(record, ledger, looks=[look])) == 1, name
        assert len(found(record, ledger, mailed={"the mail": (figures, {**figures, name: "99"})})) == 1, name
    assert found(record, ledger, mailed={"the mail": (figures, {})})


def test_what_the_product_or_an_actor_found_wrong_is_told() -> None:
    record = a_record()
    ledger = replace(its_ledger(record), faults=["the counters of slot 7 are not its rows"])
    record.unexpected.append("09:00:00 sim1: no form to /close")
    assert len(found(record, ledger)) == 2


def test_a_board_is_read_as_a_person_reads_it() -> None:
    page = """<dl>
    <div><dt>入電数</dt><dd>12件（ほかに時間外3件）</dd></div>
    <div><dt>待ち呼</dt><dd>1件</dd><dd>最長2分（09:58から）</dd></div>
    <div><dt>応答数</dt><dd>9件</dd></div>
    <div><dt>応答率</dt><dd>81.8％（9件 ÷ 11件）</dd></div>
    <div><dt>放棄（案内中）</dt><dd>1件</dd></div>
    <div><dt>放棄（待ち中・接続中）</dt><dd>1件</dd></div>
    <div><dt>着座数</dt><dd>4席</dd><dd>うち受付可3席</dd></div></dl>
    <dl><div><dt>応答率</dt><dd>応答した電話 ÷ 決まった電話（answer_rate.strict/1）</dd></div></dl>
    <table><caption>時間帯ごとの席</caption><tr><th>9時</th><td>a</td><td>7</td><td>7</td><td>7</td></tr></table>
    <table><caption>今日の予約</caption><tr><th>手続き</th><th>受付</th><th>新しい予約</th><th>変更</th><th>取消</th></tr>
    <tr><th scope="row">受け取り</th><td>ウェブ</td><td>5</td><td>1</td><td>0</td></tr>
    <tr><th scope="row">申請</th><td>電話</td><td>2</td><td>0</td><td>1</td></tr></table>"""
    assert read_board(page) == {
        "入電数": "12", "待ち呼": "1", "応答数": "9", "応答率": "81.8", "着座数": "4",
        "時間外": "3", "放棄": "2", "受付可": "3", "予約": "7", "変更": "1", "取消": "1",
    }  # fmt: skip


@pytest.mark.parametrize(("after", "true"), [(31, True), (0, False)])
def test_an_alarm_of_a_missed_goal_has_to_be_true(after: float, *, true: bool) -> None:
    record = a_record()
    alarm = LedgerAlarm("line.below_target", seconds(after), "応答率が目標を下回っています。")
    assert (found(record, replace(its_ledger(record), alarms=[alarm])) == []) is true


def test_an_alarm_on_a_day_that_lost_its_callers_is_true_and_any_other_kind_is_found() -> None:
    record = a_record()
    for call in record.calls.values():
        call.answered_at, call.answered_by, call.main_reason = None, "", ""
        call.ended_at = seconds(100)
    record.deeds.clear()
    ledger = its_ledger(record)
    missed = LedgerAlarm("line.below_target", seconds(200), "応答率が目標を下回っています。")
    assert found(record, replace(ledger, alarms=[missed])) == []
    waits = LedgerAlarm("line.long_wait", seconds(99), "長くお待ちの方がいます。")
    assert found(record, replace(ledger, alarms=[waits])) == []
    assert found(record, replace(ledger, alarms=[replace(waits, raised_at=seconds(101))]))
    assert found(record, replace(ledger, alarms=[replace(missed, kind="recount")]))
