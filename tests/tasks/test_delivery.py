"""Mail leaves the outbox: over a real SMTP server, once, and what cannot be sent is tried again or said aloud."""

import asyncio
import email
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import time
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine, text

from booking_core import outbox
from booking_core.alarms import list_open
from booking_core.calendar import at
from booking_core.clock import Clock, real_now
from ivr.hours import read_hours
from reports import archive
from reports.daily import compose
from reports.daily_csv import daily_csv
from reports.daily_pdf import daily_pdf
from tasks.delivery import LEASE_SECONDS, deliver_outbox, pause_after
from tasks.senders.choice import NoSender, sender_for
from tasks.senders.contract import Mail, MailSender, SendError
from tasks.senders.folder import MailFolder
from tasks.senders.smtp import SmtpServer, is_permanent
from tasks.wiring import JobWiring
from tests.reports.day import MONDAY

LETTER = {"to": "city@example.jp", "subject": "【日報】2025年4月7日（月）", "body": "入電数：7件\n応答率：85.7%\n"}


@dataclass
class PostOffice:
    """A mail server that keeps what it is handed, or answers with the reply a test wants."""

    reply: str | None = None
    taken: list[Message] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        if self.reply:
            return self.reply
        self.taken.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 taken"


class OnAnyPort(Controller):
    """The library connects once to the port it was given; with 0 that is only known once it listens."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.base_events.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call] # the library ships no types


@pytest.fixture
def post() -> Iterator[tuple[PostOffice, str]]:
    office = PostOffice()
    controller = OnAnyPort(office, hostname="127.0.0.1", port=0)
    controller.start()
    yield office, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def wired(engine: Engine) -> Callable[[MailSender], JobWiring]:
    return lambda sender: JobWiring(engine, Clock(), sender)


def put(engine: Engine, key: str = "k", to: str = LETTER["to"]) -> None:
    with engine.begin() as db:
        outbox.put(db, "mail", key, LETTER | {"to": to}, now=real_now())


def letters(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as db:
        rows = db.execute(
            text("SELECT sent_at IS NOT NULL, failed_at IS NOT NULL, attempts, last_error FROM outbox ORDER BY id")
        )
        return [tuple(row) for row in rows]


def alarms(engine: Engine) -> list[str]:
    with engine.connect() as db:
        return [alarm.kind for alarm in list_open(db)]


def test_a_mail_arrives_as_it_was_written_and_once(
    engine: Engine, wired: Callable[[MailSender], JobWiring], post: tuple[PostOffice, str]
) -> None:
    office, url = post
    wiring = wired(sender_for(url, mail_from="madoguchi@example.jp"))
    put(engine)
    assert deliver_outbox(wiring) == {"sent": 1, "failed": 0}
    assert deliver_outbox(wiring) == {"sent": 0, "failed": 0}
    (mail,) = office.taken
    assert mail["To"] == "city@example.jp"
    assert mail["From"] == "madoguchi@example.jp"
    assert mail["Subject"] == LETTER["subject"]
    assert mail["Message-ID"].endswith("@example.jp>")
    assert mail.get_content().replace("\r\n", "\n") == LETTER["body"]  # type: ignore[attr-defined] # EmailMessage
    assert letters(engine) == [(True, False, 1, None)]


def test_two_workers_at_once_send_each_mail_once(
    engine: Engine, wired: Callable[[MailSender], JobWiring], post: tuple[PostOffice, str]
) -> None:
    office, url = post
    wiring = wired(sender_for(url, mail_from="madoguchi@example.jp"))
    for n in range(12):
        put(engine, f"k{n}", f"c{n}@example.jp")
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        deliver_outbox(wiring)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(mail["To"]) for mail in office.taken) == sorted(f"c{n}@example.jp" for n in range(12))


def test_what_the_server_puts_off_is_sent_later(
    engine: Engine, wired: Callable[[MailSender], JobWiring], post: tuple[PostOffice, str]
) -> None:
    office, url = post
    wiring = wired(sender_for(url, mail_from="madoguchi@example.jp"))
    put(engine)
    office.reply = "451 come back later"
    assert deliver_outbox(wiring) == {"sent": 0, "failed": 1}
    assert letters(engine) == [(False, False, 1, "451 come back later")]
    assert deliver_outbox(wiring) == {"sent": 0, "failed": 0}  # not due before its pause is over
    office.reply = None
    with engine.begin() as db:
        db.execute(text("UPDATE outbox SET due_at = due_at - interval '1 minute'"))
    assert deliver_outbox(wiring) == {"sent": 1, "failed": 0}
    assert not alarms(engine)


def test_what_the_server_refuses_for_good_is_given_up_with_an_alarm(
    engine: Engine, wired: Callable[[MailSender], JobWiring], post: tuple[PostOffice, str]
) -> None:
    office, url = post
    put(engine)
    office.reply = "554 no such place"
    deliver_outbox(wired(sender_for(url, mail_from="madoguchi@example.jp")))
    assert letters(engine) == [(False, True, 1, "554 no such place")]
    assert alarms(engine) == ["outbox.mail"]


def test_a_server_that_is_away_costs_time_and_no_mail(
    engine: Engine, wired: Callable[[MailSender], JobWiring], post: tuple[PostOffice, str]
) -> None:
    _, url = post
    gone = sender_for(f"{url.rpartition(':')[0]}:1", mail_from="madoguchi@example.jp")
    put(engine)
    deliver_outbox(wired(gone))
    ((sent, failed, attempts, error),) = letters(engine)
    assert (sent, failed, attempts) == (False, False, 1)
    assert "refused" in error.lower()


def test_a_mail_whose_worker_died_is_sent_by_another(
    engine: Engine, wired: Callable[[MailSender], JobWiring], post: tuple[PostOffice, str]
) -> None:
    office, url = post
    wiring = wired(sender_for(url, mail_from="madoguchi@example.jp"))
    put(engine)
    with engine.begin() as db:
        assert outbox.claim_due(db, now=real_now(), business_now=real_now(), limit=1, lease_seconds=LEASE_SECONDS)
    assert deliver_outbox(wiring) == {"sent": 0, "failed": 0}
    with engine.begin() as db:
        db.execute(
            text("UPDATE outbox SET claimed_at = claimed_at - CAST(:lease AS interval)"),
            {"lease": f"{LEASE_SECONDS} seconds"},
        )
    assert deliver_outbox(wiring) == {"sent": 1, "failed": 0}
    assert len(office.taken) == 1


def test_without_a_server_the_reason_stands_beside_the_mail(
    engine: Engine, wired: Callable[[MailSender], JobWiring]
) -> None:
    put(engine)
    deliver_outbox(wired(NoSender()))
    assert "SMTP_URL is not set" in letters(engine)[0][3]


def test_a_folder_takes_mail_any_program_opens(tmp_path: Path) -> None:
    folder = sender_for((tmp_path / "日報 の箱").as_uri(), mail_from="madoguchi@localhost")
    assert isinstance(folder, MailFolder)
    for _ in range(2):
        folder.send(Mail("outbox-7", LETTER["to"], LETTER["subject"], LETTER["body"]))
    (written,) = (tmp_path / "日報 の箱").iterdir()
    mail = email.message_from_bytes(written.read_bytes(), policy=default)
    assert written.name == "outbox-7.eml"
    assert mail["Subject"] == LETTER["subject"]
    assert mail.get_content().replace("\r\n", "\n") == LETTER["body"]


def test_a_password_is_not_sent_unencrypted_to_another_machine(post: tuple[PostOffice, str]) -> None:
    port = int(post[1].rpartition(":")[2])
    server = SmtpServer("127.0.0.1", port, "m@example.jp", user="u", password="p")
    elsewhere = SmtpServer("ip-127-0-0-1.example", port, "m@example.jp", user="u", password="p")
    with pytest.raises(SendError, match="cannot take it"):  # this server knows no sign-in, but it was asked
        server.send(Mail("m", LETTER["to"], LETTER["subject"], LETTER["body"]))
    with server._connect() as line, pytest.raises(SendError, match="password was not sent"):
        elsewhere._sign_in(line)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "encrypted"),
    [
        ("smtp://mail.example.jp", "mail.example.jp", 25, None, False),
        ("smtp://u%40x:p%3Aq@mail.example.jp:587", "mail.example.jp", 587, "u@x", False),
        ("smtps://mail.example.jp", "mail.example.jp", 465, None, True),
    ],
)
def test_an_address_of_a_server_is_read(url: str, host: str, port: int, user: str | None, *, encrypted: bool) -> None:
    server = SmtpServer.at(url, mail_from="m@example.jp")
    assert (server.host, server.port, server.user, server.tls_from_start) == (host, port, user, encrypted)


@pytest.mark.parametrize(
    ("code", "permanent"),
    [(421, False), (499, False), (500, True), (550, True), (534, False), (535, False), (554, True)],
)
def test_five_hundreds_end_a_mail_but_for_our_own_sign_in(code: int, *, permanent: bool) -> None:
    assert is_permanent(code) is permanent


def test_the_pauses_grow_to_an_hour() -> None:
    assert [pause_after(n).total_seconds() / 60 for n in (1, 2, 3, 6, 7, 8)] == [1, 2, 4, 32, 60, 60]


@pytest.mark.req("3-2-L")
@pytest.mark.parametrize("by_folder", [False, True])
def test_a_report_s_mail_carries_its_csv_and_pdf(
    kyoto: Engine, post: tuple[PostOffice, str], tmp_path: Path, *, by_folder: bool
) -> None:
    office, url = post
    now = at(MONDAY, time(17, 5))
    with kyoto.begin() as db:
        content = compose(db, MONDAY, read_hours(db, now=now), now=now)
        report_id = archive.keep(db, content, now=now)
        files = ["csv", "pdf"]
        archive.put_mails(db, report_id, content, ["city@example.jp"], key="k", files=files, now=real_now())
    sender = sender_for(tmp_path.as_uri() if by_folder else url, mail_from="madoguchi@example.jp")
    assert deliver_outbox(JobWiring(kyoto, Clock(), sender)) == {"sent": 1, "failed": 0}
    if by_folder:
        (written,) = tmp_path.glob("*.eml")
        mail = email.message_from_bytes(written.read_bytes(), policy=default)
    else:
        (mail,) = office.taken  # type: ignore[assignment] # the library's older class of the same messages
    text_part = mail.get_body(("plain",))
    assert text_part
    assert "入電数（受付時間内）：0件" in text_part.get_content()
    attached = {part.get_filename(): part for part in mail.iter_attachments()}
    assert list(attached) == ["daily-2025-04-07.csv", "daily-2025-04-07.pdf"]
    assert [part.get_content_type() for part in attached.values()] == ["text/csv", "application/pdf"]
    assert attached["daily-2025-04-07.csv"].get_payload(decode=True) == daily_csv(content)
    assert attached["daily-2025-04-07.pdf"].get_payload(decode=True) == daily_pdf(content)
