"""The archive: every report that was made, to look at, to download, to send once more. Doors of the staff mount it."""

import secrets
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from booking_core.clock import real_now
from booking_core.date_words import date_ja
from booking_core.db import in_transaction
from booking_core.refusal import Refusal
from booking_core.settings import list_report_recipients
from booking_core.staff.roles import Permission
from reports import words
from reports.archive import KeptReport, find_report, list_months, list_reports, send_again
from reports.content import abandoned, bookings_in_all
from reports.daily_pdf import CannotPrint
from reports.daily_text import subject, when
from reports.files import FILE_KINDS, FileKind
from reports.hours_chart import hours_chart
from reports.monthly import month_of
from reports.monthly_sheet import file_name, monthly_sheet
from web.answers import status_of
from web.staff_access import StaffDoor, acting, guard, requires
from web.staff_frame import may_open
from web.typed import typed
from web.wiring import wired

MOST_LISTED = 100
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Page = str | tuple[str, int] | Response


def archive_screens(door: StaffDoor, frame: Callable[[], dict[str, Any]], *, report_to: Sequence[str]) -> Blueprint:
    """Return the archive's pages for one door; `report_to` are the addresses of the start-up."""
    screens = Blueprint(f"{door.name}_reports", __name__, template_folder="templates", url_prefix="/reports")
    guard(screens, door)
    screens.context_processor(frame)

    @screens.get("/")
    @requires(Permission.REPORTS_SEE)
    def show_list() -> Page:
        with wired().reading() as db:
            reports, months = list_reports(db, limit=MOST_LISTED), list_months(db)
        return render_template(
            "reports/list.html", heading="日報・月報", reports=reports, months=months, most=MOST_LISTED
        )

    @screens.get("/<day>/")
    @requires(Permission.REPORTS_SEE)
    def show_one(day: str) -> Page:
        return _preview(screens.name, _report(day), report_to)

    @screens.get("/<day>/file/<kind>")
    @requires(Permission.REPORTS_SEE)
    def download(day: str, kind: str) -> Page:
        """Hand out a report as a file, rendered from what was kept of it."""
        return _file(screens.name, _report(day), FILE_KINDS.get(kind) or abort(404), report_to)

    @screens.get("/months/<month>/sheet")
    @requires(Permission.REPORTS_SEE)
    def download_month(month: str) -> Page:
        first = _day(f"{month}-01")
        with wired().reading() as db:
            sheet = monthly_sheet(month_of(db, first))
        return _attached(sheet, XLSX, file_name(first))

    @screens.post("/<day>/send")
    @requires(Permission.REPORTS_SEND)
    def send(day: str) -> Page:
        """Send a report once more, to the addresses that are set now."""
        report, key = _report(day), typed(request, "command_key") or secrets.token_urlsafe(12)
        answer = in_transaction(
            wired().engine,
            lambda db: send_again(
                db,
                report,
                list_report_recipients(db, report_to),
                key=key,
                by=acting(),
                now=wired().clock.now(),
                real_now=real_now(),
            ),
        )
        if isinstance(answer, Refusal):
            return _preview(screens.name, report, report_to, answer.message), status_of(answer)
        return redirect(url_for(f"{screens.name}.show_one", day=day, sent=1), 303)

    return screens


def _report(day: str) -> KeptReport:
    with wired().reading() as db:
        return find_report(db, _day(day)) or abort(404)


def _day(typed_day: str) -> date:
    try:
        return date.fromisoformat(typed_day)
    except ValueError:
        return abort(404)


def _file(screens: str, report: KeptReport, kind: FileKind, report_to: Sequence[str]) -> Page:
    try:
        content = kind.render(report.content)
    except CannotPrint as error:
        return _preview(screens, report, report_to, f"PDFを作れません。CSVをお使いください。理由：{error}"), 409
    return _attached(content, kind.media_type, kind.name(report.day))


def _attached(content: bytes, media_type: str, name: str) -> Response:
    response = Response(content, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _preview(screens: str, report: KeptReport, report_to: Sequence[str], error: str = "") -> str:
    with wired().reading() as db:
        recipients = list_report_recipients(db, report_to)
    return render_template(
        "reports/report.html",
        heading=subject(report.content),
        report=report,
        content=report.content,
        today=report.content["today"],
        chart=Markup(hours_chart(report.content["today"]["hours"])),  # noqa: S704 - drawn here, its texts escaped
        words=words,
        when=when,
        abandoned=abandoned,
        bookings_in_all=bookings_in_all,
        written=lambda day: date_ja(date.fromisoformat(day)),
        command_key=secrets.token_urlsafe(12),
        recipients=recipients,
        may_send=may_open(f"{screens}.send"),
        sent="sent" in request.args,
        errors={"": error} if error else {},
    )
