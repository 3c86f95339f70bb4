"""Mail that leaves no machine: each is written as an .eml file into a folder, which any mail program opens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from booking_core.clock import real_now
from tasks.senders.contract import Mail, SendError


@dataclass(frozen=True, slots=True)
class MailFolder:
    """A folder that stands in for the post, in the demo and wherever no mail server is at hand."""

    folder: Path
    mail_from: str

    @classmethod
    def at(cls, url: str, *, mail_from: str) -> Self:
        """Read `file:///folder`."""
        return cls(Path(unquote(urlsplit(url).path)), mail_from)

    def send(self, mail: Mail) -> None:
        """Write the mail whole or not at all; the same mail again replaces itself."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f"{mail.id}.part"
            part.write_bytes(mail.as_message(self.mail_from, real_now()).as_bytes())
            part.replace(part.with_suffix(".eml"))
        except OSError as error:
            raise SendError(f"{type(error).__name__}: {error}", permanent=False) from error
