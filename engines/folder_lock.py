"""One command at a time on one folder."""

import fcntl
import os
from pathlib import Path

from engines.failure import EngineError


class FolderLock:
    """An advisory lock that the kernel gives back when its holder dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock at once or raise EngineError naming the process that has it, once that one has signed it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            signed = os.read(descriptor, 20).decode()
            os.close(descriptor)
            holder = f"process {signed}" if signed else "another process"
            raise EngineError(f"{self._path.parent} is in use by {holder}: stop that one first") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def is_held(self) -> bool:
        """Whether some process has it now; for messages, never for decisions about the folder's content."""
        try:
            self.acquire()
        except EngineError:
            return True
        self.release()
        return False

    def release(self) -> None:
        """Give the lock back; the file stays, because removing it would let two holders meet."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
