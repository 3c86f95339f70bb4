"""The requests of a day at the telephone's door, each with the state in which it meets its call.

A caller on a busy day asks twenty times what she hears while she waits; most of the requests of a day are such. The
others come once a call, or four times (what is told of the operator's leg). Each request has a call of its own, put
into the book in the state it needs, so that a round may be sent in any order.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine, text
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the library ships no types

from benchmarks.stage import tidy

LINE = "+81753660000"
HEADERS = "Host: 127.0.0.1\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\nConnection: keep-alive\r\n"
OPERATOR = {"Direction": "outbound-dial", "To": "client:op_1"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request.

    Attributes:
        path: below `/voice/`.
        times: how often in a call.
        fields: beside those that every request carries.
        call: the state of its call; empty where this request makes it.
        offer: the state of its offer; empty where there is none.
        rung: whether the operator's telephone was rung already.
        place_said: how many seconds ago the caller heard her place in the order.
    """

    path: str
    times: int = 1
    fields: tuple[tuple[str, str], ...] = ()
    call: str = ""
    offer: str = ""
    rung: bool = True
    place_said: int = 1


KINDS: Mapping[str, Kind] = {
    "a call arrives": Kind("incoming", fields=(("CallStatus", "ringing"),)),
    "a key in the menu": Kind("menu", fields=(("Digits", "1"), ("msg", "Gather End")), call="ivr"),
    "waits": Kind("wait", 16, (("QueuePosition", "3"), ("QueueTime", "60")), call="queued"),
    "waits and hears her place": Kind("wait", 4, (("QueuePosition", "3"),), call="queued", place_said=60),
    "has left the queue": Kind("left-queue", 1, (("QueueResult", "redirected"),), "offering", "pending", rung=False),
    "is redirected": Kind("connect", call="offering", offer="pending", rung=False),
    "operator's leg begins": Kind("operator-status", 1, (("CallStatus", "initiated"),), "offering", "pending"),
    "operator's leg rings": Kind("operator-status", 1, (("CallStatus", "ringing"),), "offering", "pending"),
    "operator picks up": Kind("operator-answered", call="offering", offer="pending"),
    "operator's leg is up": Kind("operator-status", 1, (("CallStatus", "in-progress"),), "connected", "accepted"),
    "the talk is over": Kind(
        "dial-ended", 1, (("DialCallStatus", "completed"), ("DialCallDuration", "90")), "connected", "accepted"
    ),
    "operator's leg is over": Kind("operator-status", 1, (("CallStatus", "completed"),), "connected", "accepted"),
    "the call is over": Kind("status", 1, (("CallStatus", "completed"),), "connected", "accepted"),
}
REQUESTS_A_CALL = sum(kind.times for kind in KINDS.values())
EVENTS_A_CALL = REQUESTS_A_CALL - 20
"""Rows of the log: a caller who goes on waiting leaves none."""

_numbers = itertools.count(1)


def new_sid() -> str:
    return f"CA{next(_numbers):032x}"


def number_of(sid: str) -> int:
    return int(sid.removeprefix("CA"), base=16)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request's call in the book, and its offer if it has one."""

    kind: str
    call_sid: str
    offer_id: int | None


def prepare(owner: Engine, calls: int, *, operators: Sequence[int], now: datetime) -> list[Prepared]:
    """Clear the line and put in what the requests of so many calls need; return them in an order that mixes kinds."""
    wanted = [name for _ in range(calls) for name, kind in KINDS.items() for _ in range(kind.times)]
    free = iter(operators)
    with owner.begin() as db:
        clear(db)
        prepared = [_prepare(db, name, free, now=now) for name in wanted]
    tidy(owner)
    return prepared


def clear(db: Connection) -> None:
    """Forget every call."""
    db.execute(text("DELETE FROM offer"))
    db.execute(text("DELETE FROM call"))


def prepare_one(owner: Engine, name: str, *, operator: int, now: datetime) -> Prepared:
    with owner.begin() as db:
        return _prepare(db, name, iter([operator]), now=now)


def _prepare(db: Connection, name: str, operators: Iterator[int], *, now: datetime) -> Prepared:
    kind, sid = KINDS[name], new_sid()
    if not kind.call:
        return Prepared(name, sid, None)
    in_queue = kind.call != "ivr"
    call = {
        "sid": sid,
        "state": kind.call,
        "before": now - timedelta(minutes=2),
        "queued": now - timedelta(minutes=1) if in_queue else None,
        "offerable": now - timedelta(minutes=1) if kind.call == "queued" else None,
        "answered": now - timedelta(seconds=30) if kind.call == "connected" else None,
        "said": now - timedelta(seconds=kind.place_said) if in_queue else None,
    }
    call_id = db.execute(_CALL, call).scalar_one()
    if not kind.offer:
        return Prepared(name, sid, None)
    offer = {
        "call": call_id,
        "account": next(operators),
        "state": kind.offer,
        "before": now - timedelta(seconds=2),
        "dialled": now - timedelta(seconds=1) if kind.rung else None,
        "due": now + timedelta(seconds=30) if kind.offer == "pending" else None,
        "accepted": now if kind.offer == "accepted" else None,
    }
    return Prepared(name, sid, int(db.execute(_OFFER, offer).scalar_one()))


def form_of(prepared: Prepared) -> dict[str, str]:
    """Return the form as the provider writes it."""
    kind, sid = KINDS[prepared.kind], prepared.call_sid
    leg = sid.replace("CA", "CB", 1) if kind.path.startswith("operator") else sid
    form = {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "CallSid": leg,
        "CallStatus": "in-progress",
        "Called": LINE,
        "CalledCity": "",
        "CalledCountry": "JP",
        "Caller": "+819012345678",
        "CallerCity": "",
        "CallerCountry": "JP",
        "Direction": "inbound",
        "From": "+819012345678",
        "FromCity": "",
        "FromCountry": "JP",
        "To": LINE,
        "ToCity": "",
        "ToCountry": "JP",
    }
    if leg != sid:
        form |= OPERATOR | {"ParentCallSid": sid}
    return form | dict(kind.fields)


def target_of(prepared: Prepared) -> str:
    kind = KINDS[prepared.kind]
    return f"/voice/{kind.path}" + (f"?offer={prepared.offer_id}" if prepared.offer_id else "")


def signed(prepared: Prepared, *, voice_url: str, token: str) -> str:
    """Return the request as it goes over the wire."""
    form, target = form_of(prepared), target_of(prepared)
    signature = RequestValidator(token).compute_signature(voice_url + target, form)
    body = urlencode(form)
    return (
        f"POST {target} HTTP/1.1\r\n{HEADERS}X-Twilio-Signature: {signature}\r\n"
        f"I-Twilio-Idempotency-Token: {prepared.call_sid}\r\nX-Kind: {prepared.kind}\r\n"
        f"Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


_CALL = text("""
    INSERT INTO call (call_sid, from_number, to_number, state, received_at, enqueued_at, offerable_at, first_offered_at,
                      answered_at, position_said_at)
    VALUES (:sid, '+819012345678', '+81753660000', :state, :before, :queued, :offerable, :answered, :answered, :said)
    RETURNING id""")
_OFFER = text("""
    INSERT INTO offer (call_id, account_id, state, offered_at, redirect, redirected_at, dialled_at, due_at, accepted_at)
    VALUES (:call, :account, :state, :before, 'done', :before, :dialled, :due, :accepted) RETURNING id""")
