"""Dial Conference: the call enters a room, and stays until it is removed, the room ends or it hangs up."""

from simulator.network.calls import Ask, Place
from simulator.network.conferences import MOST_PARTICIPANTS, Participant, Room, RoomCallback, RoomStatus
from simulator.network.debugger import WARNING
from simulator.network.documents import Unusable, Verb
from simulator.network.exchange import Exchange
from simulator.network.grammar import WHILE_HELD
from simulator.network.program import Ending, Next, Program
from simulator.network.rooms import end_room, start_room, tell_room
from simulator.network.waiting import Cut, Interruption, Promise, first_of

FULL = 13264


async def dial_conference(program: Program, verb: Verb, noun: Verb) -> Next:
    """Take part in a conference; the action is asked once the call has left it and goes on."""
    exchange, call = program.exchange, program.call
    exchange.answer(call)
    if verb.broken or noun.broken:
        return program.action(verb, {"DialCallStatus": "failed"})
    room = _find_or_make(exchange, noun)
    if len(room.participants) >= int(noun.attributes.get("maxParticipants", MOST_PARTICIPANTS)):
        exchange.fault(call, FULL, f"Dial->Conference: {room.name} is full", call.base_url, level=WARNING)
        return program.action(verb, {"DialCallStatus": "failed"})
    began = exchange.now()
    participant = _enter(exchange, room, program, noun)
    try:
        await _stay(program, room, participant)
    except Interruption:
        _leave(exchange, room, participant)
        program.tell_action(verb, _fields(room, int((exchange.now() - began).total_seconds())))
        raise
    _leave(exchange, room, participant)
    exchange.move(call, Place.LISTENING)
    return program.action(verb, _fields(room, int((exchange.now() - began).total_seconds())))


def _find_or_make(exchange: Exchange, noun: Verb) -> Room:
    for room in exchange.rooms.values():
        if room.name == noun.text and room.status is not RoomStatus.COMPLETED:
            return room
    room = Room(noun.text, exchange.now())
    exchange.rooms[room.sid] = room
    return room


def _enter(exchange: Exchange, room: Room, program: Program, noun: Verb) -> Participant:
    call, told = program.call, noun.attributes
    participant = Participant(
        call,
        exchange.now(),
        label=told.get("participantLabel"),
        muted=told.get("muted") == "true",
        wait_url=told.get("waitUrl"),
        wait_method=told.get("waitMethod", "POST"),
        coaching="coach" in told,
        coaches=told.get("coach"),
        starts_on_enter=told.get("startConferenceOnEnter") != "false",
        ends_on_exit=told.get("endConferenceOnExit") == "true",
    )
    room.participants[call.sid] = participant
    if room.callback is None and "statusCallback" in told:
        events = frozenset(told.get("statusCallbackEvent", "start end").split())
        room.callback = RoomCallback(told["statusCallback"], told.get("statusCallbackMethod", "POST"), events)
    exchange.move(call, Place.IN_CONFERENCE, room=room.name)
    tell_room(exchange, room, "participant-join", participant)
    if len(room.participants) > 1 and any(each.starts_on_enter for each in room.participants.values()):
        start_room(exchange, room)
    return participant


async def _stay(program: Program, room: Room, participant: Participant) -> None:
    """Stay until left: hearing the others, or the hold document, or the waiting document until the room starts."""
    exchange = program.exchange
    while not participant.left.done:
        heard = exchange.start(_heard_alone(program, room, participant))
        try:
            await first_of(participant.left, participant.changed)
        finally:
            heard.interrupt(Cut())


async def _heard_alone(program: Program, room: Room, participant: Participant) -> None:
    """Play what a participant hears while she does not hear the others."""
    url, method = _url_alone(room, participant)
    if url is None:
        return
    program.exchange.note(program.call, "heard", verb="Play", text=url or "music")
    if not url:
        silence: Promise[None] = Promise()
        await silence
    while True:
        began = program.exchange.now()
        following: Next = Ask(url, method, {"ConferenceSid": room.sid, "FriendlyName": room.name})
        while isinstance(following, Ask):
            try:
                where = "for a waiting or held participant"
                following = await program.follow(following, among=WHILE_HELD, where=where, code=13238)
            except Unusable as unusable:
                program.exchange.fault(program.call, unusable.code, unusable.message, unusable.url)
                return
        if following is Ending.HANG_UP:
            return
        if program.exchange.now() == began:
            await program.exchange.pause(1.0)


def _url_alone(room: Room, participant: Participant) -> tuple[str | None, str]:
    if participant.hold:
        return participant.hold_url, participant.hold_method
    if room.status is RoomStatus.INIT:
        return participant.wait_url or "", participant.wait_method
    return None, ""


def _leave(exchange: Exchange, room: Room, participant: Participant) -> None:
    if room.participants.pop(participant.call.sid, None) is None:
        return
    participant.left.resolve(None)
    tell_room(exchange, room, "participant-leave", participant)
    if room.status is RoomStatus.COMPLETED:
        return
    if participant.ends_on_exit:
        end_room(exchange, room, "participant-with-end-conference-on-exit-left", participant.call.sid)
    elif not room.participants:
        end_room(exchange, room, "last-participant-left", participant.call.sid)


def _fields(room: Room, seconds: int) -> dict[str, str]:
    return {"DialCallStatus": "answered", "DialCallDuration": str(seconds), "ConferenceSid": room.sid}
