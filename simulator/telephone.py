"""A telephone at the provider: sends the signed requests of one call and follows the markup that comes back."""

import base64
import hmac
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree.ElementTree import Element, fromstring

from simulator.browser import PATIENCE_SECONDS, Unexpected


def new_sid(prefix: str = "CA") -> str:
    return prefix + secrets.token_hex(16)


def signature(token: str, url: str, fields: dict[str, str]) -> str:
    """Sign a form as the provider does: HMAC-SHA1 over the address and every field in order of its name."""
    told = url + "".join(name + value for name, value in sorted(fields.items()))
    return base64.b64encode(hmac.digest(token.encode(), told.encode(), "sha1")).decode()


@dataclass
class Telephone:
    """One call from `number` to `line`.

    Attributes:
        voice_url: where the product's telephone door is, as it is configured there.
        token: the account's token.
        say: is told every sentence the caller hears.
    """

    voice_url: str
    token: str
    number: str
    line: str
    say: Callable[[str], None]
    sid: str = field(default_factory=new_sid)
    operator_sid: str = field(default_factory=new_sid)
    status: str = "ringing"
    _account: str = field(default_factory=lambda: new_sid("AC"))
    _queue: str = field(default_factory=lambda: new_sid("QU"))
    _document: Element | None = None
    _enqueue: Element | None = None
    _dial: Element | None = None

    def dial(self, key: str = "0") -> list[str]:
        """Call the line, press a key when it asks for one, and return the verbs of what follows."""
        verbs = self._hear(self._post("/voice/incoming", self._caller_fields()))
        gather = self._document.find("Gather") if self._document is not None else None
        if gather is None:
            return verbs
        fields = {"Digits": key, "FinishedOnKey": "", "msg": "Gather End"}
        return self._hear(self._post(gather.attrib["action"], self._caller_fields() | fields))

    def wait_in_queue(self) -> list[str]:
        """Hear what is said in the queue. Repeat until the markup says to leave."""
        if self._enqueue is None:
            raise Unexpected("the caller does not stand in the queue")
        fields = {"QueuePosition": "1", "QueueSid": self._queue, "QueueTime": "3", "AvgQueueTime": "3"}
        return self._hear(self._post(self._enqueue.attrib["waitUrl"], self._caller_fields() | fields))

    def leave_queue(self) -> str:
        """Follow the queue's action to the operator who took the call; return the name she is rung under."""
        if self._enqueue is None:
            raise Unexpected("the caller does not stand in the queue")
        fields = {"QueueResult": "leave", "QueueSid": self._queue, "QueueTime": "6"}
        self._hear(self._post(self._enqueue.attrib["action"], self._caller_fields() | fields))
        self._dial = self._document.find("Dial") if self._document is not None else None
        client = self._dial.find("Client") if self._dial is not None else None
        if client is None or not client.text:
            raise Unexpected("no operator is rung after leaving the queue")
        return client.text

    def operator_picks_up(self) -> None:
        """Ring the operator's browser and let her answer; the two talk from then on."""
        client = self._dialled().find("Client")
        if client is None:
            raise Unexpected("no operator is rung")
        for sequence, status in enumerate(("initiated", "ringing")):
            self._post(client.attrib["statusCallback"], self._operator_fields(client, status, sequence))
        whisper = self._post(client.attrib["url"], self._operator_fields(client, "in-progress"))
        if whisper.find("Hangup") is not None:
            raise Unexpected("the operator's leg was hung up")
        self._post(client.attrib["statusCallback"], self._operator_fields(client, "in-progress", 2))

    def operator_hangs_up(self, talk_seconds: int) -> list[str]:
        """End the talk from the operator's side; return what the caller still hears."""
        client = self._dialled().find("Client")
        if client is not None:
            self._post(client.attrib["statusCallback"], self._operator_fields(client, "completed", 3))
        fields = {
            "DialCallStatus": "completed",
            "DialCallSid": self.operator_sid,
            "DialCallDuration": str(talk_seconds),
            "DialBridged": "true",
        }
        return self._hear(self._post(self._dialled().attrib["action"], self._caller_fields() | fields))

    def hang_up(self) -> None:
        """End the call; the number's status callback tells so, once."""
        if self.status == "completed":
            return
        self.status = "completed"
        fields = self._caller_fields() | {
            "CallDuration": "60",
            "Duration": "1",
            "Timestamp": format_datetime(datetime.now(UTC)),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": "0",
        }
        self._post("/voice/status", fields)

    def status_without_signature(self) -> int:
        """Send a request nobody signed, and return how it was answered."""
        try:
            self._post("/voice/incoming", self._caller_fields(), signed=False)
        except Unexpected as refused:
            return int(str(refused).rsplit(" ", 1)[-1])
        return 200

    def _dialled(self) -> Element:
        if self._dial is None:
            raise Unexpected("nobody is rung")
        return self._dial

    def _hear(self, document: Element) -> list[str]:
        self.status, self._document = "in-progress", document
        for each in document.iter("Say"):
            self.say(each.text or "")
        enqueue = document.find("Enqueue")
        self._enqueue = enqueue if enqueue is not None else self._enqueue
        return [each.tag for each in document]

    def _caller_fields(self) -> dict[str, str]:
        return {
            "AccountSid": self._account,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Called": self.line,
            "Caller": self.number,
            "Direction": "inbound",
            "From": self.number,
            "FromCity": "",
            "FromCountry": "JP",
            "FromState": "",
            "FromZip": "",
            "To": self.line,
            "ToCity": "",
            "ToCountry": "JP",
            "ToState": "",
            "ToZip": "",
        }

    def _operator_fields(self, client: Element, status: str, sequence: int | None = None) -> dict[str, str]:
        fields = {
            "AccountSid": self._account,
            "ApiVersion": "2010-04-01",
            "CallSid": self.operator_sid,
            "ParentCallSid": self.sid,
            "CallStatus": status,
            "Direction": "outbound-dial",
            "From": self.number,
            "To": f"client:{client.text}",
        }
        if sequence is None:
            return fields
        told_at = format_datetime(datetime.now(UTC))
        source = "call-progress-events"
        return fields | {"SequenceNumber": str(sequence), "Timestamp": told_at, "CallbackSource": source}

    def _post(self, address: str, fields: dict[str, str], *, signed: bool = True) -> Element:
        url = urllib.parse.urljoin(self.voice_url + "/", address)
        data = urllib.parse.urlencode(fields).encode()
        headers = {"I-Twilio-Idempotency-Token": secrets.token_hex(16), "User-Agent": "TwilioProxy/1.1"}
        if signed:
            headers["X-Twilio-Signature"] = signature(self.token, url, fields)
        request = urllib.request.Request(url, data, headers, method="POST")  # noqa: S310 - the configured scheme
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - likewise
                return fromstring(answer.read())  # noqa: S314 - the product under our own hands
        except urllib.error.HTTPError as error:
            raise Unexpected(f"POST {url} was answered with {error.code}") from None
        except urllib.error.URLError as error:
            raise Unexpected(f"{url} does not answer: {error.reason}") from None
