"""Somebody who has a keyboard and no mouse, at a page in a browser."""

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from tests.pages import arriving

LONGEST_WAY: Final = 80
"""Stops that Tab may make before what is looked for; more than any page of the desk has."""

NOTE_POINTERS: Final = """
    for (const kind of ['pointerdown', 'mousedown', 'touchstart']) {
      addEventListener(kind, () => sessionStorage.setItem('pointed', kind), {capture: true});
    }"""
FOCUSED: Final = """() => {
    const here = document.activeElement;
    if (!here || here === document.body) return '';
    const labels = [...(here.labels ?? [])].map(each => each.innerText);
    return [here.getAttribute('aria-label'), ...labels, here.innerText].filter(Boolean).join(' ');
  }"""
SEEN: Final = """() => {
    const here = document.activeElement, box = here.getBoundingClientRect();
    const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return there !== null && (here.contains(there) || there.contains(here));
  }"""


@dataclass(frozen=True)
class Keyboard:
    """All she does goes through the keys; what she cannot reach with them fails the test that looks for it."""

    page: Page

    def __post_init__(self) -> None:
        self.page.add_init_script(NOTE_POINTERS)

    @property
    def focused(self) -> str:
        """What has the focus, by its label or its words; nothing where nothing has it."""
        return str(self.page.evaluate(FOCUSED))

    def presses(self, key: str) -> None:
        self.page.keyboard.press(key)

    def tab_to(self, words: str) -> None:
        """Press Tab until what these words name has the focus, and see it: nothing may lie over it.

        Raises:
            AssertionError: Tab does not lead there.
        """
        stops = []
        for _ in range(LONGEST_WAY):
            self.presses("Tab")
            if words in (focused := self.focused):
                assert self.page.evaluate(SEEN), f"「{words}」 has the focus and cannot be seen"
                return
            stops.append(focused)
        raise AssertionError(f"Tab does not lead to 「{words}」, only to {stops}")

    def types(self, words: str, into: str) -> None:
        """Go to a field and type."""
        self.tab_to(into)
        self.page.keyboard.type(words)

    def turns(self, words: str = "", key: str = "Enter") -> None:
        """Go to a link or button of the desk, press it, and wait until the next page is there."""
        if words:
            self.tab_to(words)
        with arriving(self.page):
            self.presses(key)

    @property
    def used_a_pointer(self) -> bool:
        return self.page.evaluate("sessionStorage.getItem('pointed')") is not None
