from collections.abc import Mapping

import pytest

from config import Door, SettingsError, load_settings

ENOUGH = {
    "DATABASE_URL": "postgresql://app:database-secret@db.example/madoguchi",
    "REDIS_URL": "redis://:redis-secret@cache.example:6379/0",
    "SECRET_KEY": "k" * 32,
    "PEPPER": "p" * 32,
}
BEHIND_HTTPS = ENOUGH | {"PUBLIC_URL": "https://yoyaku.example.jp", "TWILIO_AUTH_TOKEN": "twilio-secret"}


def complaint(environ: Mapping[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    return str(caught.value)


def test_the_least_environment_serves_every_door_on_loopback() -> None:
    settings = load_settings(ENOUGH)
    assert settings.doors == set(Door)
    assert settings.public_url == settings.citizen_url == settings.voice_url == "http://127.0.0.1:8000"
    assert (settings.bind, settings.secure_cookies, settings.demo) == ("127.0.0.1", False, False)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL: is missing; write postgresql://user:password@host/database"),
        ({"DATABASE_URL": "sqlite:///book.db"}, "DATABASE_URL: is not a PostgreSQL address; write postgresql://"),
        ({"DATABASE_URL": "postgresql://host"}, "DATABASE_URL: names no database; write postgresql://"),
        ({"REDIS_URL": "http://cache"}, "REDIS_URL: does not start with redis:// or rediss:// or unix://; write redis"),
        ({"PORT": "eighty"}, "PORT: is not understood; write a number from 1 to 65535"),
        ({"PORT": "65536"}, "PORT: is not understood; write a number from 1 to 65535"),
        ({"PORT": "0"}, "PORT: is not understood; write a number from 1 to 65535"),
        ({"DOORS": "citizen,cellar"}, "DOORS: is not understood; write any of citizen,desk,admin,board,voice"),
        ({"SECRET_KEY": "k" * 31}, "SECRET_KEY: is too short (31 characters); write 32 or more random characters"),
        ({"PEPPER": ""}, "PEPPER: is missing; write 32 or more random characters"),
        ({"PUBLIC_URL": "yoyaku.example.jp"}, "PUBLIC_URL: does not start with http:// or https://; write https://"),
        ({"STAFF_URL": "https://host/?a=1"}, "STAFF_URL: holds more than a host and a path; write https://"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,proxy"}, "TRUSTED_PROXIES: holds 'proxy', which is no address or network;"),
        ({"SMTP_URL": "mail.example.jp"}, "SMTP_URL: does not start with smtp:// or smtps:// or file://; write smtp"),
        ({"SMTP_URL": "smtp://mail.example.jp"}, "MAIL_FROM: is missing beside SMTP_URL; write an address such as"),
        ({"MAIL_FROM": "yoyaku"}, "MAIL_FROM: is not a mail address; write an address such as"),
        ({"REPORT_TO": "a@city.example,b"}, "REPORT_TO: is not a mail address; write addresses with commas between"),
        ({"DEMO": "perhaps"}, "DEMO: is not understood; write 1 or 0"),
        ({"DEMO": "1", "STAFF_URL": "https://staff.example.jp"}, "DEMO: the demo's sign-ins are public"),
        ({"DEMO": "1", "BIND": "192.0.2.7"}, "BIND: the demo answers this machine only; write BIND=127.0.0.1"),
        ({"PUBLIC_URL": "https://yoyaku.example.jp"}, "TWILIO_AUTH_TOKEN: is missing, no call could be checked;"),
        ({"TWILIO_NUMBER": "075-330-0000"}, "TWILIO_NUMBER: is not a number in the form +81…; write the line's"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT: is not understood; write json or console"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line_that_says_what_to_write(change: dict[str, str], line: str) -> None:
    told = complaint(ENOUGH | change)
    assert told.startswith(line)
    assert "\n" not in told


def test_several_wrong_settings_are_counted_behind_the_first() -> None:
    told = complaint(ENOUGH | {"PORT": "eighty", "LOG_FORMAT": "xml", "PEPPER": "short"})
    assert told == "PORT: is not understood; write a number from 1 to 65535 (and 2 more to put right)"


def test_https_is_what_makes_cookies_secure() -> None:
    assert load_settings(BEHIND_HTTPS).secure_cookies
    assert not load_settings(ENOUGH | {"PUBLIC_URL": "http://yoyaku.example.jp"}).secure_cookies


def test_a_line_without_its_door_needs_no_token() -> None:
    environ = BEHIND_HTTPS | {"TWILIO_AUTH_TOKEN": "", "DOORS": "citizen,admin"}
    assert load_settings(environ).doors == {Door.CITIZEN, Door.ADMIN}


def test_whoever_runs_a_desk_sees_the_board() -> None:
    assert load_settings(ENOUGH | {"DOORS": "desk"}).doors == {Door.DESK, Door.BOARD}


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_address_names_the_same_driver(scheme: str) -> None:
    settings = load_settings(ENOUGH | {"DATABASE_URL": f"{scheme}://u:p@h:5432/d"})
    assert settings.database_url.get_secret_value() == "postgresql+psycopg://u:p@h:5432/d"
    assert settings.owner_url == settings.database_url


def test_the_role_that_migrates_can_have_an_address_of_its_own() -> None:
    settings = load_settings(ENOUGH | {"DATABASE_OWNER_URL": "postgresql://owner@h/d"})
    assert settings.owner_url.get_secret_value() == "postgresql+psycopg://owner@h/d"


def test_celery_gets_a_socket_in_its_own_spelling() -> None:
    assert (
        load_settings(ENOUGH | {"REDIS_URL": "unix:///run/redis.sock"}).broker_url == "redis+socket:///run/redis.sock"
    )
    assert load_settings(ENOUGH).broker_url == ENOUGH["REDIS_URL"]


def test_hosts_are_those_of_every_site_and_all_loopback_names_stand_together() -> None:
    assert load_settings(BEHIND_HTTPS | {"STAFF_URL": "https://staff.example.jp:8443"}).hosts == (
        "staff.example.jp",
        "yoyaku.example.jp",
    )
    assert load_settings(ENOUGH).hosts == ("127.0.0.1", "::1", "localhost")


def test_lists_are_read_with_blanks_and_a_trailing_comma() -> None:
    settings = load_settings(ENOUGH | {"REPORT_TO": "a@city.example, b@city.example,", "TRUSTED_PROXIES": "192.0.2.7"})
    assert settings.report_to == ("a@city.example", "b@city.example")
    assert [str(network) for network in settings.trusted_proxies] == ["192.0.2.7/32"]


def test_no_secret_is_shown_where_settings_are_printed() -> None:
    settings = load_settings(BEHIND_HTTPS | {"SMTP_URL": "file:///mail", "TWILIO_AUTH_TOKEN_SECONDARY": "other-secret"})
    shown = f"{settings!r} {settings}"
    for secret in ("database-secret", "redis-secret", "k" * 32, "p" * 32, "twilio-secret", "other-secret"):
        assert secret not in shown


def test_no_secret_is_shown_in_a_complaint() -> None:
    told = complaint(ENOUGH | {"DATABASE_URL": "mysql://app:database-secret@h/d", "SECRET_KEY": "short-secret"})
    assert "secret" not in told.lower().replace("secret_key", "")


def test_the_environment_given_is_the_only_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9999")
    monkeypatch.setenv("PEPPER", "from elsewhere, and long enough for a pepper")
    assert load_settings(ENOUGH).port == 8000
    assert complaint({name: text for name, text in ENOUGH.items() if name != "PEPPER"}).startswith("PEPPER: is missing")


def test_settings_do_not_change_after_the_start() -> None:
    settings = load_settings(ENOUGH)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 9
