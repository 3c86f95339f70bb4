"""A browser without scripts: cookies, pages as trees, forms filled in and sent. Standard library only."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any, Self

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
PATIENCE_SECONDS = 20


class Unexpected(Exception):  # noqa: N818 - it tells what was found, and is no failure of this program
    """What came is not what should have come."""


@dataclass
class Node:
    """An element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list["Node | str"] = field(default_factory=list)

    def all(self, tag: str) -> Iterator["Node"]:
        for child in self.children:
            if isinstance(child, Node):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    @property
    def words(self) -> str:
        parts = (child if isinstance(child, str) else child.words for child in self.children)
        return " ".join("".join(parts).split())


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag in (node.tag for node in self.open):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


@dataclass
class Browser:
    """One person's browser. `page` is what it shows, `url` where."""

    origin: str
    page: Node = field(default_factory=lambda: Node("", {}))
    url: str = ""
    status: int = 0
    _cookies: CookieJar = field(default_factory=CookieJar)

    def open(self, address: str) -> Self:
        return self._ask(urllib.request.Request(self._absolute(address)))  # noqa: S310 - the origin's scheme

    def submit(self, action: str, typed: Mapping[str, str] | None = None) -> Self:
        """Send the form whose action holds `action`, with what it holds already and what is typed."""
        forms = [form for form in self.page.all("form") if action in form.attributes.get("action", "")]
        if not forms:
            raise Unexpected(f"no form to {action} at {self.url}: {self.words[:200]}")
        return self.send(forms[0], typed)

    def press(self, words: str) -> Self:
        """Press the first button whose words hold these; it may send its form to an address of its own."""
        for form in self._main().all("form"):
            for button in form.all("button"):
                if words in button.words:
                    return self.send(form, to=button.attributes.get("formaction"))
        raise Unexpected(f"no button 「{words}」 at {self.url}: {self.words[:200]}")

    def send(self, form: Node, typed: Mapping[str, str] | None = None, *, to: str | None = None) -> Self:
        values = {
            each.attributes["name"]: each.attributes.get("value", "")
            for each in form.all("input")
            if each.attributes.get("name") and each.attributes.get("type") != "radio"
        } | dict(typed or {})
        data = urllib.parse.urlencode(values).encode()
        address = self._absolute(to or form.attributes["action"])
        return self._ask(urllib.request.Request(address, data, method="POST"))  # noqa: S310 - likewise

    def post_for_json(self, address: str, values: Mapping[str, str]) -> dict[str, Any]:
        """Send a form as a script of the page does; what it shows stays."""
        data = urllib.parse.urlencode(values).encode()
        request = urllib.request.Request(self._absolute(address), data, method="POST")  # noqa: S310 - likewise
        with self._fetch(request) as answer:
            told: dict[str, Any] = json.loads(answer.read())
            return told

    def link(self, words: str) -> str:
        """Return where the first link leads whose words hold these."""
        for each in self._main().all("a"):
            if words in each.words:
                return each.attributes.get("href", "")
        raise Unexpected(f"no link 「{words}」 at {self.url}: {self.words[:200]}")

    @property
    def words(self) -> str:
        return self._main().words

    @property
    def heading(self) -> str:
        return next((each.words for each in self.page.all("h1")), "")

    def _main(self) -> Node:
        return next(self.page.all("main"), self.page)

    def _absolute(self, address: str) -> str:
        return urllib.parse.urljoin(self.url or self.origin + "/", address)

    def _ask(self, request: urllib.request.Request) -> Self:
        with self._fetch(request) as answer:
            tree = _Tree()
            tree.feed(answer.read().decode())
            self.page, self.url, self.status = tree.root, answer.url, answer.status
        return self

    def _fetch(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        try:
            answer: http.client.HTTPResponse = opener.open(request, timeout=PATIENCE_SECONDS)
        except urllib.error.HTTPError as error:
            raise Unexpected(f"{request.get_method()} {request.full_url} was answered with {error.code}") from None
        except urllib.error.URLError as error:
            raise Unexpected(f"{request.full_url} does not answer: {error.reason}") from None
        return answer
