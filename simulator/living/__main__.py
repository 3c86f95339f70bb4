"""Run the living demo as a process: `python -m simulator.living --port 8020`.

From the environment: PUBLIC_URL, TWILIO_API_BASE (a local network), CLOCK_FILE.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from simulator.living.control import serve
from simulator.living.program import Living

LOOK_SECONDS = 0.5


def main(argv: list[str]) -> int:
    """Play until SIGTERM or SIGINT; 1 if it broke or the environment does not allow it."""
    parser = argparse.ArgumentParser(prog="python -m simulator.living", description="People for a demo.")
    parser.add_argument("--port", type=int, default=8020, help="on 127.0.0.1: POST /pause and /resume")
    chosen = parser.parse_args(argv)
    site, network = os.environ.get("PUBLIC_URL", ""), os.environ.get("TWILIO_API_BASE", "")
    if not site.startswith("http://") or not network.startswith("http://"):
        print("living: PUBLIC_URL and TWILIO_API_BASE must name a demo on this machine", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock = os.environ.get("CLOCK_FILE")
    living = Living(site, network, Path(clock) if clock else None, lambda told: print(told, flush=True))
    control = serve(chosen.port, {"pause": living.pause, "resume": living.resume})
    living.begin()
    while not stop.wait(LOOK_SECONDS) and not living.broken.is_set():
        pass
    control.shutdown()
    living.end()
    return 1 if living.broken.is_set() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
