"""Which screens take a file, and how large: every other one takes a small form and no more."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import Flask, request
from werkzeug.wrappers import Response

from web.staff_access import StaffDoor, admit

BUFFER_BYTES = 512 * 1024
"""What the reader of a form may hold at once: a chunk of the file (64 KiB) and what was left of the one before."""

View = TypeVar("View", bound=Callable[..., object])


def takes_file(largest_bytes: int) -> Callable[[View], View]:
    """Let a view be sent a file of so many bytes, its form included."""

    def mark(view: View) -> View:
        view.largest_bytes = largest_bytes  # type: ignore[attr-defined] # read below
        return view

    return mark


def install(app: Flask, *, doors: Sequence[StaffDoor]) -> None:
    """Raise the limit before anything reads the form, for members of staff who may: a stranger's file is not read.

    Install it before the guard of forms.
    """

    @app.before_request
    def raise_limit() -> Response | None:
        largest = getattr(app.view_functions.get(request.endpoint or ""), "largest_bytes", None)
        door = next((door for door in doors if request.path.startswith(door.prefix)), None)
        if not largest or request.method != "POST":
            return None
        if door and (refused := admit(door)):
            return refused
        request.max_content_length = largest
        request.max_form_memory_size = BUFFER_BYTES
        return None
