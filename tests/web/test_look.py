"""The shared look, shown on sample pages that use every part once."""

from __future__ import annotations

import hashlib
import re
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Response, render_template
from jinja2 import StrictUndefined
from playwright.sync_api import expect

from tests.pages import AXE_SOURCE, check_page, find_faults, run_axe
from web.look import STATIC, install_look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytest_plugins = ["tests.browser"]

SHARED: dict[str, Any] = {
    "service_name": "マイナンバーカード予約（京都市）",
    "csrf_token": "token",
    "call_centre_phone": "+81752223333",
    "call_centre_hours": "月曜日から金曜日まで、午前9時から午後5時まで（祝日と年末年始を除く）",
    "demo_banner": "これは練習用の画面です。実際の予約はできません。",
    "sign_out_url": "/out",
    "signed_in_as": "ABC-123-456 の方",
    "nav_items": [("予約の確認", "/bookings", True), ("よくある質問", "/questions", False)],
}
ERRORS = {
    "password": "パスワードを入力してください。",
    "person": "受け取る方を選んでください。",
    "": "もう一度お試しください。",
}
PAGES = ["/choose", "/errors", "/slip", "/bare", "/desk", "/board", "/admin"]
WIDTHS = [320, 375, 768, 1280, 1920]


def april() -> dict[str, Any]:
    states = ["open", "few", "full", "open", "open", "closed", "closed"]
    days = []
    for day in (date(2025, 4, 1) + timedelta(days=n) for n in range(30)):
        holiday = "昭和の日" if day == date(2025, 4, 29) else None
        state = "closed" if holiday else states[day.weekday()]
        days.append(
            {
                "date": day,
                "state": state,
                "href": f"/day/{day}" if state in {"open", "few"} else None,
                "holiday": holiday,
            }
        )
    return {"days": days, "selected": date(2025, 4, 10), "previous": "/2025-03", "following": "/2025-05"}


def times(kind: str) -> list[tuple[str, list[dict[str, Any]]]]:
    def one(hour: int, minute: int, state: str) -> dict[str, Any]:
        at = time(hour, minute)
        item: dict[str, Any] = {"time": at, "state": state, "href": None, "value": None}
        return item if state == "full" else item | {kind: f"/time/{at:%H%M}"}

    return [
        ("午前", [one(9, 0, "open"), one(9, 30, "few"), one(10, 0, "full"), one(10, 30, "open")]),
        ("午後", [one(13, 0, "full"), one(13, 30, "open"), one(14, 0, "few")]),
    ]


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__, static_folder=None, template_folder="templates")
    app.jinja_options = {"undefined": StrictUndefined}
    install_look(app)
    rows = [[f"午前{hour}時", "北区役所カード交付コーナー", "受け取り", "ABC-123-456", hour] for hour in range(9, 12)]
    parts = {"month": april(), "groups_of_links": times("href"), "groups_of_buttons": times("value"), "rows": rows}

    @app.get("/choose")
    def choose() -> str:
        return render_template("sample_citizen.html", heading="受け取る日を選ぶ", **parts, **SHARED)

    @app.get("/errors")
    def errors() -> str:
        return render_template("sample_citizen.html", heading="受け取る日を選ぶ", errors=ERRORS, **parts, **SHARED)

    @app.get("/slip")
    def slip() -> str:
        return render_template("sample_slip.html", heading="予約が完了しました", **SHARED)

    @app.get("/bare")
    def bare() -> str:
        return render_template("layout/citizen.html", heading="準備中です", service_name="予約")

    @app.get("/<any(desk, board, admin):door>")
    def staff(door: str) -> str:
        return render_template("sample_staff.html", layout=f"layout/{door}.html", heading="予約", **parts, **SHARED)

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'self'"
        return response

    return app


@pytest.fixture(scope="module")
def address(app: Flask, serve: Callable[[Any], str]) -> str:
    return serve(app)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, locale="ja-JP", timezone_id="Asia/Tokyo")
    yield context.new_page()
    context.close()


# ---------------------------------------------------------------- what is sent


