"""The product's pages as quick reading finds them: one request after the other, links, forms and facts by their marks.

`simulator.browser` reads pages as trees; a whole day opens tens of thousands of them, and a tree each would take longer
than the product does.
"""

import html
import http.client
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from simulator.browser import PATIENCE_SECONDS, Unexpected

MOST_REDIRECTS = 5
SEE_OTHER = frozenset({301, 302, 303})
REFUSED = 400
BROKEN = 500
BUSY = 503
LINK = re.compile(r'<a\b([^>]*?)href="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
FORM = re.compile(r'<form\b[^>]*?action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
INPUT = re.compile(r"<input\b([^>]*)>")
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
FACT = re.compile(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", re.DOTALL)
HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")


class NoAnswer(Unexpected):
    """Nobody answered, or the connection broke."""


class Declined(Exception):  # noqa: N818 - it tells what was answered
    """The product said no, in a way that a person understands; nothing was changed."""

    def __init__(self, status: int, reason: str, page: "Page") -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.reason, self.page = status, reason, page


@dataclass(frozen=True, slots=True)
class Page:
    """What was answered last."""

    url: str = ""
    text: str = ""

    def links(self, part: str = "") -> list[str]:
        """Return where the links lead whose address holds `part`."""
        return [html.unescape(href) for _, href, _, _ in LINK.findall(self.text) if part in href]

    def link(self, words: str) -> str:
        """Return where the first link with these words leads; raises Unexpected without one."""
        for _, href, _, shown in LINK.findall(self.text):
            if words in TAG.sub("", shown):
                return html.unescape(href)
        raise Unexpected(f"no link 「{words}」 at {self.url}: {self.heading}")

    def form(self, action: str) -> tuple[str, dict[str, str]]:
        """Return address and hidden fields of the first form whose action holds `action`."""
        for address, inside in FORM.findall(self.text):
            if action in address:
                return html.unescape(address), dict(_hidden(inside))
        raise Unexpected(f"no form to {action} at {self.url}: {self.heading}")

    def facts(self) -> dict[str, str]:
        """Return what lists of terms say, the first of each term."""
        found: dict[str, str] = {}
        for term, said in FACT.findall(self.text):
            found.setdefault(words_of(term), words_of(said))
        return found

    @property
    def heading(self) -> str:
        found = HEADING.search(self.text)
        return words_of(found[1]) if found else ""


def words_of(markup: str) -> str:
    return " ".join(html.unescape(TAG.sub("", markup)).split())


def _hidden(inside: str) -> Iterator[tuple[str, str]]:
    for told in INPUT.findall(inside):
        attributes = dict(ATTRIBUTE.findall(told))
        if attributes.get("type") != "radio" and "name" in attributes:
            yield attributes["name"], html.unescape(attributes.get("value", ""))


@dataclass
class Site:
    """Where the product answers. Everybody's requests leave through here, one after the other."""

    origin: str
    requests: int = 0

    def ask(self, method: str, path: str, cookies: dict[str, str], form: Mapping[str, str] | None) -> "Answer":
        """Send one request; cookies that are set are kept in `cookies`.

        Raises:
            NoAnswer: nothing came back.
        """
        parts = urllib.parse.urlsplit(self.origin)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.requests += 1
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for each in answer.headers.get_all("Set-Cookie") or ():
                name, _, value = each.partition(";")[0].partition("=")
                cookies[name] = value
            return Answer(answer.status, answer.headers, answer.read().decode())
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{method} {path} was not answered: {error!r}") from None
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str


@dataclass
class Window:
    """One person's browser: her cookies, and the page she sees."""

    site: Site
    page: Page = field(default_factory=Page)
    _cookies: dict[str, str] = field(default_factory=dict)

    def open(self, address: str) -> Self:
        return self._go("GET", address, None)

    def submit(self, action: str, typed: Mapping[str, str] | None = None) -> Self:
        """Send the form whose action holds `action`, with what it holds already and what is typed."""
        address, fields = self.page.form(action)
        return self._go("POST", address, fields | dict(typed or {}))

    def post(self, address: str, form: Mapping[str, str]) -> Self:
        return self._go("POST", address, form)

    def new_tab(self) -> "Window":
        """Return another tab of the same browser."""
        return Window(self.site, _cookies=self._cookies)

    def ask_json(self, address: str) -> dict[str, Any]:
        """Ask as a script of the page does; what it shows stays."""
        return self._json("GET", address, None)

    def post_for_json(self, address: str, form: Mapping[str, str]) -> dict[str, Any]:
        return self._json("POST", address, form)

    def _json(self, method: str, address: str, form: Mapping[str, str] | None) -> dict[str, Any]:
        answer = self.site.ask(method, address, self._cookies, form)
        if answer.status >= REFUSED:
            raise Unexpected(f"{method} {address} was answered with {answer.status}")
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def _go(self, method: str, address: str, form: Mapping[str, str] | None) -> Self:
        """Go to an address, and on to where the answers send her.

        Raises:
            Declined: the product said no.
            Unexpected: it failed.
        """
        for _ in range(MOST_REDIRECTS):
            path = urllib.parse.urlsplit(urllib.parse.urljoin(self.page.url or "/", address))
            target = path.path + (f"?{path.query}" if path.query else "")
            answer = self.site.ask(method, target, self._cookies, form)
            self.page = Page(target, answer.body)
            if answer.status not in SEE_OTHER:
                break
            address, method, form = answer.headers.get("Location", "/"), "GET", None
        if answer.status >= BROKEN and answer.status != BUSY:
            raise Unexpected(f"{method} {target} was answered with {answer.status}")
        if answer.status >= REFUSED:
            raise Declined(answer.status, answer.headers.get("X-Refusal", ""), self.page)
        return self
