"""The composition root: the only file that knows every door, and hands each room what it needs."""

import os
import socket
from typing import Any

import structlog
from flask import Flask, request
from redis import Redis

from admin_ui.accounts import accounts
from admin_ui.alarms import alarms
from admin_ui.audit_log import audit_log
from admin_ui.bookings import bookings
from admin_ui.cards import cards
from admin_ui.door import ADMIN, admin_frame
from admin_ui.own_password import own_password
from admin_ui.settings import settings as city_settings
from admin_ui.texts import texts
from booking_core.clock import Clock
from booking_core.db import make_engine
from booking_core.staff.roles import Permission
from citizen_ui.door import COOKIE as CITIZEN_COOKIE
from citizen_ui.door import DOOR as CITIZEN_DOOR
from citizen_ui.door import frame as citizen_frame
from citizen_ui.screens import screens as citizen_screens
from config import Door, Settings, SettingsError, load_settings
from ivr.hours import hours_of
from ivr.line import SENDERS, Line
from ivr.twilio.access_token import TokenMint
from ivr.twilio.rest import Credentials, TwilioProvider
from ivr.twilio.signature import SignatureCheck
from ivr.twilio.twiml import Speech
from ivr.twilio.webhooks import VoiceDoor, voice_webhooks
from operator_ui.board import board
from operator_ui.board_alarms import board_alarms
from operator_ui.call_screens import calls
from operator_ui.desk import desk
from operator_ui.door import BOARD, DESK, board_frame, desk_frame
from operator_ui.door import DOOR as DESK_DOOR
from operator_ui.line_notices import line_notices
from operator_ui.ready_check import ready_check
from operator_ui.seat_plan import seat_plan
from operator_ui.seats import seats
from operator_ui.softphone import NONE, SIMULATOR, TWILIO, Softphone, softphone_answers
from reports.archive_screens import archive_screens
from web import access_log, errors, forms_guard, headers, uploads
from web.booking_screens import booking_screens
from web.cookies import DoorCookie
from web.health import health
from web.look import install_look
from web.staff_access import guard, open_door
from web.throttle import Throttle
from web.wiring import Wiring, install, wired

LARGEST_FORM = 64 * 1024
DEFAULT_EDGES = ("tokyo", "singapore", "roaming")
GATEWAY_REGIONS = ("au1", "br1", "de1", "ie1", "jp1", "sg1", "us1", "us2")
TWILIO_HOSTS = (  # where the softphone sends its measurements, by the region that took it in; its sounds are our own
    "https://eventgw.twilio.com",
    *(f"https://eventgw.{region}.twilio.com" for region in GATEWAY_REGIONS),
)
ONE_YEAR_SECONDS = 31_536_000  # static files carry a fingerprint of their content in their address
REDIS_PATIENCE_SECONDS = 0.2  # a throttle must never be what a citizen waits for


def create_app(settings: Settings) -> Flask:
    """Return the web application that serves the doors named in the settings."""
    set_up_logging(settings.log_format, settings.log_level)
    app = Flask("madoguchi", static_folder=None)
    app.config.update(
        TRUSTED_HOSTS=list(settings.hosts),
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        MAX_FORM_PARTS=100,
        SEND_FILE_MAX_AGE_DEFAULT=ONE_YEAR_SECONDS,
    )
    wiring = _wire(settings)
    install(app, wiring)
    install_look(app)
    access_log.install(app)
    softphone = _softphone(settings)
    headers.install(app, secure=settings.secure_cookies, telephony_hosts=_telephony_hosts(softphone))
    errors.install(app)
    app.register_blueprint(health)
    cookies = {}
    if Door.CITIZEN in settings.doors:
        cookies["/"] = _open_citizen_door(app)
    if Door.DESK in settings.doors:
        cookies[DESK.prefix] = _open_desk(app, softphone)
    if Door.BOARD in settings.doors:
        cookies[BOARD.prefix] = _open_board(app, settings)
    if Door.ADMIN in settings.doors:
        cookies[ADMIN.prefix] = _open_console(app, settings)
    if Door.VOICE in settings.doors:
        app.register_blueprint(voice_webhooks(_voice(settings, wiring)))
    uploads.install(app, doors=(DESK, BOARD, ADMIN))
    forms_guard.install(app, cookies=cookies, signed_prefixes=("/voice/",))
    app.context_processor(_shown_on_every_page)
    return app


def _wire(settings: Settings) -> Wiring:
    return Wiring(
        engine=make_engine(settings.database_url.get_secret_value()),
        clock=Clock(settings.clock_file),
        throttle=Throttle(
            Redis.from_url(
                settings.redis_url.get_secret_value(),
                socket_timeout=REDIS_PATIENCE_SECONDS,
                socket_connect_timeout=REDIS_PATIENCE_SECONDS,
            )
        ),
        secret_key=settings.secret_key.get_secret_value().encode(),
        pepper=settings.pepper.get_secret_value().encode(),
        secure_cookies=settings.secure_cookies,
        demo=settings.demo,
        trusted_proxies=settings.trusted_proxies,
    )


def _open_citizen_door(app: Flask) -> DoorCookie:
    app.register_blueprint(citizen_screens)
    screens = booking_screens(CITIZEN_DOOR)
    screens.after_request(CITIZEN_COOKIE.write)
    screens.context_processor(citizen_frame)
    app.register_blueprint(screens, url_prefix="/book")
    return CITIZEN_COOKIE