@pytest.mark.req("3-1-C-xxviii")
@pytest.mark.parametrize("url", PAGES)
def test_every_sample_page_is_well_made(app: Flask, url: str) -> None:
    check_page(app.test_client().get(url).text, url=url)


def test_the_title_says_error_first(app: Flask) -> None:
    html = app.test_client().get("/errors").text
    assert "<title>エラー：受け取る日を選ぶ｜マイナンバーカード予約（京都市）</title>" in html


def test_a_password_is_never_written_back(app: Flask) -> None:
    with app.test_request_context():
        macro = app.jinja_env.get_template("macros/forms.html").module.field  # type: ignore[attr-defined] # a macro
        assert "hunter2" not in macro("password", "パスワード", "hunter2", type="password")
        assert "hunter2" in macro("number", "予約番号", "hunter2")


def test_what_people_typed_is_escaped(app: Flask) -> None:
    with app.test_request_context():
        macro = app.jinja_env.get_template("macros/forms.html").module.field  # type: ignore[attr-defined] # a macro
        html = macro("name", "お名前", '"><b>太字</b>', error="<i>", hint="<u>")
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html


def test_the_app_may_not_hide_the_shared_files() -> None:
    with pytest.raises(ValueError, match="static_folder=None"):
        install_look(Flask(__name__, static_folder="templates"))


@pytest.mark.parametrize("sums", [STATIC / "vendor" / "SHA256SUMS", AXE_SOURCE.parent / "SHA256SUMS"], ids=str)
def test_files_from_others_are_as_published(sums: Path) -> None:
    entries = [line.split(maxsplit=1) for line in sums.read_text(encoding="utf-8").splitlines()]
    listed = {name.strip(): digest for digest, name in entries}
    found = {str(f.relative_to(sums.parent)) for f in sums.parent.rglob("*") if f.is_file()}
    assert found - {"SHA256SUMS", "README.md"} == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() == digest, name


def test_our_own_files_name_no_outside_address() -> None:
    for file in [*STATIC.glob("*.css"), *STATIC.glob("*.js")]:
        assert not re.search(r"(?:https?:)?//\w|@import|url\(", file.read_text(encoding="utf-8").replace("/*", "")), (
            file
        )


# ------------------------------------------------------- the checks themselves

GOOD = """<!DOCTYPE html><html lang="ja"><head><meta charset="utf-8"><title>予約｜市</title></head><body>
<h1>予約</h1><a href="#x">次</a><p id="x">本文</p><img src="/a.png" alt="">
<form action="/a" method="post"><input type="hidden" name="csrf_token" value="t">
<label for="n">番号</label><input id="n" name="n"><button>送る</button></form>
<table><caption>表</caption><tr><th scope="col">列</th></tr><tr><td>値</td></tr></table>
<a href="tel:+81752223333">電話</a></body></html>"""


