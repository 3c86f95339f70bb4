"""Conferences over REST: listed, ended; participants held, muted, coached, sent out."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.network.conferences import Participant, Room
from simulator.network.doors.rest_errors import invalid, not_found
from simulator.network.doors.rest_pages import page
from simulator.network.doors.rest_times import fits, written
from simulator.network.exchange import Exchange
from simulator.network.grammar import is_url
from simulator.network.request_fields import API_VERSION
from simulator.network.rooms import end_room, tell_room


def add_conferences(rest: Blueprint, exchange: Exchange) -> None:
    """Add the Conferences resource and its participants."""

    @rest.get("/Conferences.json")
    def list_conferences() -> Response:
        with exchange.entered():
            found = [room for room in reversed(exchange.rooms.values()) if _asked_for(room)]
            return page(found, "conferences", lambda room: _room_json(exchange, room), lambda room: room.sid)

    @rest.get("/Conferences/<sid>.json")
    def fetch_conference(sid: str) -> Response:
        with exchange.entered():
            return jsonify(_room_json(exchange, _get(exchange, sid)))

    @rest.post("/Conferences/<sid>.json")
    def update_conference(sid: str) -> Response:
        with exchange.entered():
            room = _get(exchange, sid)
            if request.form.get("Status") == "completed":
                end_room(exchange, room, "conference-ended-via-api")
            return jsonify(_room_json(exchange, room))

    _add_participants(rest, exchange)


def _add_participants(rest: Blueprint, exchange: Exchange) -> None:
    @rest.get("/Conferences/<sid>/Participants.json")
    def list_participants(sid: str) -> Response:
        with exchange.entered():
            room = _get(exchange, sid)
            found = [each for each in room.participants.values() if _fits(each)]
            return page(
                found, "participants", lambda each: _participant_json(exchange, room, each), lambda each: each.call.sid
            )

    @rest.get("/Conferences/<sid>/Participants/<call_sid>.json")
    def fetch_participant(sid: str, call_sid: str) -> Response:
        with exchange.entered():
            room = _get(exchange, sid)
            return jsonify(_participant_json(exchange, room, _participant(room, call_sid)))

    @rest.post("/Conferences/<sid>/Participants/<call_sid>.json")
    def update_participant(sid: str, call_sid: str) -> Response:
        with exchange.entered():
            room = _get(exchange, sid)
            participant = _participant(room, call_sid)
            _update(exchange, room, participant)
            return jsonify(_participant_json(exchange, room, participant))

    @rest.delete("/Conferences/<sid>/Participants/<call_sid>.json")
    def remove_participant(sid: str, call_sid: str) -> tuple[str, int]:
        with exchange.entered():
            _participant(_get(exchange, sid), call_sid).left.resolve(None)
            return "", 204


def _get(exchange: Exchange, sid: str) -> Room:
    room = exchange.rooms.get(sid)
    if room is None:
        raise not_found(request.path)
    return room


def _participant(room: Room, call_sid: str) -> Participant:
    participant = room.find(call_sid)
    if participant is None:
        raise not_found(request.path)
    return participant


def _update(exchange: Exchange, room: Room, participant: Participant) -> None:
    """Change what the form names, and tell of each change once."""
    hold, muted = _flag("Hold"), _flag("Muted")
    hold_url = request.form.get("HoldUrl")
    if hold_url is not None and not is_url(hold_url):
        raise invalid(21205, f"HoldUrl is not a valid URL: {hold_url}")
    _coach(room, participant)
    ends = _flag("EndConferenceOnExit")
    participant.ends_on_exit = participant.ends_on_exit if ends is None else ends
    if muted is not None and muted != participant.muted:
        participant.muted = participant.call.muted = muted
        tell_room(exchange, room, "participant-mute" if muted else "participant-unmute", participant)
    if hold is not None and hold != participant.hold:
        participant.hold, participant.hold_url = hold, hold_url or ""
        participant.hold_method = request.form.get("HoldMethod", "POST")
        tell_room(exchange, room, "participant-hold" if hold else "participant-unhold", participant)
        participant.change()


def _coach(room: Room, participant: Participant) -> None:
    coaching, coached = _flag("Coaching"), request.form.get("CallSidToCoach")
    if coaching and (not coached or coached not in room.participants):
        raise invalid(16026, "CallSidToCoach names nobody in this conference")
    if coaching is not None:
        participant.coaching, participant.coaches = coaching, coached if coaching else None


def _flag(name: str) -> bool | None:
    told = request.form.get(name)
    if told is not None and told.lower() not in {"true", "false"}:
        raise invalid(20001, f"{name} is true or false, not {told}")
    return None if told is None else told.lower() == "true"


def _asked_for(room: Room) -> bool:
    for name, value in (("FriendlyName", room.name), ("Status", room.status.value)):
        if request.args.get(name) and request.args[name] != value:
            return False
    return fits(room.created_at, "DateCreated") and fits(room.changed_at or room.created_at, "DateUpdated")


def _fits(participant: Participant) -> bool:
    for name, value in (("Muted", participant.muted), ("Hold", participant.hold), ("Coaching", participant.coaching)):
        asked = request.args.get(name)
        if asked and (asked.lower() == "true") != value:
            return False
    return True


def _room_json(exchange: Exchange, room: Room) -> dict[str, Any]:
    uri = f"/{API_VERSION}/Accounts/{exchange.account.sid}/Conferences/{room.sid}"
    return {
        "account_sid": exchange.account.sid,
        "api_version": API_VERSION,
        "call_sid_ending_conference": room.ended_by,
        "date_created": written(room.created_at),
        "date_updated": written(room.changed_at or room.created_at),
        "friendly_name": room.name,
        "reason_conference_ended": room.reason,
        "region": "jp1",
        "sid": room.sid,
        "status": room.status.value,
        "subresource_uris": {
            "participants": f"{uri}/Participants.json",
            "recordings": f"{uri}/Recordings.json",
        },
        "uri": f"{uri}.json",
    }


def _participant_json(exchange: Exchange, room: Room, participant: Participant) -> dict[str, Any]:
    call = participant.call
    uri = f"/{API_VERSION}/Accounts/{exchange.account.sid}/Conferences/{room.sid}/Participants/{call.sid}.json"
    return {
        "account_sid": exchange.account.sid,
        "call_sid": call.sid,
        "call_sid_to_coach": participant.coaches,
        "coaching": participant.coaching,
        "conference_sid": room.sid,
        "date_created": written(participant.joined_at),
        "date_updated": written(participant.joined_at),
        "end_conference_on_exit": participant.ends_on_exit,
        "hold": participant.hold,
        "label": participant.label,
        "muted": participant.muted,
        "queue_time": str(call.queue_time_ms),
        "start_conference_on_enter": participant.starts_on_enter,
        "status": "complete" if call.over else "connected",
        "uri": uri,
    }
