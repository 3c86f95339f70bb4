"""Callers who are known by their number: whoever calls from one plays its part. Told in docs/telephone-network.md.

The numbers are of an exchange that does not exist in Kyoto, so that none of them can ever ring.
"""

from simulator.network.scripts import Script, Step
from simulator.network.withheld import TYPED_WORDS

SCENARIOS: dict[str, Script] = {
    "+81751239000": Script(patience_seconds=3600),
    "+81751239001": Script((Step(when="ringing", hang_up=True),)),
    "+81751239002": Script((Step(when="answered", after=2, hang_up=True),)),
    "+81751239003": Script((Step(when="queued", after=10, hang_up=True),)),
    "+81751239004": Script((Step(when="ringing_out", after=1, hang_up=True),)),
    "+81751239005": Script((Step(when="connected", after=30, hang_up=True),)),
    "+81751239006": Script((Step(when="answered", after=1, press="0"),)),
    "+81751239007": Script((Step(when="answered", after=1, press="9"),)),
    "+81751239008": Script(patience_seconds=45),
    "+81751239009": Script((Step(when="connected", after=1, hang_up=True),)),
}

WITHHELD_CALLERS = ("anonymous", *TYPED_WORDS)


def scenario_of(number: str) -> Script:
    """Return the part this number plays; others wait until their patience is over."""
    return SCENARIOS.get(number, Script())
