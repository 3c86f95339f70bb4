"""Gives an app the look that all screens share: layouts, macros, style sheet, formats.

How it looks and why: docs/decisions/0003-look.md.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from flask import Blueprint, Flask, Response, request, url_for

from web.formats import FILTERS

STATIC: Final = Path(__file__).parent / "static"

# What every layout may leave out. A view passes its own value under the same name.
LAYOUT_DEFAULTS: Final[MappingProxyType[str, Any]] = MappingProxyType(
    {
        "errors": MappingProxyType({}),  # field id -> what is wrong with it
        "nav_items": (),  # (label, href, current)
        "demo_banner": None,  # the sentence that says this is not the real service
        "signed_in_as": None,  # shown beside the sign-out button
        "sign_out_url": None,
        "csrf_token": None,
        "home_url": "/",
        "phone_bar": None,  # the template of the telephone that the desk's frame holds
        "call_centre_phone": None,  # E.164
        "call_centre_hours": None,
    }
)


def install_look(app: Flask) -> None:
    """Give an app the shared templates, the files under /static/, the filters and `asset()`.

    The app itself must be made with `static_folder=None`, because its own /static/ would hide this one.
    """
    if app.has_static_folder:
        raise ValueError("make the app with static_folder=None: /static/ belongs to the shared look")
    look = Blueprint("look", __name__, static_folder="static", static_url_path="/static", template_folder="templates")
    look.after_request(_ask_again_without_fingerprint)
    app.register_blueprint(look)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(LAYOUT_DEFAULTS, asset=asset)


def _ask_again_without_fingerprint(response: Response) -> Response:
    """Let a browser keep a file for long only under the address that changes with it: modules import plain names."""
    if "v" not in request.args:
        response.headers["Cache-Control"] = "no-cache"
    return response


def asset(name: str) -> str:
    """The address of a file under web/static; it changes when the file does, so that no browser shows an old copy."""
    return _address(name, request.script_root)


@cache
def _address(name: str, _root: str) -> str:
    return url_for("look.static", filename=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
