"""Mail over SMTP: one connection a mail, encrypted where the server can, and a table of which failures pass."""

import smtplib
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import unquote, urlsplit

from booking_core.clock import real_now
from tasks.senders.contract import Mail, SendError

TIMEOUT_SECONDS = 15.0
"""For each step of the talk with the server; a server that says nothing must not keep a worker."""

PORTS = {"smtp": 25, "smtps": 465}
OURS_TO_MEND = frozenset({530, 534, 535, 538})
"""Sign-in refused: permanent by its number (5xx), but mended by whoever sets SMTP_URL; the mail must not be lost."""

FIRST_PERMANENT_CODE = 500


def is_permanent(code: int) -> bool:
    """Tell whether an SMTP reply ends a mail: 5xx does (RFC 5321, 4.2.1), but for the sign-in of our own side."""
    return code >= FIRST_PERMANENT_CODE and code not in OURS_TO_MEND


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over. `tls_from_start` is `smtps`; otherwise STARTTLS is used where it is offered."""

    host: str
    port: int
    mail_from: str
    tls_from_start: bool = False
    user: str | None = None
    password: str | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    @classmethod
    def at(cls, url: str, *, mail_from: str) -> Self:
        """Read `smtp://user:password@host:587` or `smtps://host`."""
        parts = urlsplit(url)
        return cls(
            parts.hostname or "",
            parts.port or PORTS[parts.scheme],
            mail_from,
            tls_from_start=parts.scheme == "smtps",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    def send(self, mail: Mail) -> None:
        """Hand a mail over, or raise SendError. A password is never sent unencrypted to another machine."""
        try:
            with self._connect() as server:
                self._sign_in(server)
                server.send_message(mail.as_message(self.mail_from, real_now()), self.mail_from, [mail.to])
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise SendError(_said(code, said), permanent=is_permanent(code)) from error
        except smtplib.SMTPResponseException as error:
            said_by_server = _said(error.smtp_code, error.smtp_error)
            raise SendError(said_by_server, permanent=is_permanent(error.smtp_code)) from error
        except smtplib.SMTPNotSupportedError as error:
            raise SendError(f"the server cannot take it: {error}", permanent=True) from error
        except (OSError, smtplib.SMTPException) as error:  # not reached, cut off, silent, a bad certificate
            raise SendError(f"{type(error).__name__}: {error}", permanent=False) from error

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.tls_from_start:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_seconds, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls"):
            server.starttls(context=context)
        return server

    def _sign_in(self, server: smtplib.SMTP) -> None:
        if self.user is None:
            return
        if not isinstance(server.sock, ssl.SSLSocket) and not _is_this_machine(self.host):
            raise SendError("the server offers no encryption, so the password was not sent", permanent=False)
        server.login(self.user, self.password or "")


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {words}"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
