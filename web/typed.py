"""What somebody typed into a form, fit to be shown again and to be stored."""

from flask import Request

LONGEST = 500


def typed(request: Request, name: str, *, longest: int = LONGEST) -> str:
    """Return a form field without control signs and broken characters, cut to `longest`; "" when it is missing.

    Line ends stay: a text area has them. A browser never sends the rest; a program that does learns nothing from it.
    """
    text = request.form.get(name, "")[: longest * 2]
    return "".join(sign for sign in text if sign.isprintable() or sign in "\n\t\u3000")[:longest]
