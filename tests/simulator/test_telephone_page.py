"""The page on which a visitor telephones, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator.network.server import Network
from simulator.network.speech import Speech
from tests.pages import check_page, run_axe
from tests.simulator.conftest import account_for
from tests.simulator.product import Product, document, say

pytest_plugins = ["tests.browser"]

MENU = document(
    '<Gather numDigits="1" timeout="60" action="/voice/menu">', say("予約は1を押してください。"), "</Gather>"
)
QUEUE = document('<Enqueue waitUrl="/voice/wait" action="/voice/left-queue">madoguchi</Enqueue>')


@pytest.fixture
def network(product: Product) -> Iterator[Network]:
    product.answers["/voice/incoming"] = MENU
    product.answers["/voice/menu"] = QUEUE
    product.answers["/voice/wait"] = document(say("お待ちください。"), '<Pause length="60"/>')
    with Network(account_for(product), speech=Speech(speed_up=100)) as network:
        yield network
        assert network.exchange.failures == []


def test_the_page_is_sound_and_asks_nothing_of_others(network: Network) -> None:
    answer = requests.get(network.url, timeout=10)
    check_page(answer.text, url="/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for name in ("telephone.css", "telephone.js", "voice.js", "traffic.js"):
        assert requests.get(f"{network.url}/page/{name}", timeout=10).status_code == 200


@pytest.mark.parametrize("width", [375, 1280])
def test_a_visitor_calls_presses_a_key_waits_and_hangs_up(
    network: Network, product: Product, browser: Any, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    page.goto(network.url)
    assert run_axe(page) == []
    page.get_by_role("button", name="かける Call").click()
    page.locator("#heard").get_by_text("予約は1を押してください。").wait_for()
    page.keyboard.press("1")
    page.locator("#state").get_by_text("列に並んでいます（1番目）").wait_for()
    page.locator("#heard").get_by_text("お待ちください。").wait_for()
    page.locator("summary", has_text="/voice/menu").first.click()
    page.get_by_text("Digits: 1").wait_for()
    assert run_axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="切る").click()
    page.locator("#state").get_by_text("電話が切れました").wait_for()
    assert product.wait_for("/voice/left-queue")[0]["QueueResult"] == "hangup"
    assert product.to("/voice/incoming")[0]["From"] == "+81751239100"
    page.close()
    assert complaints == []


def test_a_visitor_withholds_her_number_and_leaves_the_page(network: Network, product: Product, browser: Any) -> None:
    page = browser.new_page()
    page.goto(network.url)
    page.get_by_label("番号を知らせない").check()
    page.get_by_role("button", name="かける Call").click()
    page.locator("#heard").get_by_text("予約は1を押してください。").wait_for()
    page.goto("about:blank")
    assert product.wait_for("/voice/status")[0]["From"] == "anonymous"
    page.close()
