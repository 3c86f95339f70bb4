"""What a Dial's action is told."""

from collections.abc import Sequence
from datetime import datetime

from simulator.network.bridges import Bridge
from simulator.network.calls import Call, Status


def dial_fields(bridges: Sequence[Bridge], last: Call | None, now: datetime) -> dict[str, str]:
    """Return what became of the called sides: of the one that was answered, else of the one that ended last."""
    answered = next((bridge for bridge in bridges if bridge.called.answered_at is not None), None)
    if answered is not None:
        leg = answered.called
        return {
            "DialCallStatus": Status.COMPLETED.value,
            "DialCallSid": leg.sid,
            "DialCallDuration": str(_talk_seconds(leg, now)),
            "DialBridged": "true" if answered.ready.done else "false",
        }
    leg_or_none = last or (bridges[-1].called if bridges else None)
    if leg_or_none is None:
        return {"DialCallStatus": Status.FAILED.value}
    return {"DialCallStatus": leg_or_none.status.value, "DialCallSid": leg_or_none.sid, "DialBridged": "false"}


def _talk_seconds(leg: Call, now: datetime) -> int:
    """Return how long the dialler had this side; it may go on elsewhere."""
    return int(((leg.ended_at or now) - (leg.answered_at or now)).total_seconds())
