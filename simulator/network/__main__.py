"""Run the network as a process: `python -m simulator.network --port 8010`.

From the environment: VOICE_URL (else PUBLIC_URL), TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_API_KEY_SID,
TWILIO_API_KEY_SECRET, TWILIO_NUMBER; STAFF_URL and VOICE_FALLBACK_URL if there are any.
"""

import argparse
import signal
import sys
import threading

from simulator.network.account import Account, WrongSetting
from simulator.network.server import Network
from simulator.network.speech import Speech


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; 1 if the environment does not allow it."""
    parser = argparse.ArgumentParser(prog="python -m simulator.network", description="A local telephone network.")
    parser.add_argument("--port", type=int, default=8010, help="on 127.0.0.1; 0 for a free one")
    parser.add_argument("--speed-up", type=float, default=1.0, help="speak so many times as fast")
    chosen = parser.parse_args(argv)
    try:
        account = Account.from_environment()
        network = Network(account, port=chosen.port, speech=Speech(speed_up=chosen.speed_up))
    except WrongSetting as wrong:
        print(f"network: {wrong}", file=sys.stderr)
        return 1
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with network:
        print(f"network: {network.url} calls {account.incoming_url}", flush=True)
        asked_to_stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
