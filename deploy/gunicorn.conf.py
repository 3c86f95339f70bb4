# ruff: noqa: INP001  gunicorn reads this file by its path
"""How every web process type is served; which doors it opens is said by DOORS in the Procfile.

Settings are checked here, before a worker starts, so that a wrong one ends the start with its one line.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import SettingsError, load_settings

try:
    settings = load_settings()
except SettingsError as error:
    sys.exit(f"madoguchi: {error}")

bind = f"{settings.bind}:{settings.port}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
timeout = 30
graceful_timeout = 8  # below the ten seconds that supervisors usually give
keepalive = 5
accesslog = None  # the application writes its own lines, without personal data
forwarded_allow_ips = ""  # whose X-Forwarded headers count is decided by the application, from TRUSTED_PROXIES
control_socket_disable = True  # it would write below the home folder
max_requests = 20_000
max_requests_jitter = 2_000