def _open_desk(app: Flask, softphone: Softphone) -> DoorCookie:
    screens = booking_screens(DESK_DOOR)
    screens.url_prefix = "/calls/<int:call_id>/book"
    guard(screens, DESK, unless_named=Permission.CALLS_TAKE)
    screens.context_processor(desk_frame)
    return open_door(app, DESK, desk, calls, screens, ready_check(softphone), softphone_answers(softphone))


def _open_board(app: Flask, settings: Settings) -> DoorCookie:
    reports = archive_screens(BOARD, board_frame, report_to=settings.report_to)
    return open_door(app, BOARD, board, seats, seat_plan, board_alarms, line_notices, reports)


def _open_console(app: Flask, settings: Settings) -> DoorCookie:
    reports = archive_screens(ADMIN, admin_frame, report_to=settings.report_to)
    screens = (bookings, cards, reports, alarms, texts, city_settings, accounts, audit_log, own_password)
    return open_door(app, ADMIN, *screens)


def _softphone(settings: Settings) -> Softphone:
    """Return how operators' pages are rung: by the local network of a demo, by Twilio, or not at all."""
    mint = TokenMint(credentials_of(settings), settings.twilio_region)
    if not mint.can:
        return Softphone(NONE, mint)
    if settings.twilio_api_base:
        return Softphone(SIMULATOR, mint, base=settings.twilio_api_base)
    return Softphone(TWILIO, mint, edges=(settings.twilio_edge,) if settings.twilio_edge else DEFAULT_EDGES)


def _telephony_hosts(softphone: Softphone) -> tuple[str, ...]:
    """Return what the desk's page, and no other, may reach outside."""
    if softphone.driver == SIMULATOR:
        return (softphone.base,)
    if softphone.driver == NONE:
        return ()
    return (*TWILIO_HOSTS, *(f"wss://voice-js.{edge}.twilio.com" for edge in softphone.edges))


def _voice(settings: Settings, wiring: Wiring) -> VoiceDoor:
    tokens = (settings.twilio_auth_token, settings.twilio_auth_token_secondary)
    return VoiceDoor(
        engine=wiring.engine,
        reads=wiring.reads,
        clock=wiring.clock,
        signature=SignatureCheck(settings.voice_url, tuple(token.get_secret_value() for token in tokens if token)),
        speech=Speech(settings.voice_url),
    )


def _shown_on_every_page() -> dict[str, Any]:
    """Return what every layout shows: the names and the numbers the city has set, and the demo's warning."""
    live = wired().settings()
    return {
        "service_name": live.service_name,
        "call_centre_phone": live.call_centre_phone,
        "call_centre_hours": hours_of(live).in_words(),
        "demo_banner": "これは練習用の画面です。本当の予約はできません。" if wired().demo else None,
        "error_layout": _layout_of(request.path),
    }


def _layout_of(path: str) -> str:
    names = {"/desk/": "desk", "/board/": "board", "/admin/": "admin"}
    door = next((name for prefix, name in names.items() if path.startswith(prefix)), "citizen")
    return f"layout/{door}.html"


def create_line(settings: Settings) -> Line:
    """Return the line: the process that looks after the telephone's queue.

    Raises:
        SettingsError: the provider's account is not named.
    """
    if not settings.twilio_account_sid or not settings.twilio_auth_token or not settings.twilio_number:
        missing = "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_NUMBER"
        raise SettingsError(f"{missing}: the line cannot reach its callers without them; write all three")
    set_up_logging(settings.log_format, settings.log_level)
    return Line(
        engine=make_engine(settings.database_url.get_secret_value(), pool_size=SENDERS),
        clock=Clock(settings.clock_file),
        provider=TwilioProvider(
            credentials_of(settings),
            voice_url=settings.voice_url,
            number=settings.twilio_number,
            base=settings.twilio_api_base or "",
            region=settings.twilio_region,
            edge=settings.twilio_edge,
            fallback_url=settings.voice_fallback_url or "",
        ),
        name=f"{socket.gethostname()}:{os.getpid()}",
    )


def credentials_of(settings: Settings) -> Credentials:
    """Return how we show the provider who we are."""
    token, secret = settings.twilio_auth_token, settings.twilio_api_key_secret
    return Credentials(
        settings.twilio_account_sid,
        token.get_secret_value() if token else "",
        settings.twilio_api_key_sid,
        secret.get_secret_value() if secret else "",
    )


def create_celery(settings: Settings) -> Any:  # noqa: ANN401 - the library ships no types
    """Return the Celery application: the worker and the schedule. It serves no page."""
    from tasks.celery_app import make_celery
    from tasks.senders.choice import sender_for
    from tasks.wiring import JobWiring

    set_up_logging(settings.log_format, settings.log_level)
    smtp_url = settings.smtp_url.get_secret_value() if settings.smtp_url else None
    wiring = JobWiring(
        engine=make_engine(settings.database_url.get_secret_value(), pool_size=2),
        clock=Clock(settings.clock_file),
        mail=sender_for(smtp_url, mail_from=settings.mail_from),
        report_to=settings.report_to,
    )
    return make_celery(settings.broker_url, wiring)


def set_up_logging(form: str, level: str) -> None:
    """Let every log line of `level` or above be one JSON object, or one readable line where a person watches."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=False)
        if form == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attributes are what they are
    """Build `app:web` for gunicorn and `app:celery` for Celery when they ask for it, and not before."""
    if name == "web":
        return create_app(load_settings())
    if name == "celery":
        return create_celery(load_settings())
    raise AttributeError(name)
