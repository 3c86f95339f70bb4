"""A telephone for tests: requests signed and spelt as the provider sends them, and what the caller then hears."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the library ships no types
from werkzeug.test import TestResponse

from tests.conftest import House

TOKEN = "12345678901234567890123456789012"
VOICE_URL = "http://127.0.0.1:8000"
OUR_NUMBER = "+81753660000"
_sids = itertools.count(1)


def new_sid() -> str:
    return f"CA{next(_sids):032x}"


@dataclass
class Caller:
    """One call. `heard` is the last document; helpers tell what stands in it."""

    house: House
    number: str = "+819012345678"
    sid: str = field(default_factory=new_sid)
    status: str = "ringing"
    heard: Element = field(init=False)
    operator_leg: str = field(default_factory=new_sid)

    def post(
        self,
        path: str,
        *,
        token: str = TOKEN,
        retry: str = "",
        signed_as: str = "",
        changed: Any = None,
        **fields: str,
    ) -> TestResponse:
        """Send a signed form. `changed` alters it, and `signed_as` the address, behind the signature's back."""
        form = self.form() | fields
        signature = RequestValidator(token).compute_signature(VOICE_URL + (signed_as or path), form)
        headers = {"X-Twilio-Signature": signature} | ({"I-Twilio-Idempotency-Token": retry} if retry else {})
        return self.house.app.test_client().post(path, data=form | (changed or {}), headers=headers)

    def form(self) -> dict[str, str]:
        return {
            "AccountSid": "AC" + "0" * 32,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Called": OUR_NUMBER,
            "Caller": self.number,
            "Direction": "inbound",
            "From": self.number,
            "FromCity": "",
            "FromCountry": "JP",
            "To": OUR_NUMBER,
            "ToCity": "",
        }

    def hears(self, path: str, **fields: str) -> Element:
        response = self.post(path, **fields)
        assert response.status_code == 200, response.status_code
        assert response.mimetype == "text/xml"
        self.status = "in-progress"
        self.heard = fromstring(response.data)  # noqa: S314 - our own answer
        return self.heard

    def calls(self) -> Element:
        return self.hears("/voice/incoming")

    def presses(self, key: str = "") -> Element:
        """Press a key in the menu; none is silence."""
        return self.hears("/voice/menu", **({"Digits": key} if key else {}))

    def is_redirected(self, offer: int) -> Element:
        """Let the provider take her out of the queue: the redirect's target is asked for."""
        return self.hears(f"/voice/connect?offer={offer}")

    def waits(self) -> Element:
        return self.hears("/voice/wait", QueuePosition="1", QueueTime="3", QueueSid="QU" + "0" * 32)

    def leaves_queue(self, result: str = "leave") -> Element:
        return self.hears("/voice/left-queue", QueueResult=result, QueueTime="9")

    def operator_picks_up(self, offer: int) -> Element:
        """Let the operator's browser answer: her leg asks what it hears first."""
        response = self.post(f"/voice/operator-answered?offer={offer}", **self._of_the_operator("in-progress"))
        return fromstring(response.data)  # noqa: S314 - our own answer

    def operator_status(self, offer: int, status: str, sequence: int) -> TestResponse:
        fields = self._of_the_operator(status) | {"SequenceNumber": str(sequence)}
        return self.post(f"/voice/operator-status?offer={offer}", **fields)

    def dial_ended(self, offer: int, dial_status: str, *, seconds: int = 0, gone: bool = False) -> Element:
        fields = {"DialCallStatus": dial_status, "DialCallSid": self.operator_leg}
        if seconds:
            fields["DialCallDuration"] = str(seconds)
        if gone:
            fields["CallStatus"] = "completed"
        return self.hears(f"/voice/dial-ended?offer={offer}", **fields)

    def ends(self, status: str = "completed", **fields: str) -> TestResponse:
        return self.post("/voice/status", CallStatus=status, CallDuration="30", **fields)

    def _of_the_operator(self, status: str) -> dict[str, str]:
        return {
            "CallSid": self.operator_leg,
            "ParentCallSid": self.sid,
            "CallStatus": status,
            "Direction": "outbound-dial",
            "To": "client:op_1",
        }


def verbs(document: Element) -> list[str]:
    return [each.tag for each in document]
