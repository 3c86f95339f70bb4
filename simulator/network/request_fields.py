"""The fields of a request about a call."""

from datetime import datetime
from email.utils import format_datetime

from simulator.network.calls import Call, Status

API_VERSION = "2010-04-01"
JAPAN = "+81"


def call_fields(call: Call) -> dict[str, str]:
    """Return what every request about a call holds. The network knows no city and no postcode of a Japanese number."""
    fields = {
        "AccountSid": call.account_sid,
        "ApiVersion": API_VERSION,
        "CallSid": call.sid,
        "CallStatus": call.status.value,
        "Called": call.to,
        "Caller": call.from_,
        "Direction": call.direction.value,
        "From": call.from_,
        "To": call.to,
    }
    for side, number in (("From", call.from_), ("To", call.to), ("Caller", call.from_), ("Called", call.to)):
        if not number.startswith("client:"):
            fields |= {f"{side}City": "", f"{side}State": "", f"{side}Zip": "", f"{side}Country": _country(number)}
    if call.parent_sid:
        fields["ParentCallSid"] = call.parent_sid
    return fields


def progress_fields(call: Call, at: datetime, sequence: int) -> dict[str, str]:
    """Return what a status callback adds. `Duration` is in begun minutes, `CallDuration` in seconds."""
    fields = {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": format_datetime(at),
    }
    if call.over:
        fields |= {"CallDuration": str(call.talk_seconds), "Duration": str(-(-call.talk_seconds // 60))}
        if call.status is not Status.COMPLETED or call.sip_code:
            fields["SipResponseCode"] = str(call.sip_code or 487)
    return fields


def _country(number: str) -> str:
    return "JP" if number.startswith(JAPAN) else ""
