"""Lists of the REST interface: newest or first pages, with the addresses of the next."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, request

T = TypeVar("T")

USUAL_SIZE, LARGEST_SIZE = 50, 1000


def page(found: Sequence[T], key: str, as_json: Callable[[T], dict[str, Any]], sid_of: Callable[[T], str]) -> Response:
    """Return one page of what was found, as PageSize, Page and PageToken of the request ask for it.

    The token names the last item of the page before, so that a list that grows meanwhile shows nothing twice.
    """
    size = min(max(request.args.get("PageSize", USUAL_SIZE, type=int), 1), LARGEST_SIZE)
    number = max(request.args.get("Page", 0, type=int), 0)
    start = _start(found, sid_of, number * size)
    shown = found[start : start + size]
    more = start + size < len(found)
    return jsonify(
        {
            key: [as_json(each) for each in shown],
            "end": start + len(shown) - 1 if shown else 0,
            "first_page_uri": _uri(size, 0, None),
            "next_page_uri": _uri(size, number + 1, sid_of(shown[-1])) if more else None,
            "page": number,
            "page_size": size,
            "previous_page_uri": _uri(size, number - 1, None) if number else None,
            "start": start,
            "uri": request.full_path.rstrip("?"),
        }
    )


def _start(found: Sequence[T], sid_of: Callable[[T], str], usual: int) -> int:
    token = request.args.get("PageToken", "")
    for index, each in enumerate(found):
        if token == f"PA{sid_of(each)}":
            return index + 1
    return usual


def _uri(size: int, number: int, after: str | None) -> str:
    kept = {name: value for name, value in request.args.items() if name not in {"PageSize", "Page", "PageToken"}}
    query = kept | {"PageSize": str(size), "Page": str(number)}
    if after:
        query["PageToken"] = f"PA{after}"
    return f"{request.path}?{urlencode(query)}"
