"""What a visitor reads when something cannot be answered, in the frame of her door, with a way on."""

from dataclasses import dataclass
from traceback import extract_tb

import structlog
from flask import Flask, g, render_template, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, SecurityError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Words:
    heading: str
    body: str


WORDS = {
    400: Words(
        "送られた内容を読み取れませんでした", "画面を開き直して、もう一度お試しください。何も変わっていません。"
    ),
    401: Words("ログインしてください", "この画面を見るには、ログインが必要です。"),
    403: Words("この画面は表示できません", "見る権限がないか、期限が切れています。最初の画面からやり直してください。"),
    404: Words("ページが見つかりません", "アドレスが変わったか、まちがっています。最初の画面から選び直してください。"),
    405: Words("この操作はできません", "最初の画面からやり直してください。何も変わっていません。"),
    413: Words("送られた内容が大きすぎます", "入力を短くして、もう一度お試しください。何も変わっていません。"),
    429: Words(
        "しばらくお待ちください", "短いあいだに何度も操作がありました。少し時間をおいて、もう一度お試しください。"
    ),
    500: Words(
        "申し訳ありません。うまく動きませんでした",
        "時間をおいて、もう一度お試しください。続くときは、予約センターへお電話ください。",
    ),
    503: Words("ただいま混み合っています", "予約は変わっていません。少し時間をおいて、もう一度お試しください。"),
}


def install(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(PoolTimeoutError, _busy)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(Exception, _bug)


def error_page(status: int) -> tuple[str, int]:
    """Return the page for an HTTP status, and the status."""
    words = WORDS.get(status) or WORDS[400 if status < 500 else 500]  # noqa: PLR2004 - the border of blame in HTTP
    return render_template("errors/error.html", heading=words.heading, body=words.body, home_url=_home()), status


def _http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    if isinstance(error, SecurityError):
        return error  # asked for under a name that is not ours: no page of ours can be addressed there
    if error.code is None or error.code < 400:  # noqa: PLR2004 - a redirect is raised as well
        return error
    return error_page(error.code)


def _busy(error: Exception) -> tuple[str, int]:
    g.failing = True
    log.error("database.unavailable", id=g.get("request_id"), error=type(error).__name__)
    return error_page(503)


def _bug(error: Exception) -> tuple[str, int]:
    g.failing = True
    # Where it happened, not what it says: the message of a database error may quote what somebody typed.
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
    log.error("bug", id=g.get("request_id"), rule=str(request.url_rule), error=type(error).__name__, where=where)
    return error_page(500)


def _home() -> str:
    for prefix in ("/desk/", "/admin/", "/board/"):
        if request.path.startswith(prefix):
            return prefix
    return "/"
