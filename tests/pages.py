"""What every rendered page must be, whoever made it. Tests call `check_page` on each page they fetch.

`run_axe` adds what only a browser can tell: contrast, target size, names as assistive technology hears them.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import html5lib
from html5lib.constants import E as PARSE_ERRORS
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from xml.etree.ElementTree import Element

    from playwright.sync_api import Locator, Page

AXE_SOURCE: Final = Path(__file__).parent / "assets" / "axe.min.js"
AXE_TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

PATIENCE_MS: Final = 30_000
"""How long a browser waits for a telephone to ring or to end, on a machine that does much else."""

ARRIVED: Final = """patience => Promise.race([
  window.arrived.then(() => true),
  new Promise((_, fail) => setTimeout(() => fail(new Error("nothing arrived: was the press lost?")), patience)),
])"""

ERROR_PREFIX: Final = "エラー："
HALF_WIDTH_KATAKANA: Final = re.compile(r"[\uff61-\uff9f]")
JAPANESE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
OUTSIDE: Final = re.compile(r"(?:^|[\s,])(?:(?!mailto:|tel:)[a-z][a-z0-9+.-]*:|//|\\\\|/\\)", re.IGNORECASE)
ADDRESSES: Final = (
    *("src", "srcset", "href", "action", "formaction", "poster", "data", "cite", "background", "ping"),
    *("hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete"),
)
UNTYPED_CONTROLS: Final = ("hidden", "submit", "button", "image", "reset")
LITERAL_TEXT: Final = ("script", "style", "code", "pre", "samp", "kbd", "textarea", "template")
SPOKEN_ATTRIBUTES: Final = ("alt", "title", "placeholder", "aria-label", "aria-description")
REFERENCES: Final = ("for", "form", "list", "headers", "aria-labelledby", "aria-describedby", "aria-controls")


def check_page(html: str, *, url: str) -> None:
    """Fail with everything that is wrong with a whole page; `url` only tells the reader which page it was."""
    faults = list(find_faults(html))
    if faults:
        raise AssertionError("\n".join([f"{url}: {len(faults)} thing(s) to mend", *(f"  - {f}" for f in faults)]))


def find_faults(html: str) -> Iterator[str]:
    """Each fault of a page as one line a reader can act on."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root = parser.parse(html)
    for (line, _column), code, details in parser.errors:
        message = PARSE_ERRORS[code] % details if details else PARSE_ERRORS[code]
        yield f"line {line}: not valid HTML: {message}"
    page = _Page(root)
    for check in CHECKS:
        yield from check(page)


class _Page:
    def __init__(self, root: Element) -> None:
        self.root = root
        # Comments have a function for a tag.
        self.elements = [e for e in root.iter() if isinstance(e.tag, str)]
        self.parents = {child: parent for parent in self.elements for child in parent}
        self.ids = Counter(e.get("id") for e in self.elements if e.get("id") is not None)

    def all(self, *tags: str) -> list[Element]:
        return [e for e in self.elements if e.tag in tags]

    def ancestors(self, element: Element) -> Iterator[Element]:
        while (parent := self.parents.get(element)) is not None:
            yield parent
            element = parent

    def by_id(self, name: str | None) -> Element | None:
        return next((e for e in self.elements if name and e.get("id") == name), None)


