"""A client that costs little: one thread, ready-made requests, keep-alive, answers read no further than needed.

Run as a process of its own (`drive`): reads one JSON object {port, clients, requests} and prints {seconds,
cpu_seconds, answers, waits}, an answer being [status, Location, length of the body], a wait the seconds until it came.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHUNK = 65_536
PATIENCE_SECONDS = 30

Answer = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of a number of requests: how many a second, the answers in order, and how long each took, in seconds.

    `client_share` is how much of one core the client took.
    """

    rate: float
    answers: list[Answer]
    waits: list[float]
    client_share: float


def drive(port: int, clients: int, requests: Sequence[str]) -> Driven:
    """Send every request over so many connections at once, from a process of its own."""
    job = json.dumps({"port": port, "clients": clients, "requests": list(requests)})
    command = [sys.executable, "-m", "benchmarks.load"]
    done = subprocess.run(command, cwd=ROOT, input=job, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the client failed: {done.stderr.strip().splitlines()[-1:]}"
    told = json.loads(done.stdout)
    answers = [(status, place, length) for status, place, length in told["answers"]]
    return Driven(len(requests) / told["seconds"], answers, told["waits"], told["cpu_seconds"] / told["seconds"])


@dataclass
class Client:
    """One keep-alive connection that sends its next request as soon as it has the answer to the last."""

    socket: socket.socket
    at: int = 0
    sent_at: float = 0.0
    received: bytes = b""
    wanted: int = 0  # octets of the whole answer, 0 until its header has been read
    head: list[bytes] = field(default_factory=list)

    def send(self, at: int, request: bytes) -> None:
        self.at, self.sent_at, self.received, self.wanted = at, time.perf_counter(), b"", 0
        self.socket.sendall(request)

    def receive(self) -> Answer | None:
        """Read what is there; return the answer once it is whole.

        Raises:
            ConnectionError: the server hung up in the middle.
        """
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise ConnectionError("the server closed a connection before it had answered")
        self.received += chunk
        if not self.wanted:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.head = self.received[:end].split(b"\r\n")
            self.wanted = end + 4 + int(self._header(b"content-length") or 0)
        if len(self.received) < self.wanted:
            return None
        status = int(self.head[0].split(b" ", 2)[1])
        body = self.received.find(b"\r\n\r\n") + 4
        return status, self._header(b"location").decode(), len(self.received) - body

    def _header(self, name: bytes) -> bytes:
        for line in self.head[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return b""


def run(port: int, clients: int, requests: list[bytes]) -> tuple[float, list[Answer], list[float]]:
    """Send every request over so many connections at once.

    Returns the seconds it took, the answers in order, and how many seconds each was waited for.
    """
    answers: list[Answer] = [(0, "", 0)] * len(requests)
    waits = [0.0] * len(requests)
    waiting: Iterator[tuple[int, bytes]] = iter(enumerate(requests))
    chosen = selectors.DefaultSelector()
    for _ in range(clients):
        connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chosen.register(connection, selectors.EVENT_READ, Client(connection))
    idle = [key.data for key in chosen.get_map().values()]
    began, open_requests = time.perf_counter(), 0
    for client, (at, request) in zip(idle, waiting, strict=False):
        client.send(at, request)
        open_requests += 1
    while open_requests:
        ready = chosen.select(PATIENCE_SECONDS)
        if not ready:
            raise TimeoutError(f"no answer within {PATIENCE_SECONDS} s, {open_requests} requests open")
        for key, _ in ready:
            client = key.data
            answer = client.receive()
            if answer is None:
                continue
            answers[client.at] = answer
            waits[client.at] = time.perf_counter() - client.sent_at
            following = next(waiting, None)
            if following is None:
                open_requests -= 1
            else:
                client.send(*following)
    seconds = time.perf_counter() - began
    for client in idle:
        client.socket.close()
    return seconds, answers, waits


def main() -> None:
    job = json.load(sys.stdin)
    requests = [each.encode("latin-1") for each in job["requests"]]
    cpu = time.process_time()
    seconds, answers, waits = run(job["port"], job["clients"], requests)
    cpu = time.process_time() - cpu
    json.dump({"seconds": seconds, "cpu_seconds": cpu, "answers": answers, "waits": waits}, sys.stdout)


if __name__ == "__main__":
    main()
