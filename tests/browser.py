"""One headless Chromium for a whole run, and servers for it: `pytest_plugins = ["tests.browser"]` in a test module.

A plugin and not a fixture per file, because two Playwrights cannot live in one process.
"""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from tests.silent import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

# No sandbox: as root in a container Chromium refuses to start with one. The rest keeps it from phoning home.
CHROMIUM_ARGS: Final = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=20_000)  # five seconds are too few where two workers share two cores

LOOK_SECONDS: Final = 0.05
"""How often a server looks whether it is to end: dozens end one after the other."""


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Headless Chromium, whose notes stay in the run's own folder."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert executable, "no Chromium on PATH: run.py test brings it, or says how"
    with sync_playwright() as playwright:
        own: dict[str, str | float | bool] = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("chromium"))}
        running = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_ARGS), env=own)
        yield running
        running.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Any], str]]:
    """`serve(app)` lets a WSGI app answer on a free loopback port until the run ends, and returns its address."""
    running = []

    def start(app: Any) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
        thread = threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