def _text(element: Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _show(element: Element) -> str:
    marks = "".join(f' {k}="{element.get(k)}"' for k in ("id", "name", "type", "class", "href") if element.get(k))
    return f"<{element.tag}{marks}>"


def _language(page: _Page) -> Iterator[str]:
    if page.root.get("lang") != "ja":
        yield f'<html lang="{page.root.get("lang", "")}">, not "ja"'


def _heading_and_title(page: _Page) -> Iterator[str]:
    headings = page.all("h1")
    if len(headings) != 1:
        yield f"{len(headings)} h1 elements instead of one: {[_text(h) for h in headings]}"
        return
    heading = _text(headings[0])
    title = next((_text(t) for t in page.all("title") if "head" in [a.tag for a in page.ancestors(t)]), "")
    if not heading:
        yield "the h1 is empty"
    elif not title.removeprefix(ERROR_PREFIX).startswith(heading):
        yield f"the title 「{title}」 does not begin with the h1 「{heading}」"


def _ids(page: _Page) -> Iterator[str]:
    for name, count in page.ids.items():
        if count > 1:
            yield f'id "{name}" stands {count} times'
        if not name or re.search(r"\s", name):
            yield f'id "{name}" is empty or holds a space'


def _references(page: _Page) -> Iterator[str]:
    for element in page.elements:
        for attribute in REFERENCES:
            for name in element.get(attribute, "").split():
                if name not in page.ids:
                    yield f'{_show(element)} {attribute}="{name}" points to nothing'
        target = element.get("href", "")
        if target.startswith("#") and target[1:] not in page.ids:
            yield f"{_show(element)} leads to nothing"


def _labels(page: _Page) -> Iterator[str]:
    for control in page.all("input", "select", "textarea"):
        if control.get("type", "").lower() not in UNTYPED_CONTROLS and not _named(page, control):
            yield f"{_show(control)} has no label"
    for pressed in [*page.all("button"), *(a for a in page.all("a") if a.get("href") is not None)]:
        if not _named(page, pressed, own_text=True):
            yield f"{_show(pressed)} says nothing"


def _named(page: _Page, element: Element, *, own_text: bool = False) -> bool:
    if own_text and (_text(element) or any(image.get("alt") for image in element.iter("img"))):
        return True
    labels = [label for label in page.all("label") if element.get("id") and label.get("for") == element.get("id")]
    labels += [a for a in page.ancestors(element) if a.tag == "label"]
    labels += [e for n in element.get("aria-labelledby", "").split() if (e := page.by_id(n)) is not None]
    return bool(element.get("aria-label", "").strip()) or any(_text(label) for label in labels)


def _forms(page: _Page) -> Iterator[str]:
    for form in page.all("form"):
        if not form.get("action"):
            yield f"{_show(form)} has no action"
        method = form.get("method", "").lower()
        if method not in {"get", "post"}:
            yield f'{_show(form)} has method "{method}": say get or post'
        token = any(i.get("name") == "csrf_token" and i.get("value") for i in form.iter("input"))
        if method == "post" and not token:
            yield f'{_show(form)} action="{form.get("action")}" posts without a csrf_token'
        if method == "get" and token:
            yield f"{_show(form)} would write its csrf_token into the address"


def _inline(page: _Page) -> Iterator[str]:
    for element in page.elements:
        if element.tag == "style" or (element.tag == "script" and not element.get("src")):
            yield f"{_show(element)} is written into the page: the security policy blocks it"
        for attribute in element.attrib:
            if attribute == "style" or re.match(r"on|hx-on|data-hx-on", attribute):
                yield f"{_show(element)} has {attribute}=: the security policy blocks it"


def _outside(page: _Page) -> Iterator[str]:
    for element in page.elements:
        for attribute in ADDRESSES:
            address = element.get(attribute, "").strip()
            if OUTSIDE.search(address):
                yield f'{_show(element)} {attribute}="{address}" leads outside: staff sit on a closed network'
        if element.tag == "meta" and element.get("http-equiv", "").lower() == "refresh":
            yield f"{_show(element)} moves on by itself"


def _images(page: _Page) -> Iterator[str]:
    for image in page.all("img"):
        if image.get("alt") is None:
            yield f'{_show(image)} src="{image.get("src")}" has no alt (an empty one if it only decorates)'


def _tables(page: _Page) -> Iterator[str]:
    for table in page.all("table"):
        name = _text(table.find("caption"))
        if not name:
            yield f"{_show(table)} has no caption"
        headings = list(table.iter("th"))
        if not headings:
            yield f"table 「{name}」 has no th"
        for heading in headings:
            if heading.get("scope") not in {"col", "row", "colgroup", "rowgroup"}:
                yield f"table 「{name}」: th 「{_text(heading)}」 has no scope"


def _signs(page: _Page) -> Iterator[str]:
    for text in _visible_texts(page):
        if HALF_WIDTH_KATAKANA.search(text):
            yield f"half-width katakana in 「{text}」"
        if JAPANESE.search(text) and ('"' in text or "'" in text):
            yield f"straight quotes in 「{text}」: use 「」"


def _visible_texts(page: _Page) -> Iterable[str]:
    for element in page.elements:
        literal = element.tag in LITERAL_TEXT or any(a.tag in LITERAL_TEXT for a in page.ancestors(element))
        texts = [] if literal else [element.text, *(child.tail for child in element)]
        texts += [element.get(attribute) for attribute in SPOKEN_ATTRIBUTES]
        if element.tag == "input" and element.get("type", "").lower() in {"submit", "button", "reset"}:
            texts.append(element.get("value"))
        yield from (t.strip() for t in texts if t and t.strip())


CHECKS: Final[tuple[Callable[[_Page], Iterator[str]], ...]] = (
    _language,
    _heading_and_title,
    _ids,
    _references,
    _labels,
    _forms,
    _inline,
    _outside,
    _images,
    _tables,
    _signs,
)


@dataclass(frozen=True)
class Violation:
    """One rule of axe that a page breaks, and where."""

    rule: str
    impact: str
    help: str
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule} ({self.impact}): {self.help}\n" + "\n".join(f"      {p}" for p in self.places)


def follow(target: Locator) -> None:
    """Click what leads to another page, and wait until that page is there: between the two there is none to look at."""
    with target.page.expect_navigation():
        target.click()


def turn_to(target: Locator) -> None:
    """Click what changes the main part of a page of the desk alone, and wait until the new part has the focus."""
    with arriving(target.page):
        target.click()


@contextmanager
def arriving(page: Page) -> Iterator[None]:
    """Do what changes the main part of a page of the desk alone, and wait until the new part has the focus."""
    expect(page.locator("#softphone")).to_be_visible(timeout=PATIENCE_MS)  # it moves the page down when it appears
    page.evaluate(
        "() => { window.arrived = new Promise(r => document.addEventListener('desk:arrived', r, {once: true})) }"
    )
    yield
    page.evaluate(ARRIVED, PATIENCE_MS)


def telephone_is(page: Page, words: str) -> None:
    """Wait until the bar of an operator's page says in these words how her telephone stands."""
    expect(page.locator("#softphone-state")).to_have_text(words, timeout=PATIENCE_MS)


def run_axe(page: Page) -> list[Violation]:
    """What axe-core finds on the page as it stands now: WCAG 2.0 to 2.2 A and AA, and good practice."""
    page.evaluate(AXE_SOURCE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
        list(AXE_TAGS),
    )
    return [
        Violation(
            rule=v["id"],
            impact=v["impact"] or "",
            help=v["help"],
            places=tuple(f"{' '.join(map(str, n['target']))}  {n['html'][:160]}" for n in v["nodes"]),
        )
        for v in found["violations"]
    ]
