"""What happens to a conference as a whole, and who is told."""

from email.utils import format_datetime

from simulator.network.conferences import Participant, Room, RoomStatus
from simulator.network.exchange import Exchange

EVENT_GROUPS = {
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
    "participant-mute": "mute",
    "participant-unmute": "mute",
    "participant-hold": "hold",
    "participant-unhold": "hold",
    "participant-modify": "modify",
}


def start_room(exchange: Exchange, room: Room) -> None:
    """Let the participants hear each other."""
    if room.status is not RoomStatus.INIT:
        return
    room.status, room.changed_at = RoomStatus.IN_PROGRESS, exchange.now()
    tell_room(exchange, room, "conference-start", next(iter(room.participants.values()), None))
    for each in room.participants.values():
        each.change()


def end_room(exchange: Exchange, room: Room, reason: str, by: str | None = None) -> None:
    """Send everybody out; each call goes on with its Dial's action."""
    if room.status is RoomStatus.COMPLETED:
        return
    room.status, room.reason, room.ended_by, room.changed_at = RoomStatus.COMPLETED, reason, by, exchange.now()
    for each in list(room.participants.values()):
        each.left.resolve(None)
    tell_room(exchange, room, "conference-end", None)


def tell_room(exchange: Exchange, room: Room, event: str, participant: Participant | None) -> None:
    """Tell the room's status callback, if it asked for this kind of event."""
    call = participant.call if participant else None
    if call:
        exchange.note(call, "conference", event=event, room=room.name)
    callback = room.callback
    if callback is None or EVENT_GROUPS[event] not in callback.events:
        return
    about = call or exchange.calls[next(iter(room.participants), room.ended_by or "")]
    fields = {
        "ConferenceSid": room.sid,
        "FriendlyName": room.name,
        "AccountSid": exchange.account.sid,
        "StatusCallbackEvent": event,
        "SequenceNumber": str(room.told + 1),
        "Timestamp": format_datetime(exchange.now()),
    }
    room.told += 1
    if participant:
        fields |= _participant_fields(participant)
    if event == "conference-end":
        fields |= {"ReasonConferenceEnded": room.reason or "", "CallSidEndingConference": room.ended_by or ""}
    exchange.call_back(about, callback.url, callback.method, fields)


def _participant_fields(participant: Participant) -> dict[str, str]:
    fields = {
        "CallSid": participant.call.sid,
        "Muted": _word(participant.muted),
        "Hold": _word(participant.hold),
        "Coaching": _word(participant.coaching),
        "EndConferenceOnExit": _word(participant.ends_on_exit),
        "StartConferenceOnEnter": _word(participant.starts_on_enter),
    }
    if participant.label:
        fields["ParticipantLabel"] = participant.label
    return fields


def _word(flag: bool) -> str:  # noqa: FBT001 - it is what is written
    return "true" if flag else "false"
