import os
import signal
from pathlib import Path

import pytest
import redis

from engines import leftovers
from engines import redis as redis_module
from engines.failure import EngineError
from engines.redis import Redis

PATIENCE_SECONDS = 20


def test_it_answers_and_leaves_nothing_when_it_stops(tmp_path: Path) -> None:
    with Redis(tmp_path) as server:
        client = redis.Redis.from_url(server.url)
        assert client.ping()
        client.close()
        pid, sockets = server.pid, Path(server.url.removeprefix("unix://")).parent
    assert pid
    assert leftovers.birth(pid) is None
    assert not sockets.exists()


def test_a_killed_server_comes_back_on_the_same_address(tmp_path: Path) -> None:
    with Redis(tmp_path) as server:
        address = server.url
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        assert leftovers.wait_until(lambda: server.poll() is not None, PATIENCE_SECONDS)
        server.restart()
        client = redis.Redis.from_url(address)
        assert client.ping()
        client.close()


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Redis(tmp_path), pytest.raises(EngineError, match=f"is in use by process {os.getpid()}"):
        Redis(tmp_path).start()


def test_a_machine_without_redis_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_module, "PROGRAMS", ())
    with pytest.raises(EngineError, match=r"no Redis found: install it .* or set REDIS_URL"):
        Redis(tmp_path / "data", wheel_folder=tmp_path / "none").start()
