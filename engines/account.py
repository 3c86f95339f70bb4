"""Under which account a server runs: PostgreSQL refuses root, and root's folders are often closed to others."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """A way to run a program: words put before its command, and who owns its files (None: whoever starts it)."""

    name: str
    words: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def command(self, command: Sequence[str | Path], *, dies_by: signal.Signals) -> list[str]:
        """Return the whole command; the kernel sends it `dies_by` should this process be killed."""
        return [*self.words, *tether(dies_by), *map(str, command)]

    def give(self, *folders: Path) -> None:
        """Make the folders and all they hold belong to the account, where its owner is not yet the one."""
        uid, gid = self.owner or (os.geteuid(), os.getegid())
        for folder in folders:
            if folder.stat().st_uid != uid:
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, uid, gid, follow_symlinks=False)


def tether(dies_by: signal.Signals) -> tuple[str, ...]:
    """Words that tie the life of the command behind them to the thread that starts it (Linux; elsewhere nothing).

    Asked last, after every change of account: the kernel forgets the wish when a process changes hands.
    """
    if sys.platform != "linux" or shutil.which("setpriv") is None:
        return ()
    return ("setpriv", "--pdeathsig", dies_by.name.removeprefix("SIG"), "--")


def possible_accounts() -> Iterator[Account]:
    """Ways to run PostgreSQL, best first. An ordinary user has one: as herself.

    Root has three: as nobody; as root's own number seen as 1000 in a user namespace, which reaches folders that are
    closed to others but is refused in many containers; as nobody with the one capability to pass closed folders.
    """
    if os.geteuid() != 0:
        yield Account("this user")
        return
    nobody = pwd.getpwnam("nobody")
    as_nobody = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    owner = (nobody.pw_uid, nobody.pw_gid)
    yield Account("nobody", (*as_nobody, "--"), owner)
    yield Account("user namespace", ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--"))
    # Without the securebit access(2), which initdb asks, would not count the capability.
    passing = ("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--securebits=+no_setuid_fixup")
    yield Account("nobody who passes closed folders", (*as_nobody, *passing, "--"), owner)


def first_that_works(accounts: Iterator[Account], tries: Callable[[Account], bool]) -> Account | None:
    """Return the first account for which the trial really runs."""
    return next((account for account in accounts if tries(account)), None)


def can_run(account: Account, program: Path, *writable: Path) -> bool:
    """Run the program's `--version` and write to every folder under the account: the only proof that counts."""
    script = (
        'program=$1; shift; "$program" --version && for folder; do : > "$folder/.probe" && rm "$folder/.probe"; done'
    )
    account.give(*writable)
    words = account.command(["/bin/sh", "-ec", script, "sh", program, *writable], dies_by=signal.SIGKILL)
    try:
        done = subprocess.run(words, cwd="/", capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