def test_a_good_page_passes() -> None:
    check_page(GOOD, url="/good")


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("<p id", "<p><div></p id", "not valid HTML"),
        ("<p id", "<b><p id", "not valid HTML"),
        ('alt=""', 'alt="" alt="a"', "not valid HTML"),
        ("<!DOCTYPE html>", "", "not valid HTML"),
        ('lang="ja"', 'lang="en"', "lang"),
        ("<h1>予約</h1>", "<h2>予約</h2>", "0 h1"),
        ("<h1>予約</h1>", "<h1>予約</h1><h1>予約</h1>", "2 h1"),
        ("<h1>予約</h1>", "<h1></h1>", "empty"),
        ("<title>予約", "<title>市の予約", "does not begin"),
        ("<p id", '<i id="x"></i><p id', 'id "x" stands 2 times'),
        ('href="#x"', 'href="#y"', "leads to nothing"),
        ('name="n"', 'name="n" aria-describedby="y"', "points to nothing"),
        ('for="n"', "", "no label"),
        ("番号</label>", "</label>", "no label"),
        ("送る", "", "says nothing"),
        ('action="/a"', "", "no action"),
        ('method="post"', "", 'method ""'),
        ('method="post"', 'method="get"', "write its csrf_token"),
        ('name="csrf_token"', 'name="token"', "without a csrf_token"),
        ('value="t"', 'value=""', "without a csrf_token"),
        ("<p id", '<p style="color:red" id', "style="),
        ("<p id", '<p onclick="x()" id', "onclick="),
        ("<p id", '<p hx-on:click="x()" id', "hx-on:click="),
        ("</head>", "<style>p{}</style></head>", "written into the page"),
        ("</head>", "<script>1</script></head>", "written into the page"),
        ('src="/a.png"', 'src="http://a/"', "leads outside"),
        ('src="/a.png"', 'src="//a/b.png"', "leads outside"),
        ('src="/a.png"', 'src="/a.png" srcset="/a.png 1x, https://a/ 2x"', "leads outside"),
        ('action="/a"', 'action="https://a/"', "leads outside"),
        ('href="#x"', 'href="javascript:x()"', "leads outside"),
        (' alt=""', "", "no alt"),
        ("<caption>表</caption>", "", "no caption"),
        (' scope="col"', "", "no scope"),
        ("th scope", "td data-scope", "not valid HTML"),
        ("本文", "ﾖﾔｸ", "half-width katakana"),
        ('alt=""', 'alt="ﾖﾔｸ"', "half-width katakana"),
        ("本文", '"本文"', "straight quotes"),
    ],
)
def test_a_planted_fault_is_found(good: str, bad: str, fault: str) -> None:
    assert good in GOOD
    with pytest.raises(AssertionError, match=re.escape(fault)):
        check_page(GOOD.replace(good, bad, 1), url="/bad")


def test_the_fault_list_names_the_page_and_every_fault() -> None:
    bad = GOOD.replace('lang="ja"', "").replace(' scope="col"', "")
    assert len(list(find_faults(bad))) == 2
    with pytest.raises(AssertionError, match=r"/where: 2 thing\(s\) to mend\n  - .*\n  - .*"):
        check_page(bad, url="/where")


def test_axe_finds_a_planted_fault(page: Page) -> None:
    page.set_content(GOOD.replace("<h1>予約</h1>", '<h1>予約</h1><p style="color:#ccc">薄い文字</p>'))
    assert "color-contrast" in {violation.rule for violation in run_axe(page)}


# --------------------------------------------------------- what a browser shows


@pytest.mark.parametrize("url", PAGES)
def test_axe_finds_nothing(page: Page, url: str) -> None:
    page.goto(url)
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert [str(violation) for violation in run_axe(page)] == [], f"{url} at {width} px"


@pytest.mark.parametrize("url", PAGES)
def test_no_width_makes_a_page_scroll_sideways(page: Page, url: str) -> None:
    page.goto(url)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{url} at {width} px"


@pytest.mark.parametrize("url", PAGES)
def test_the_security_policy_stops_nothing_of_ours(page: Page, url: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    assert complaints == []


# Every stop of the Tab key: what it is, and whether its ring can be seen.
FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  const down = b.bottom > 0 && b.top < innerHeight, across = b.right > 0 && b.left < innerWidth;
  return {what: e.tagName + ' ' + (e.id || e.className) + ' ' + e.innerText.slice(0, 20),
          ring: s.outlineStyle === 'solid' ? parseFloat(s.outlineWidth) : 0,
          halo: s.boxShadow !== 'none',
          seen: b.width > 1 && b.height > 1 && down && across};
}"""


def stops(page: Page) -> list[dict[str, Any]]:
    """Go through the page with the Tab key until it comes round."""
    found: list[dict[str, Any]] = []
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body || document.activeElement.dataset.walked === '1'"):
            return found
        page.evaluate("document.activeElement.dataset.walked = '1'")
        found.append(page.evaluate(FOCUSED))


@pytest.mark.parametrize(("url", "width"), [*((url, 320) for url in PAGES), ("/choose", 1280), ("/desk", 1280)])
def test_whatever_the_tab_key_reaches_shows_a_ring(page: Page, url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(url)
    found = stops(page)
    assert len(found) >= (2 if url == "/bare" else 6)
    assert [stop["what"] for stop in found if stop["ring"] < 4 or not stop["halo"] or not stop["seen"]] == []


def test_the_first_tab_offers_to_skip_to_the_text(page: Page) -> None:
    page.goto("/choose")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "本文へ進む"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "前の月"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("url", ["/choose", "/errors", "/slip", "/bare"])
def test_a_citizen_has_targets_of_44_pixels(page: Page, url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(url)
    # A choice is pressed by its label; a link inside a sentence is as high as its line.
    small = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea')]
          .filter(e => e.checkVisibility() && !e.matches('.skip-link, p:not(.call-centre__phone) > a:not(.button)'))
          .map(e => e.matches('.choice__input') ? e.labels[0] : e)
          .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
          .filter(([, b]) => b.width < 44 || b.height < 44).map(([what, b]) => `${what} ${b.width} × ${b.height}`)"""
    )
    assert small == []


