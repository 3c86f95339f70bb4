"""Which sender a setting means."""

from tasks.senders.contract import Mail, MailSender, SendError
from tasks.senders.folder import MailFolder
from tasks.senders.smtp import SmtpServer


class NoSender:
    """Where no mail server is set: mail waits in the outbox, is given up in the end, and an alarm says so."""

    def send(self, mail: Mail) -> None:
        raise SendError(f"SMTP_URL is not set: {mail.id} was not sent", permanent=False)


def sender_for(url: str | None, *, mail_from: str) -> MailSender:
    """Return the sender for `smtp://`, `smtps://` or `file://`, or one that says that none is set."""
    if not url:
        return NoSender()
    if url.startswith("file:"):
        return MailFolder.at(url, mail_from=mail_from)
    return SmtpServer.at(url, mail_from=mail_from)
