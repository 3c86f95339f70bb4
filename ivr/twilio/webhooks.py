"""What the provider tells us about calls, each told over HTTP as a signed form, and answered with what comes next.

The fields are the provider's; unknown ones are passed over, because new ones come without notice. Each view is three
moves: read the form, let `conversation.hear_in_turn` take it in, answer with the step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from flask import Blueprint, Request, Response, request
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from booking_core.clock import Clock
from booking_core.db import in_transaction
from booking_core.refusal import Reason, Refusal
from ivr.conversation import Answer, LineEvent, hear_in_turn, still_waits
from ivr.flow.next_step import ONLY_TOLD, Happening, Nothing
from ivr.queue.progress import Arrival
from ivr.twilio.signature import HEADER, SignatureCheck
from ivr.twilio.twiml import Speech, document, hold_document

log = structlog.get_logger("voice")

LONGEST_VALUE = 120
LONGEST_TALK_SECONDS = 24 * 3600
HIGHEST_ID = 2**63 - 1
LONGEST_KEYS = 8
PREFIX = "/voice"


@dataclass(frozen=True, slots=True)
class VoiceDoor:
    """What the telephone's door needs; made by the composition root.

    Attributes:
        engine: for what changes something.
        reads: on which every statement stands alone, in one round trip.
        clock: business time.
        signature: whether a request is the provider's.
        speech: how the line speaks.
    """

    engine: Engine
    reads: Engine
    clock: Clock
    signature: SignatureCheck
    speech: Speech


def voice_webhooks(door: VoiceDoor) -> Blueprint:
    """Return the telephone's door. Whatever is asked below its prefix is signed, or refused, before anything else."""
    webhooks = Blueprint("voice", __name__, url_prefix=PREFIX)

    @webhooks.before_app_request
    def check_signature() -> Response | None:
        if not request.path.startswith(f"{PREFIX}/") or door.signature.accepts(request):
            return None
        log.warning("voice.signature_refused", rule=str(request.url_rule), signed=HEADER in request.headers)
        return Response(status=403)

    for path, read in READERS.items():
        webhooks.add_url_rule(path, path.strip("/").replace("-", "_"), _view(door, read), methods=["POST"])
    return webhooks


def _view(door: VoiceDoor, read: Callable[[Request], LineEvent]) -> Callable[[], Response]:
    def view() -> Response:
        if not _plain(request.form.get("CallSid", "")):
            return Response("CallSid is missing", 400, mimetype="text/plain")
        event = read(request)
        answer = _take_in(door, event)
        if isinstance(answer, Refusal):
            return _hold_on(event.happening, door.speech)
        log.info(
            "voice.step", call=answer.call_id, happening=event.happening, state=answer.state, step=repr(answer.step)
        )
        return Response(document(answer.step, door.speech), mimetype="text/xml")

    return view


def _take_in(door: VoiceDoor, event: LineEvent) -> Answer | Refusal:
    """Let the conversation take in an event; refused while the book is too busy, or away."""
    try:
        if event.happening is Happening.WAITS:
            with door.reads.connect() as db:
                if quick := still_waits(db, event, now=door.clock.now()):
                    return quick
        return in_transaction(door.engine, lambda db: hear_in_turn(db, event, door.clock))
    except (OperationalError, PoolTimeoutError) as error:
        log.error("voice.database", happening=event.happening, error=type(error).__name__)  # noqa: TRY400 - it may quote
        return Refusal(Reason.BUSY)


def _hold_on(happening: Happening, speech: Speech) -> Response:
    """Answer when the book is too busy: the caller is kept, and begins again where she stands. Nothing is lost by it.

    A provider does not ask again for an answer of 503; and what is only told, and needs no document, may get one. An
    operator who has picked up is let through: that the two talk is told again, at the latest when they have done.
    """
    if happening in ONLY_TOLD:
        return Response(status=503)
    if happening is Happening.OPERATOR_HEARD:
        return Response(document(Nothing(), speech), mimetype="text/xml")
    return Response(hold_document(speech, in_queue=happening is Happening.WAITS), mimetype="text/xml")


def _incoming(request: Request) -> LineEvent:
    return _about_the_caller(request, Happening.ARRIVED)


def _menu(request: Request) -> LineEvent:
    return _about_the_caller(request, Happening.CHOSE, result=request.form.get("Digits", "")[:LONGEST_KEYS])


def _connect(request: Request) -> LineEvent:
    return _about_the_caller(request, Happening.CONNECTS)


def _wait(request: Request) -> LineEvent:
    return _about_the_caller(request, Happening.WAITS)


def _left_queue(request: Request) -> LineEvent:
    return _about_the_caller(request, Happening.LEFT_QUEUE, result=request.form.get("QueueResult", "").lower())


def _dial_ended(request: Request) -> LineEvent:
    return _about_the_caller(request, Happening.DIAL_ENDED, result=request.form.get("DialCallStatus", "").lower())


def _status(request: Request) -> LineEvent:
    return _about_the_caller(request, Happening.CALL_STATUS, result=_status_of(request))


def _operator_answered(request: Request) -> LineEvent:
    return _about_the_operator(request, Happening.OPERATOR_HEARD)


def _operator_status(request: Request) -> LineEvent:
    return _about_the_operator(request, Happening.OPERATOR_STATUS)


READERS: dict[str, Callable[[Request], LineEvent]] = {
    "/incoming": _incoming,
    "/menu": _menu,
    "/wait": _wait,
    "/left-queue": _left_queue,
    "/connect": _connect,
    "/dial-ended": _dial_ended,
    "/operator-answered": _operator_answered,
    "/operator-status": _operator_status,
    "/status": _status,
}


def _about_the_caller(request: Request, happening: Happening, *, result: str = "") -> LineEvent:
    form = request.form
    sid = _plain(form["CallSid"])
    return LineEvent(
        happening,
        Arrival(sid, _plain(form.get("From", "")), _plain(form.get("To", ""))),
        leg=sid,
        token=_token(request),
        result=_plain(result),
        call_status=_status_of(request),
        offer_id=_offer(request),
        talk_seconds=min(max(form.get("DialCallDuration", 0, type=int), 0), LONGEST_TALK_SECONDS),
        bridged={"true": True, "false": False}.get(form.get("DialBridged", "").lower()),
    )


def _about_the_operator(request: Request, happening: Happening) -> LineEvent:
    """Read a request about the operator's leg: the offer in its address says to which call it belongs."""
    return LineEvent(
        happening,
        None,
        leg=_plain(request.form["CallSid"]),
        token=_token(request),
        result=_status_of(request),
        call_status=_status_of(request),
        offer_id=_offer(request),
    )


def _status_of(request: Request) -> str:
    return _plain(request.form.get("CallStatus", "")).lower()


def _offer(request: Request) -> int | None:
    offer_id = request.args.get("offer", type=int)
    return offer_id if offer_id and 0 < offer_id <= HIGHEST_ID else None


def _token(request: Request) -> str:
    """Return what a repeated request repeats: its place in the leg's sequence, the retry's token, or its signature."""
    sequence, retried = request.form.get("SequenceNumber"), request.headers.get("I-Twilio-Idempotency-Token")
    if sequence:
        return _plain(f"sequence:{sequence}")
    return _plain(f"retry:{retried}" if retried else f"signature:{request.headers.get(HEADER, '')}")


def _plain(text: str) -> str:
    return text.replace("\0", "")[:LONGEST_VALUE]
