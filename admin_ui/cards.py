"""Card records are taken in from a file: a trial run first, then for good (3-1-B-iv)."""

import hmac
from hashlib import sha256

from flask import Blueprint, render_template, request
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from admin_ui.door import ADMIN, admin_frame
from booking_core.cards.importing import ImportReport, import_cards
from booking_core.db import in_transaction
from booking_core.refusal import Refusal
from booking_core.staff.roles import Permission
from web.answers import status_of
from web.staff_access import acting, guard, requires
from web.uploads import takes_file
from web.wiring import wired

cards = Blueprint("admin_cards", __name__, template_folder="templates")
guard(cards, ADMIN)
cards.context_processor(admin_frame)
Page = str | tuple[str, int] | Response

LARGEST_UPLOAD = 8 * 1024 * 1024
LINES_SHOWN = 200
NO_FILE = "取り込むファイルを選んでください。"
ANOTHER_FILE = "確かめたファイルと内容がちがいます。まず「内容を確かめる」を押してください。何も変わっていません。"


@cards.get("/cards/import")
@requires(Permission.CARDS_IMPORT)
def choose() -> Page:
    return _page()


@cards.post("/cards/import")
@requires(Permission.CARDS_IMPORT)
@takes_file(LARGEST_UPLOAD)
def take_in() -> Page:
    """Try a file out, or take it in: only the very file that was tried out, which the browser sends once more.

    So no file with passwords lies on the server between the two steps.
    """
    file_name, content = _read_upload()
    if not content:
        return _page(errors={"file": NO_FILE}, status=422)
    for_good = request.form.get("action") == "import"
    if for_good and not hmac.compare_digest(_tried(content), request.form.get("tried", "")):
        return _page(errors={"file": ANOTHER_FILE}, status=409)
    answer = _import(file_name, content, dry_run=not for_good)
    if isinstance(answer, Refusal):
        return _page(errors={"file": str(answer.facts.get("why", answer.message))}, status=status_of(answer))
    nothing_taken = len(answer.rejected) == answer.rows_read
    tried = "" if for_good or nothing_taken else _tried(content)
    return _page(report=answer, taken=for_good and not nothing_taken, tried=tried)


def _read_upload() -> tuple[str, bytes]:
    """Return the file's name and content; nothing of it stays on the disk afterwards."""
    upload = request.files.get("file")
    if upload is None:
        return "", b""
    with upload.stream as stream:
        return upload.filename or "", stream.read()


def _import(file_name: str, content: bytes, *, dry_run: bool) -> ImportReport | Refusal:
    def work(db: Connection) -> ImportReport | Refusal:
        return import_cards(
            db,
            content,
            file_name=file_name,
            pepper=wired().pepper,
            by=acting(),
            now=wired().clock.now(),
            dry_run=dry_run,
        )

    return in_transaction(wired().engine, work)


def _tried(content: bytes) -> str:
    """Return what proves that this server has tried out this content."""
    return hmac.new(wired().secret_key, b"import:" + sha256(content).digest(), sha256).hexdigest()


def _page(
    *,
    report: ImportReport | None = None,
    taken: bool = False,
    tried: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Page:
    page = render_template(
        "admin/import.html",
        heading="カード情報の取り込み",
        report=report,
        taken=taken,
        tried=tried,
        shown=report.rejected[:LINES_SHOWN] if report else (),
        errors=errors or {},
        largest_mb=LARGEST_UPLOAD // 1024 // 1024,
    )
    return page, status
