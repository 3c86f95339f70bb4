"""Callers who are known by their number: whoever calls from one plays its part.

The numbers are of an exchange that does not exist in Kyoto, so that none of them can ever ring.
"""

from dataclasses import dataclass

from simulator.network.scripts import Script, Step
from simulator.network.withheld import TYPED_WORDS


@dataclass(frozen=True, slots=True)
class Scenario:
    """A part, and what it is in Japanese and English for whoever chooses it."""

    japanese: str
    english: str
    script: Script


SCENARIOS: dict[str, Scenario] = {
    "+81751239000": Scenario("いつまでも待つ", "waits for an hour", Script(patience_seconds=3600)),
    "+81751239001": Scenario(
        "呼び出し中に切る", "hangs up while it rings", Script((Step(when="ringing", hang_up=True),)),
    ),
    "+81751239002": Scenario(
        "案内の途中で切る", "hangs up two seconds into the announcement",
        Script((Step(when="answered", after=2, hang_up=True),)),
    ),
    "+81751239003": Scenario(
        "列に10秒並んで切る", "hangs up after ten seconds in the queue",
        Script((Step(when="queued", after=10, hang_up=True),)),
    ),
    "+81751239004": Scenario(
        "担当者を呼び出す間に切る", "hangs up while the operator's telephone rings",
        Script((Step(when="ringing_out", after=1, hang_up=True),)),
    ),
    "+81751239005": Scenario(
        "30秒話して切る", "talks for thirty seconds and hangs up",
        Script((Step(when="connected", after=30, hang_up=True),)),
    ),
    "+81751239006": Scenario(
        "すぐに0を押す", "presses 0 at once", Script((Step(when="answered", after=1, press="0"),)),
    ),
    "+81751239007": Scenario(
        "案内にない9を押す", "presses 9, which no menu offers", Script((Step(when="answered", after=1, press="9"),)),
    ),
    "+81751239008": Scenario("45秒しか待てない", "has forty-five seconds of patience", Script(patience_seconds=45)),
    "+81751239009": Scenario(
        "つながってすぐに切る", "hangs up one second after being connected",
        Script((Step(when="connected", after=1, hang_up=True),)),
    ),
}  # fmt: skip

WITHHELD_CALLERS = ("anonymous", *TYPED_WORDS)


def scenario_of(number: str) -> Script:
    """Return the part this number plays; others wait until their patience is over."""
    return SCENARIOS[number].script if number in SCENARIOS else Script()
