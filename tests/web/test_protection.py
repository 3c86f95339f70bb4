"""Headers, cookies, doors, hosts, floods and broken requests: what the web does before any screen is asked."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Request
from redis import Redis
from sqlalchemy import create_engine, text
from werkzeug.test import EnvironBuilder

from tests.conftest import House
from web.source import source_of
from web.throttle import Limit, Throttle

ROOT = Path(__file__).resolve().parents[2]
THERE = "https://yoyaku.example.jp"


@pytest.mark.req("3-1-B-i")
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/login",
        "/book/delivery/",
        "/nothing",
        "/static/madoguchi.css",
        "/board/sign-in",
        "/admin/sign-in",
        "/desk/sign-in",
    ],
)
def test_no_page_may_reach_outside(house: House, path: str) -> None:
    headers = house.visitor().open(path).response.headers  # which scans the page for foreign addresses as well
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in headers["Permissions-Policy"]
    assert ("microphone=(self)" in headers["Permissions-Policy"]) == path.startswith("/desk/")


def test_cookies_are_host_bound_and_secure_when_the_site_is_https(open_house: Callable[..., House]) -> None:
    cookie = open_house(PUBLIC_URL=THERE).app.test_client().get("/login", base_url=THERE).headers["Set-Cookie"]
    assert cookie.startswith("__Host-citizen=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}


def test_the_demo_on_loopback_has_cookies_that_plain_http_carries(house: House) -> None:
    cookie = house.visitor().open("/login").response.headers["Set-Cookie"]
    assert cookie.startswith("madoguchi_citizen=")
    assert "Secure" not in cookie


def test_an_https_site_tells_browsers_to_come_back_by_no_other_way(open_house: Callable[..., House]) -> None:
    answer = open_house(PUBLIC_URL=THERE).app.test_client().get("/", base_url=THERE)
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


@pytest.mark.req("3-1-n1")
def test_pages_name_no_host_whatever_the_site_is_called(open_house: Callable[..., House]) -> None:
    for site in ("https://yoyaku.example.jp", "https://card.example.org"):
        page = open_house(PUBLIC_URL=site).app.test_client().get("/", base_url=site)
        assert page.status_code == 200
        assert "example" not in page.get_data(as_text=True)
    templates = list(ROOT.glob("*/templates/**/*.html"))
    assert len(templates) > 20
    assert [each.name for each in templates if re.search(r"https?://", each.read_text(encoding="utf-8"))] == []


def test_a_request_for_another_host_is_refused(house: House) -> None:
    assert house.app.test_client().get("/", base_url="http://evil.example").status_code == 400


def test_a_process_serves_only_its_doors(open_house: Callable[..., House]) -> None:
    client = open_house(DOORS="desk").app.test_client()
    assert client.get("/").status_code == 404
    assert client.get("/book/delivery/").status_code == 404
    assert client.get("/healthz").status_code == 200
    client = open_house(DOORS="citizen").app.test_client()
    assert client.get("/").status_code == 200
    for path in ("/desk/", "/admin/", "/board/", "/voice/incoming"):
        assert client.get(path).status_code == 404


def test_nobody_keeps_a_page_that_may_show_a_booking(house: House) -> None:
    assert house.visitor().open("/login").response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 200_000, "application/x-www-form-urlencoded", 413),
        (b"number=%ff%fe&password=%80", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe\x00broken", "application/json", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 400),
    ],
)
def test_a_broken_request_gets_a_readable_page_and_changes_nothing(
    house: House, body: bytes, kind: str, status: int
) -> None:
    client = house.app.test_client()
    client.get("/login").close()  # without a cookie the form would not even be read
    answer = client.post("/login", data=body, content_type=kind)
    assert answer.status_code == status
    assert "<h1>" in answer.get_data(as_text=True)


def test_a_form_with_the_wrong_encoding_is_read_without_harm(house: House) -> None:
    visitor = house.visitor().open("/login")
    token = visitor.form()[1]["csrf_token"]
    body = f"csrf_token={token}&password=x&number=".encode() + b"%97%5C%96%F1%00%ff"
    visitor._show(visitor.client.post("/login", data=body, content_type="application/x-www-form-urlencoded"))
    assert visitor.status == 422
    assert "登録がありません" in visitor.text()


def test_log_in_leads_nowhere_outside(house: House) -> None:
    house.add_citizen()
    for number, target in enumerate(
        ("//evil.example", "https://evil.example", "/\\evil.example", "/x\r\nSet-Cookie: a=b")
    ):
        visitor = house.visitor(f"10.0.0.{number}").open("/login")
        visitor.submit({"number": "ABC123456", "password": "sakura-2025", "next": target}, follow=False)
        assert visitor.response.headers["Location"] == "/my/"


def test_with_the_database_gone_the_page_says_so_and_is_no_bug(house: House) -> None:
    house.engine.dispose()
    with house.engine.connect() as db:
        name = db.execute(text("SELECT current_database()")).scalar_one()
    house.engine.dispose()
    url = house.engine.url.set(database="postgres")
    administrator = create_engine(url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as db:
        db.execute(text(f'ALTER DATABASE "{name}" RENAME TO "{name}_away"'))
    try:
        answer = house.app.test_client().get("/")
        assert answer.status_code == 503
        assert "混み合っています" in answer.get_data(as_text=True)
        assert house.app.test_client().get("/readyz").status_code == 503
        assert house.app.test_client().get("/healthz").status_code == 200
    finally:
        with administrator.connect() as db:
            db.execute(text(f'ALTER DATABASE "{name}_away" RENAME TO "{name}"'))
        administrator.dispose()


def test_a_dead_redis_keeps_nobody_from_booking(open_house: Callable[..., House]) -> None:
    house = open_house(REDIS_URL="unix:///nowhere/redis.sock")
    house.add_citizen()
    visitor = house.visitor().open("/login").submit({"number": "ABC123456", "password": "sakura-2025"})
    assert visitor.heading == "あなたの予約"


def test_a_throttle_counts_within_its_limit_and_no_further(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        throttle, limit = Throttle(redis), Limit("tries", most=3, seconds=60)
        assert [throttle.count(limit, "a") for _ in range(4)] == [True, True, True, False]
        assert throttle.count(limit, "b")
        assert throttle.exceeded(limit, "a")
        assert not throttle.exceeded(limit, "b")
        assert 0 < redis.ttl("throttle:tries:a") <= 60


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a client cannot name its own address
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_source_is_the_nearest_address_that_is_no_proxy_of_ours(peer: str, forwarded: str, source: str) -> None:
    environ = EnvironBuilder(headers=[("X-Forwarded-For", forwarded)]).get_environ() | {"REMOTE_ADDR": peer}
    assert source_of(Request(environ), (ip_network("10.0.0.0/8"),)) == source


@pytest.mark.req("3-1-C-xx-a")
def test_no_log_line_holds_a_number_a_password_or_a_telephone(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    house.add_citizen()
    visitor = house.visitor().open("/login?number=ABC123456").submit({"number": "ABC123456", "password": "sakura-2025"})
    visitor.open("/book/delivery/at/kita/")
    visitor.open(next(href for words, href in visitor.links().items() if "空きあり" in words))
    visitor.open(next(href for words, href in visitor.links().items() if "空き" in words))
    visitor.submit({"phone": "075-123-4567"})
    printed = "".join(capfd.readouterr())
    assert '"rule": "/login"' in printed
    for secret in ("ABC123456", "sakura-2025", "123-4567", "+81751234567"):
        assert secret not in printed
