"""Which screens take a file, and how large: every other one takes a small form and no more."""

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, request

BUFFER_BYTES = 512 * 1024
"""What the reader of a form may hold at once: a chunk of the file (64 KiB) and what was left of the one before."""

View = TypeVar("View", bound=Callable[..., object])


def takes_file(largest_bytes: int) -> Callable[[View], View]:
    """Let a view be sent a file of so many bytes, its form included."""

    def mark(view: View) -> View:
        view.largest_bytes = largest_bytes  # type: ignore[attr-defined] # read below
        return view

    return mark


def install(app: Flask) -> None:
    """Raise the limit before anything reads the form. Install it before the guard of forms."""

    @app.before_request
    def raise_limit() -> None:
        largest = getattr(app.view_functions.get(request.endpoint or ""), "largest_bytes", None)
        if largest and request.method == "POST":
            request.max_content_length = largest
            request.max_form_memory_size = BUFFER_BYTES
