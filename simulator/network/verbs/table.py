"""Every verb the network executes."""

from collections.abc import Mapping

from simulator.network.program import VerbStory
from simulator.network.verbs.dial import dial
from simulator.network.verbs.enqueue import enqueue
from simulator.network.verbs.gather import gather
from simulator.network.verbs.record import record
from simulator.network.verbs.reject import reject
from simulator.network.verbs.speaking import hang_up, leave, pause, play, redirect, say

VERBS: Mapping[str, VerbStory] = {
    "Dial": dial,
    "Enqueue": enqueue,
    "Gather": gather,
    "Hangup": hang_up,
    "Leave": leave,
    "Pause": pause,
    "Play": play,
    "Record": record,
    "Redirect": redirect,
    "Reject": reject,
    "Say": say,
}
