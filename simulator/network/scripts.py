"""What a simulated caller does, and when: a list of steps that reads like a stage direction, as JSON writes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOMENTS = frozenset({"ringing", "answered", "queued", "ringing_out", "connected", "in_conference"})
USUAL_PATIENCE_SECONDS = 600.0


class WrongScript(Exception):  # noqa: N818 - it tells what is wrong
    """A script that nobody can play; the message names the step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a caller does.

    Attributes:
        when: the moment it is waited for: one of MOMENTS; None for at once.
        heard: or words of a prompt that are waited for.
        after: seconds from then.
        press: keys, or nothing.
        speak: seconds of talking, for a recording.
        hang_up: she hangs up.
    """

    when: str | None = None
    heard: str | None = None
    after: float = 0.0
    press: str = ""
    speak: float = 0.0
    hang_up: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A caller's whole part. She hangs up by herself if nobody has talked to her within her patience."""

    steps: tuple[Step, ...] = ()
    patience_seconds: float = USUAL_PATIENCE_SECONDS


def read_script(told: Sequence[Mapping[str, Any]], patience_seconds: float | None = None) -> Script:
    """Read steps such as `{"heard": "番号", "after": 1, "press": "12#"}` or `{"when": "queued", "hang_up": true}`.

    Raises:
        WrongScript: a step has an unknown name, moment or key.
    """
    steps = tuple(_read_step(number, step) for number, step in enumerate(told, start=1))
    return Script(steps, USUAL_PATIENCE_SECONDS if patience_seconds is None else patience_seconds)


def _read_step(number: int, told: Mapping[str, Any]) -> Step:
    try:
        step = Step(**told)
    except TypeError:
        unknown = sorted(set(told) - set(Step.__slots__))
        raise WrongScript(f"step {number}: unknown {', '.join(unknown) or 'form'}") from None
    if step.when is not None and step.when not in MOMENTS:
        raise WrongScript(f"step {number}: there is no moment {step.when!r}, only {', '.join(sorted(MOMENTS))}")
    if set(str(step.press)) - set("0123456789*#"):
        raise WrongScript(f"step {number}: {step.press!r} are not keys of a telephone")
    return step
