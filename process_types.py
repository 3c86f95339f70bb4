"""What each process type of the Procfile runs, for those who start them without a platform that reads it."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

PROCFILE = Path(__file__).resolve().parent / "Procfile"


@dataclass(frozen=True)
class ProcessType:
    """A name, the command with this very Python, and the variables that set it apart."""

    name: str
    command: tuple[str, ...]
    variables: dict[str, str]


def process_types() -> dict[str, ProcessType]:
    """Read the Procfile: `name: VARIABLE=value python …`."""
    lines = (line.partition(":") for line in PROCFILE.read_text(encoding="utf-8").splitlines() if line.strip())
    return {name: _read(name, shlex.split(words)) for name, _, words in lines}


def _read(name: str, words: list[str]) -> ProcessType:
    start = next(at for at, word in enumerate(words) if "=" not in word)
    command = [sys.executable if word == "python" else word for word in words[start:]]
    return ProcessType(name, tuple(command), dict(word.split("=", 1) for word in words[:start]))
