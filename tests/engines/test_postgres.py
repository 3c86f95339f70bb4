"""The private PostgreSQL, really made, started, killed and raced for."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engines import leftovers
from engines import postgres as postgres_module
from engines.account import Account, can_run, possible_accounts
from engines.failure import EngineError
from engines.postgres import Binaries, Postgres, find_binaries

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 30
OWNER_UID = 1000

HOLDING = """
    import sys, time
    from pathlib import Path
    from engines.failure import EngineError
    from engines.postgres import Postgres

    try:
        server = Postgres(Path(sys.argv[1]), durable=False)
        server.start()
        print("started", server.pid, server.url("postgres"), flush=True)
    except EngineError as error:
        raise SystemExit(f"refused: {error}")
    sys.stdin.read()
    server.stop()
"""


def works_here(account: Account) -> bool:
    binaries = next(find_binaries())
    folder = leftovers.make_socket_folder()
    try:
        return can_run(account, binaries / "postgres", folder)
    finally:
        folder.rmdir()


ACCOUNTS = [account for account in possible_accounts() if works_here(account)]
"""The ways open to whoever runs the tests: one for an ordinary user, two or three for root."""


def hold(folder: Path, *, words: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a command of its own that starts the server and keeps it until its input ends."""
    return subprocess.Popen(
        [*words, sys.executable, "-c", textwrap.dedent(HOLDING), folder],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(holder: subprocess.Popen[str]) -> list[str]:
    assert holder.stdout
    return holder.stdout.readline().split()


def select_one(url: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT value FROM kept").fetchone()
        assert row
        return row[0]


def keep(url: str, value: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", (value,))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished cluster, stopped: most tests only start it. Its parent is closed to others (0700)."""
    folder = tmp_path_factory.mktemp("cluster")
    assert folder.parent.stat().st_mode & 0o077 == 0
    with Postgres(folder, durable=False) as server:
        keep(server.url(), 42)
    return folder


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every account can reach, where pytest's own are closed to others."""
    folder = leftovers.make_socket_folder()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_data_outlives_a_stop(cluster: Path) -> None:
    with Postgres(cluster, durable=False) as server:
        assert select_one(server.url()) == 42


def test_a_stop_leaves_no_process_and_no_socket_folder(cluster: Path) -> None:
    with Postgres(cluster, durable=False) as server:
        pid = server.pid
        sockets = Path(server.url().partition("host=")[2])
        assert sockets.exists()
    assert pid
    assert leftovers.birth(pid) is None
    assert not sockets.exists()


def closed_copy(folder: Path) -> Binaries:
    """Copy a server, with the libraries that its wheel keeps beside it, below a folder that is closed to others."""
    found = next(find_binaries())
    package = found.folder.parents[1]
    shutil.copytree(found.folder.parent, folder / package.name / found.folder.parent.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), folder / f"{package.name}.libs")
    assert folder.stat().st_mode & 0o077 == 0
    return Binaries(found.major, folder / package.name / found.folder.parent.name / "bin")


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
def test_the_server_runs_under_each_account_that_this_user_may_use(
    account: Account, tmp_path: Path, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = reachable
    if (
        account.name != "nobody"
    ):  # the plain way needs open folders; for the others even the programs lie in a closed one
        folder = tmp_path / "data"
        copy = closed_copy(tmp_path)
        monkeypatch.setattr(postgres_module, "find_binaries", lambda: iter([copy]))
    monkeypatch.setattr(postgres_module, "possible_accounts", lambda: iter([account]))
    with Postgres(folder, durable=False) as server:
        keep(server.url(), 1)
        assert server.pid
        owner = Path(f"/proc/{server.pid}").stat().st_uid if sys.platform == "linux" else os.geteuid()
    assert owner == (account.owner or (os.geteuid(),))[0]
    with Postgres(folder, durable=False) as server:
        assert select_one(server.url()) == 1


@pytest.mark.parametrize("account", ACCOUNTS[-1:], ids=lambda account: account.name)
def test_an_ordinary_user_needs_nothing_of_root(account: Account, tmp_path: Path) -> None:
    account.give(tmp_path)
    holder = hold(tmp_path / "own", words=account.words)
    assert answer(holder)[0] == "started"
    _, complaint = holder.communicate(timeout=PATIENCE_SECONDS)
    assert holder.returncode == 0, complaint


def test_a_killed_server_comes_back_with_its_data_on_the_same_address(cluster: Path) -> None:
    with Postgres(cluster, durable=False) as server:
        address = server.url()
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        assert leftovers.wait_until(lambda: server.poll() is not None, PATIENCE_SECONDS)
        server.restart()
        assert server.url() == address
        assert select_one(address) == 42


def test_a_killed_command_takes_its_server_along_and_the_next_one_starts(cluster: Path) -> None:
    holder = hold(cluster)
    _, pid, url = answer(holder)
    holder.kill()
    holder.communicate(timeout=PATIENCE_SECONDS)
    if sys.platform == "linux":  # elsewhere the kernel does not tell the server; the next start ends it
        assert leftovers.wait_until(lambda: leftovers.birth(int(pid)) is None, PATIENCE_SECONDS)
    with Postgres(cluster, durable=False) as server:
        assert select_one(server.url()) == 42
    assert not Path(url.partition("host=")[2]).exists()


def test_the_next_start_ends_a_server_that_outlived_its_command(cluster: Path) -> None:
    survivor = Postgres(cluster, durable=False)
    survivor.start()
    old = survivor.pid
    survivor._lock.release()  # what the kernel does when a command is killed
    with Postgres(cluster, durable=False) as server:
        assert select_one(server.url()) == 42
        assert survivor.poll() is not None
        assert server.pid != old


def test_of_two_commands_on_a_new_folder_one_starts_and_the_other_says_why_not(tmp_path: Path) -> None:
    holders = [hold(tmp_path / "new"), hold(tmp_path / "new")]
    started = [bool(answer(holder)) for holder in holders]
    refusals = [holder.communicate(timeout=PATIENCE_SECONDS)[1].strip() for holder in holders]
    assert sorted(started) == [False, True]
    winner = holders[started.index(True)]
    assert refusals[started.index(False)] in {
        f"refused: {tmp_path / 'new'} is in use by {holder}: stop that one first"
        for holder in (f"process {winner.pid}", "another process")  # whose number is not there yet
    }


def test_a_stale_pid_file_neither_blocks_the_start_nor_harms_a_stranger(cluster: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    (cluster / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster / 'data'}\n")
    with Postgres(cluster, durable=False) as server:
        assert select_one(server.url()) == 42
    assert stranger.poll() is None
    stranger.communicate()


def test_an_interrupted_first_start_is_begun_afresh(tmp_path: Path) -> None:
    half = tmp_path / "data" / "part"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (half.parent / "base").mkdir()
    (half.parent / "base" / "1").write_text("moved in before the interruption")
    with Postgres(tmp_path, durable=False) as server:
        keep(server.url(), 1)


def test_both_majors_of_the_wheel_start(tmp_path: Path) -> None:
    with Postgres(tmp_path, durable=False, major=16) as server, psycopg.connect(server.url()) as connection:
        assert connection.info.server_version // 10_000 == 16


def test_data_of_another_major_is_refused_by_name(cluster: Path) -> None:
    with pytest.raises(EngineError, match="was made by PostgreSQL 18, not 16: name another folder"):
        Postgres(cluster, major=16).start()


def test_a_machine_without_postgresql_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "find_binaries", lambda: iter(()))
    with pytest.raises(EngineError, match="install the system's postgresql package or set DATABASE_URL"):
        Postgres(tmp_path).start()


def test_the_persons_own_locale_and_postgresql_settings_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    monkeypatch.setenv("PGPORT", "6666")
    with Postgres(tmp_path, durable=False) as server:
        assert Path(server.url().partition("host=")[2], ".s.PGSQL.5432").exists()
        monkeypatch.delenv("PGPORT")
        with psycopg.connect(server.url()) as connection:
            names = connection.execute(
                "SELECT n FROM unnest(ARRAY['青木', 'アオキ', 'あおき']) n ORDER BY n"
            ).fetchall()
        assert [name for (name,) in names] == ["あおき", "アオキ", "青木"]
