"""What stands in front of the doors in production: passes requests on, and serves the telephone's fallback itself."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

FALLBACK = "/voice-fallback.xml"
FILE = Path(__file__).resolve().parent.parent / "deploy" / "voice-fallback.xml"
PATIENCE_SECONDS = 20
NOT_PASSED_ON = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})
HTTP_OK, BAD_GATEWAY = 200, 502


class Proxy:
    """Answers on a port of its own for a server on another, which may be dead: then it says 502."""

    def __init__(self, port: int, behind: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(behind))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(behind: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == FALLBACK:
                self._answer(HTTP_OK, [("Content-Type", "text/xml")], FILE.read_bytes())
                return
            server = http.client.HTTPConnection("127.0.0.1", behind, timeout=PATIENCE_SECONDS)
            try:
                server.request(self.command, self.path, body, dict(self.headers))
                answer = server.getresponse()
                kept = [each for each in answer.getheaders() if each[0].lower() not in NOT_PASSED_ON]
                self._answer(answer.status, kept, answer.read())
            except (OSError, http.client.HTTPException):
                self._answer(BAD_GATEWAY, [], b"")
            finally:
                server.close()

        do_POST = do_GET  # noqa: N815 - the library's names

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's names
            """Say nothing: the product writes its own lines."""

    return Handler
