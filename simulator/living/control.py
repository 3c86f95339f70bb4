"""Where others ask the living demo to stand aside for a moment, and to go on: two addresses on this machine."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOPBACK = "127.0.0.1"
DONE, UNKNOWN = 204, 404


def serve(port: int, deeds: dict[str, Callable[[], None]]) -> ThreadingHTTPServer:
    """Serve `POST /<deed>` in a thread; each is answered once it is done."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            deed = deeds.get(self.path.strip("/"))
            if deed:
                deed()
            self.send_response(DONE if deed else UNKNOWN)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.1,), name="control", daemon=True).start()
    return server
