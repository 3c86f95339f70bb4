"""A provider's REST interface that says yes after a moment, and remembers when each redirect came.

Run as a process of its own: prints its port, then serves until it is ended. Keep-alive, one thread, any number of
connections. `PUT /calls?first=…&last=…` tells which calls it lists as live, `GET /redirects` returns and forgets what
came, as [offer, `time.monotonic` of its arrival].
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

ANSWERS_AFTER_SECONDS = 0.02
OFFER = re.compile(rb"offer%3D(\d+)")
NUMBER = "+81753660000"


@dataclass
class Stub:
    """What it was told and what it was asked."""

    redirects: list[tuple[int, float]] = field(default_factory=list)
    first: int = 1
    last: int = 0

    def answer(self, method: str, target: str, body: bytes, came_at: float) -> object:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match method, parts.path:
            case "PUT", "/calls":
                self.first, self.last = int(query["first"]), int(query["last"])
                return {}
            case "GET", "/redirects":
                told, self.redirects = self.redirects, []
                return told
            case "POST", path if "/Calls/" in path:
                offer = OFFER.search(body)
                self.redirects.append((int(offer[1]) if offer else 0, came_at))
                return _call(path.rpartition("/")[2].removesuffix(".json"))
            case "GET", path if path.endswith("/Calls.json"):
                live = range(self.first, self.last + 1) if query.get("Status") == "in-progress" else ()
                return {"calls": [_call(f"CA{n:032x}") for n in live], "next_page_uri": None}
            case "GET", path if "/Calls/" in path:
                return _call(path.rpartition("/")[2].removesuffix(".json"))
            case "GET", path if path.endswith("/Queues.json"):
                return {"queues": [], "next_page_uri": None}
        return {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                came_at = time.monotonic()
                method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                length = re.search(rb"content-length: (\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b""
                answer = json.dumps(self.answer(method, target, body, came_at)).encode()
                if method == "POST":
                    await asyncio.sleep(ANSWERS_AFTER_SECONDS)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                    % (len(answer), answer)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def _call(sid: str) -> dict[str, str]:
    return {"sid": sid, "status": "in-progress", "direction": "inbound", "to": NUMBER}


async def main() -> None:
    server = await asyncio.start_server(Stub().serve, "127.0.0.1", 0, limit=1 << 20)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
