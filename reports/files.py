"""The kinds of files a kept report is rendered as, with their names and media types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from reports.content import DailyContent
from reports.daily_csv import daily_csv
from reports.daily_pdf import CannotPrint, daily_pdf


@dataclass(frozen=True, slots=True)
class FileKind:
    """How a report becomes a file: the ending of its name, its media type, and what makes it."""

    ending: str
    media_type: str
    render: Callable[[DailyContent], bytes]

    def name(self, day: date) -> str:
        return f"daily-{day}.{self.ending}"


FILE_KINDS: Mapping[str, FileKind] = {
    "csv": FileKind("csv", "text/csv; charset=utf-8", daily_csv),
    "pdf": FileKind("pdf", "application/pdf", daily_pdf),
}


def list_possible(content: DailyContent) -> tuple[list[str], str]:
    """Return the kinds that can be made of a report, and why not the others: one must not keep the figures back."""
    try:
        daily_pdf(content)
    except CannotPrint as error:
        return [name for name in FILE_KINDS if name != "pdf"], str(error)
    return list(FILE_KINDS), ""
