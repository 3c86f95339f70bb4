"""A browser without scripts: the app's own test client, which checks every page it is shown and fills in its forms."""

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import html5lib
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.pages import check_page


@dataclass
class Visitor:
    """One browser. `page` is what it shows, `status` how the last request ended."""

    app: Flask
    address: str = "127.0.0.1"
    client: FlaskClient = field(init=False)
    status: int = field(init=False, default=0)
    url: str = field(init=False, default="")
    page: str = field(init=False, default="")
    response: TestResponse = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def open(self, url: str, **options: object) -> "Visitor":
        return self._show(self.client.get(url, environ_base=self._from(), **options))

    def post(self, url: str, data: dict[str, str]) -> "Visitor":
        return self._show(self.client.post(url, data=data, environ_base=self._from()))

    def submit(self, typed: dict[str, str] | None = None, *, action: str = "", follow: bool = True) -> "Visitor":
        """Send the form of this page whose action holds `action` (by default the first in the page's main part)."""
        target, values = self.form(action)
        self.post(target, values | (typed or {}))
        return self.follow() if follow else self

    def press(self, words: str) -> "Visitor":
        """Press the first button whose words hold these; it may send its form to an address of its own."""
        for form in self._main().iter("form"):
            for button in form.iter("button"):
                if words in _words(button):
                    target, values = self.form(form.get("action", ""))
                    self.post(button.get("formaction") or target, values)
                    return self.follow()
        raise AssertionError(f"no button {words!r} on {self.url}: {self.text()[:300]}")

    def follow(self) -> "Visitor":
        while self.status in {301, 302, 303, 307}:
            self.open(self.response.headers["Location"])
        return self

    def form(self, action: str = "") -> tuple[str, dict[str, str]]:
        """Return the address and the fields of a form as the page holds them."""
        forms = [form for form in self._main().iter("form") if action in form.get("action", "")]
        assert forms, f"no form to {action!r} on {self.url}: {self.text()[:300]}"
        fields = {
            each.get("name", ""): each.get("value", "")
            for each in forms[0].iter("input")
            if each.get("type") != "radio" or "checked" in each.attrib
        }
        return forms[0].get("action", ""), {name: value for name, value in fields.items() if name}

    def links(self) -> dict[str, str]:
        """Return the links of the page's main part by their words."""
        return {_words(link): link.get("href", "") for link in self._main().iter("a")}

    def ways(self) -> dict[str, str]:
        """Return where the page's main part leads by one press, by their words: links, and the buttons of lists."""
        shown = ((each, each.get("href") or each.get("formaction")) for each in self._main().iter())
        return {_words(each): to for each, to in shown if to and each.tag in {"a", "button"}}

    def text(self) -> str:
        """Return the words of the page's main part."""
        return _words(self._main())

    @property
    def heading(self) -> str:
        return next(_words(each) for each in self._root().iter("h1"))

    def _root(self) -> Element:
        root: Element = html5lib.parse(self.page, namespaceHTMLElements=False)
        return root

    def _main(self) -> Element:
        return next(self._root().iter("main"))

    def _from(self) -> dict[str, str]:
        return {"REMOTE_ADDR": self.address}

    def _show(self, response: TestResponse) -> "Visitor":
        self.response, self.status, self.url = response, response.status_code, response.request.path
        if response.mimetype == "text/html" and response.status_code not in {301, 302, 303, 307, 308}:
            self.page = response.get_data(as_text=True)
            check_page(self.page, url=self.url)
        response.close()
        return self


def _words(element: Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()
