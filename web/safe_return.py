"""Where to go on after a log-in: an address of this site, or nothing."""

from flask import Request

LONGEST = 500


def safe_return(request: Request) -> str:
    """Return the `next` address of a request if it leads to a page of this site, else an empty text."""
    target: str = request.values.get("next", "")
    leads_out = target.startswith("//") or "\\" in target or not target.isprintable()
    return target if target.startswith("/") and not leads_out and len(target) <= LONGEST else ""
