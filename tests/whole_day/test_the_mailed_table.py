"""The report that was mailed, read as its receiver reads it, beside what has to stand in it."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from simulator.day.mismatches import find_mismatches
from simulator.day.record import Record
from tests.simulator_day.test_finding_mismatches import a_record, its_ledger
from whole_day.mailed import MailedReport, beside, read_mailed_report, should_say

NAMES = {"delivery": "受け取り", "certificate": "証明書", "application": "申請"}
HEAD = "対象日,表,行,項目,値"


def mailed(folder: Path, lines: list[str]) -> MailedReport:
    mail = EmailMessage()
    mail["Subject"] = "日報"
    mail.set_content("入電数（受付時間内）：3件\n")
    content = "\r\n".join([HEAD, *lines]).encode("utf-8-sig")
    mail.add_attachment(content, maintype="text", subtype="csv", filename="daily.csv")
    (folder / "1.eml").write_bytes(bytes(mail))
    report = read_mailed_report(folder)
    assert report
    return report


def table_of(record: Record) -> dict[str, str]:
    return dict(should_say(record, NAMES).table)


def lines_of(table: dict[str, str]) -> list[str]:
    """Return rows of a table as the product writes them; who gave up waiting is told apart there."""
    kept = {name: count for name, count in table.items() if " " in name}
    waiting = [f"2025-04-07,電話,計,放棄（待ち中）,{count}" for name, count in table.items() if " " not in name]
    return [*(f"2025-04-07,{','.join(name.split(' '))},{count}" for name, count in kept.items()), *waiting]


def wrong(record: Record, report: MailedReport) -> list[str]:
    known = MailedReport({}, should_say(record, NAMES).table)
    return find_mismatches(record, its_ledger(record), [], beside(known, report))


def test_a_table_that_says_what_happened_is_right(tmp_path: Path) -> None:
    record = a_record()
    assert table_of(record)["時間帯 9時台 入電数"]
    assert wrong(record, mailed(tmp_path, lines_of(table_of(record)))) == []


@pytest.mark.parametrize("place", range(3))
def test_a_count_that_is_wrong_or_missing_in_the_table_is_found(tmp_path: Path, place: int) -> None:
    record = a_record()
    lines = lines_of(table_of(record))
    one_too_many = [*lines[:place], f"{lines[place]}0", *lines[place + 1 :]]
    assert len(wrong(record, mailed(tmp_path, one_too_many))) == 1
    assert len(wrong(record, mailed(tmp_path, [*lines[:place], *lines[place + 1 :]]))) == 1


def test_a_count_in_the_table_of_which_nobody_knows_is_found(tmp_path: Path) -> None:
    record = a_record()
    lines = [*lines_of(table_of(record)), "2025-04-07,時間帯,16時台,入電数,1"]
    assert wrong(record, mailed(tmp_path, lines)) == ["the mailed table: 時間帯 16時台 入電数 0, shown as 1"]
