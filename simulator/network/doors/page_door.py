"""The page on which a visitor telephones."""

from pathlib import Path

from flask import Blueprint, Response, render_template, send_from_directory

from simulator.network.account import Account
from simulator.network.scenarios import SCENARIOS, WITHHELD_CALLERS

FOLDER = Path(__file__).parents[1] / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_door(account: Account) -> Blueprint:
    """Return the page at / and its two files."""
    door = Blueprint("page", __name__, template_folder=str(FOLDER))

    @door.get("/")
    def page() -> str:
        return render_template("telephone.html", line=account.number, scenarios=SCENARIOS, withheld=WITHHELD_CALLERS)

    @door.get("/page/<name>")
    def file(name: str) -> Response:
        return send_from_directory(FOLDER, name)

    @door.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return door
