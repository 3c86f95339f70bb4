"""What every sender of mail obeys: it sends, or it says why not and whether trying again is of use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Protocol


class SendError(Exception):
    """A mail was not sent. `permanent`: it will not be sent by trying again either."""

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(why)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; `media_type` such as `text/csv; charset=utf-8`."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in plain text, with files. `id` stays the same when it is sent again: a reader's program sees one."""

    id: str
    to: str
    subject: str
    body: str
    attachments: Sequence[Attachment] = ()

    @classmethod
    def from_outbox(cls, message_id: int, content: Mapping[str, Any], attachments: Sequence[Attachment] = ()) -> "Mail":
        return cls(f"outbox-{message_id}", content["to"], content["subject"], content["body"], attachments)

    def as_message(self, mail_from: str, sent_at: datetime) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = mail_from
        message["To"] = self.to
        message["Subject"] = self.subject
        message["Date"] = format_datetime(sent_at)
        message["Message-ID"] = f"<{self.id}@{mail_from.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.body)
        for each in self.attachments:
            main, _, sub = each.media_type.partition(";")[0].partition("/")
            message.add_attachment(each.content, maintype=main, subtype=sub, filename=each.name)
        return message


class MailSender(Protocol):
    def send(self, mail: Mail) -> None:
        """Send a mail, or raise SendError."""