def test_an_error_page_starts_at_the_summary_and_leads_to_the_field(page: Page) -> None:
    page.goto("/errors")
    expect(page.locator(".error-summary")).to_be_focused()
    page.get_by_role("link", name="受け取る方を選んでください。").click()
    assert page.evaluate("document.activeElement.id") == "person"
    field = page.get_by_label("パスワード 必須")
    assert field.get_attribute("aria-invalid") == "true"
    assert page.locator("#" + str(field.get_attribute("aria-describedby"))).inner_text().strip().startswith("エラー：")


def test_a_day_is_heard_whole_and_only_a_free_one_is_a_link(page: Page) -> None:
    page.goto("/choose")
    month = page.get_by_role("table", name="2025年4月")
    assert month.get_by_role("columnheader").all_inner_texts() == list("日月火水木金土")
    assert (
        month.get_by_role("link", name="4月8日（火）残りわずか", exact=True).get_attribute("href") == "/day/2025-04-08"
    )
    assert month.get_by_role("link", name="4月10日（木）空きあり").get_attribute("aria-current") == "date"
    assert month.get_by_role("cell", name="4月29日（火）昭和の日、受付なし", exact=True).count() == 1
    assert month.get_by_role("link").count() == 16
    assert month.get_by_role("row").count() == 6


def test_a_time_is_a_link_or_a_button_only_while_it_is_free(page: Page) -> None:
    page.goto("/choose")
    assert page.get_by_role("link", name="午後1時30分 空きあり", exact=True).get_attribute("href") == "/time/1330"
    assert page.get_by_role("button", name="午後1時30分 空きあり", exact=True).get_attribute("value") == "/time/1330"
    assert page.get_by_text("午前10時", exact=True).count() == 2
    full = re.compile("^午前10時 ")
    assert page.get_by_role("link", name=full).count() == page.get_by_role("button", name=full).count() == 0


@pytest.mark.parametrize("url", ["/choose", "/desk"])
def test_nothing_is_said_by_colour_alone_when_colours_are_forced(page: Page, url: str) -> None:
    page.emulate_media(forced_colors="active")
    page.goto(url)
    page.locator(".day[href]").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["ring"] >= 4
    assert page.locator(".day--open .sign").first.inner_text() != page.locator(".day--few .sign").first.inner_text()


def test_a_slip_prints_on_one_sheet_without_the_menus(page: Page) -> None:
    page.goto("/slip")
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) == 1
    page.emulate_media(media="print")
    for gone in (".door-nav", ".sign-out", ".steps", ".actions", ".facts__action"):
        assert page.locator(gone).first.is_hidden(), gone
    assert page.get_by_text("2025年4月8日（火）午後1時30分").is_visible()
    assert page.get_by_text("075-222-3333").is_visible()


def test_without_scripts_no_button_is_shown_that_would_do_nothing(browser: Browser, address: str, page: Page) -> None:
    page.goto("/slip")
    assert page.get_by_role("button", name="この画面を印刷する").is_visible()
    context = browser.new_context(base_url=address, java_script_enabled=False)
    plain = context.new_page()
    plain.goto("/slip")
    assert plain.get_by_role("button", name="この画面を印刷する").count() == 0
    context.close()


def test_citizens_read_18_pixels_and_staff_16(page: Page) -> None:
    for url, size in (("/choose", "18px"), ("/desk", "16px")):
        page.goto(url)
        assert page.evaluate("getComputedStyle(document.body).fontSize") == size
