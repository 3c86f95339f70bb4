"""What the mailed report says, in its text and in its table, and what it has to say by the simulator's own record."""

import csv
import email
import email.policy
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from booking_core.names import CHANNEL_NAMES
from simulator.day.figures import figures_by_hour, figures_of
from simulator.day.record import Record

LINE = re.compile(r"^(.+?)：(.+)$", re.MULTILINE)
COUNT = re.compile(r"\d+")
OF_HOW_MANY = re.compile(r"(\d+)／(\d+)")
GAVE_UP_WAITING = ("放棄（お待ちの間）", "放棄（呼び出しの間）")
GAVE_UP_IN_THE_TABLE = ("放棄（待ち中）", "放棄（呼び出し中）")
"""What the report tells apart and a caller cannot: whether a telephone rang for her when she rang off."""

GAVE_UP_WHILE_WAITING = "放棄（待ちと呼び出しの間）"

COUNTED = ("電話", "時間帯", "予約")
"""The tables of the CSV of which every count is compared; its rates are parts of the text as well."""

HOUR_COUNTS = ("入電数", "応答数", "放棄数", "接続できず", "未決")
NOTHING = "0"


@dataclass(frozen=True, slots=True)
class MailedReport:
    """Figures by their names: of the mail's text, and of the CSV file that is attached to it."""

    text: Mapping[str, str] = field(default_factory=dict)
    table: Mapping[str, str] = field(default_factory=dict)


def read_mailed_report(folder: Path) -> MailedReport | None:
    """Return what the day's mailed report says, None while there is none.

    Raises:
        ValueError: it was mailed more than once.
    """
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in _mails(folder)]
    reports = [mail for mail in mails if "日報" in str(mail["Subject"])]
    if len(reports) > 1:
        raise ValueError(f"{len(reports)} daily reports were mailed")
    if not reports:
        return None
    body = reports[0].get_body(("plain",))
    tables = [each for each in reports[0].iter_attachments() if str(each.get_filename()).endswith(".csv")]
    content = tables[0].get_payload(decode=True) if tables else b""
    return MailedReport(
        _read_text(str(body.get_content()) if body else ""),
        dict(_read_table(content)) if isinstance(content, bytes) else {},
    )


def _mails(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.eml")) if folder.exists() else []


def _read_text(body: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for name, words in LINE.findall(body):
        rate = OF_HOW_MANY.search(words)
        count = COUNT.match(words)
        if rate:
            said.setdefault(name, f"{rate[1]}/{rate[2]}")
        elif name == "合計":
            said[name] = "/".join(COUNT.findall(words))
        elif count:
            said.setdefault(name, count[0])
    waiting = [said.pop(name) for name in GAVE_UP_WAITING if name in said]
    return said | ({GAVE_UP_WHILE_WAITING: str(sum(map(int, waiting)))} if waiting else {})


def _read_table(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield every count of the day that is not nothing; the averages of seats are no counts."""
    waiting = 0
    for line in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        if line["項目"] in GAVE_UP_IN_THE_TABLE:
            waiting += int(line["値"])
        elif line["表"] in COUNTED and line["値"].isdigit() and line["値"] != NOTHING:
            yield _name(line["表"], line["行"], line["項目"]), line["値"]
    if waiting:
        yield GAVE_UP_WHILE_WAITING, str(waiting)


def beside(known: MailedReport, said: MailedReport) -> dict[str, tuple[Mapping[str, str], Mapping[str, str]]]:
    """Return by what was mailed which figures are known and which it says; of its table also those nobody knows of."""
    return {
        "the mailed report": (known.text, said.text),
        "the mailed table": (dict.fromkeys(said.table, NOTHING) | dict(known.table), said.table),
    }


def should_say(record: Record, service_names: Mapping[str, str]) -> MailedReport:
    """Return what the report has to say of things as they stand now."""
    return MailedReport(_text_should_say(record), _table_should_say(record, service_names))


def _text_should_say(record: Record) -> dict[str, str]:
    figures = figures_of(record)
    made, moved, cancelled = (sum(each[n] for each in figures.bookings.values()) for n in range(3))
    return {
        "入電数（受付時間内）": str(figures.received),
        "応答数（人が出た電話）": str(figures.answered),
        "応答率": f"{figures.strict.part}/{figures.strict.whole}",
        "放棄（案内の途中）": str(figures.abandoned_in_ivr),
        GAVE_UP_WHILE_WAITING: str(figures.abandoned_in_queue),
        "つながらなかった電話（設備の都合）": str(figures.failed),
        "まだ決まっていない電話": str(figures.undecided),
        "時間外の電話": str(figures.received_closed),
        "最も多いときの着座数": str(figures.most_seats),
        "参考　待ち列に入った電話のうち応答": f"{figures.queue_based.part}/{figures.queue_based.whole}",
        "合計": f"{made}/{moved}/{cancelled}",
    }


def _table_should_say(record: Record, service_names: Mapping[str, str]) -> dict[str, str]:
    figures = figures_of(record)
    counts = {
        ("電話", "計", "入電数"): figures.received,
        ("電話", "計", "応答数"): figures.answered,
        ("電話", "計", "放棄数"): figures.abandoned,
        ("電話", "計", "放棄（案内中）"): figures.abandoned_in_ivr,
        ("電話", "計", "接続できず"): figures.failed,
        ("電話", "計", "未決"): figures.undecided,
        ("電話", "計", "時間外"): figures.received_closed,
        ("電話", "計", "最多着座数"): figures.most_seats,
    }
    for hour, of in figures_by_hour(record).items():
        told = (of.received, of.answered, of.abandoned, of.failed, of.undecided)
        counts |= {("時間帯", f"{hour}時台", item): count for item, count in zip(HOUR_COUNTS, told, strict=True)}
    for (service, channel), done in figures.bookings.items():
        row = f"{service_names[service]}／{CHANNEL_NAMES[channel]}"
        counts |= {("予約", row, item): count for item, count in zip(("新規", "変更", "取消"), done, strict=True)}
    in_all = (sum(each[n] for each in figures.bookings.values()) for n in range(3))
    counts |= {("予約", "計", item): count for item, count in zip(("新規", "変更", "取消"), in_all, strict=True)}
    named = {_name(*place): count for place, count in counts.items()} | {
        GAVE_UP_WHILE_WAITING: figures.abandoned_in_queue
    }
    return {name: str(count) for name, count in named.items() if count}


def _name(table: str, row: str, item: str) -> str:
    return f"{table} {row} {item}"
