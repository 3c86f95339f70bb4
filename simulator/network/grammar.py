"""Which verbs a document may hold, with which attributes and what inside. Names are case-sensitive.

Each attribute has the provider's number for a wrong value. What is wrong but only warned of is left out of the
document that is executed, as the provider leaves it out: a misspelt attribute takes no effect there either.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SCHEMA = 12200
SILENT_VERBS = frozenset({"Say", "Play", "Pause"})
IN_A_QUEUE = SILENT_VERBS | {"Hangup", "Redirect", "Leave", "Gather"}
"""What a document for waiting callers may hold."""
WHILE_HELD = SILENT_VERBS | {"Redirect"}
"""What a document for a conference's waiting or held participants, or for a dequeued caller, may hold."""
BEFORE_CONNECTING = frozenset(
    {"Say", "Play", "Pause", "Gather", "Redirect", "Hangup", "Record", "Reject", "Enqueue", "Leave"}
)
"""What a document for the called side may hold before the two are connected: no second Dial."""
SSML = frozenset({"break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w"})


@dataclass(frozen=True, slots=True)
class Check:
    """What an attribute may be, and the number of the fault if it is not.

    Attributes:
        fatal: the provider cannot execute the verb at all; otherwise the attribute is passed over.
    """

    allows: Callable[[str], bool]
    code: int = SCHEMA
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What one verb or noun may look like."""

    attributes: Mapping[str, Check] = field(default_factory=dict)
    children: frozenset[str] = frozenset()
    text: bool = False
    nesting_code: int = SCHEMA


def is_number(least: int, most: int = 10**9) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(r"\d{1,9}", value)) and least <= int(value) <= most


def one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


def all_of(*values: str) -> Callable[[str], bool]:
    return lambda value: bool(value.split()) and set(value.split()) <= set(values)


def is_url(value: str) -> bool:
    """Tell whether this is an address the network could ask: relative, or http(s) with a host."""
    if re.search(r"[\s<>\"\x00-\x1f]", value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return (not parts.scheme and not parts.netloc) or (parts.scheme in {"http", "https"} and bool(parts.hostname))


def is_callback_url(value: str) -> bool:
    return bool(value) and is_url(value) and "_" not in (urlsplit(value).hostname or "")


def matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(pattern, value))


def anything(value: str) -> bool:
    return len(value) < 4096  # noqa: PLR2004 - longer than any attribute has a use for


BOOLEAN = one_of("true", "false")
METHOD = one_of("GET", "POST")
FINISH_KEYS = matches(r"|[0-9#*]")
ANY_FINISH_KEYS = matches(r"|[0-9#*]+")
RECORDINGS = one_of(
    "do-not-record", "record-from-answer", "record-from-ringing", "record-from-answer-dual", "record-from-ringing-dual",
    "true", "false",
)  # fmt: skip
PROGRESS = all_of("initiated", "ringing", "answered", "completed")


def plain(*names: str) -> dict[str, Check]:
    return {name: Check(anything) for name in names}


def flags(*names: str, code: int = SCHEMA) -> dict[str, Check]:
    return {name: Check(BOOLEAN, code) for name in names}


RECORDING = {
    "recordingStatusCallback": Check(is_callback_url, 11100),
    "recordingStatusCallbackMethod": Check(METHOD),
    "recordingStatusCallbackEvent": Check(all_of("in-progress", "completed", "absent")),
    "trim": Check(one_of("trim-silence", "do-not-trim")),
}
CALLED_SIDE = {
    "url": Check(is_url, 11100),
    "method": Check(METHOD, 13221),
    "statusCallback": Check(is_callback_url, 11100),
    "statusCallbackMethod": Check(METHOD),
    "statusCallbackEvent": Check(PROGRESS),
    **plain("machineDetection", "amdStatusCallback", "machineDetectionTimeout"),
}

VERBS: Mapping[str, Rule] = {
    "Say": Rule(
        {"voice": Check(anything, 13511), "language": Check(matches(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*"), 13512),
         "loop": Check(is_number(0, 1000), 13510)}, children=SSML, text=True, nesting_code=13520,
    ),
    "Play": Rule({"loop": Check(is_number(0, 1000), 13410), "digits": Check(matches(r"[0-9wW#*]+"))}, text=True),
    "Pause": Rule({"length": Check(is_number(0), 13910)}),
    "Gather": Rule(
        {"input": Check(all_of("dtmf", "speech")), "action": Check(is_url, 11100), "method": Check(METHOD, 13312),
         "timeout": Check(lambda value: value == "auto" or is_number(1)(value), 13313),
         "numDigits": Check(is_number(1), 13314), "finishOnKey": Check(FINISH_KEYS, 13310),
         **flags("actionOnEmptyResult", "bargeIn", "profanityFilter", "enhanced", "dtmfEnabled"),
         "speechTimeout": Check(lambda value: value == "auto" or is_number(1)(value), 13327),
         "maxSpeechTime": Check(is_number(1), 13328), "hints": Check(anything, 13330),
         **plain("language", "speechModel", "partialResultCallback", "partialResultCallbackMethod", "debug")},
        children=SILENT_VERBS, nesting_code=13320,
    ),
    "Record": Rule(
        {"action": Check(is_url, 11100), "method": Check(METHOD, 13610), "timeout": Check(is_number(0), 13611),
         "maxLength": Check(is_number(1), 13612), "finishOnKey": Check(ANY_FINISH_KEYS, 13613),
         "playBeep": Check(BOOLEAN, 13616), "transcribe": Check(BOOLEAN, 13614),
         **plain("transcribeCallback"), **RECORDING},
    ),
    "Enqueue": Rule(
        {"action": Check(is_url, 14203, fatal=True), "method": Check(METHOD, 14201, fatal=True),
         "waitUrl": Check(is_url, 14202, fatal=True), "waitUrlMethod": Check(METHOD, 14206, fatal=True),
         "maxQueueSize": Check(is_number(1, 5000)), "workflowSid": Check(matches(r"WW[0-9a-f]{32}"))},
        children=frozenset({"Task"}), text=True,
    ),
    "Task": Rule(plain("priority", "timeout"), text=True),
    "Leave": Rule(),
    "Dial": Rule(
        {"action": Check(is_url, 11100), "method": Check(METHOD, 13210), "timeout": Check(is_number(1, 600), 13212),
         "callerId": Check(anything, 13214), "hangupOnStar": Check(BOOLEAN, 13213),
         "timeLimit": Check(is_number(1, 14_400), 13216), "record": Check(RECORDINGS),
         **flags("answerOnBridge", "sequential"), "ringTone": Check(matches(r"[a-z]{2}(-[a-z]+)?")),
         **plain("referUrl", "referMethod", "recordingTrack", "events"), **RECORDING},
        children=frozenset({"Number", "Client", "Queue", "Conference", "Sip"}), text=True, nesting_code=13215,
    ),
    "Number": Rule(
        {**CALLED_SIDE, "sendDigits": Check(matches(r"[0-9wW#*]{1,32}"), 13222), **plain("byoc")}, text=True,
    ),
    "Client": Rule(CALLED_SIDE, children=frozenset({"Identity", "Parameter"}), text=True, nesting_code=13215),
    "Identity": Rule(text=True),
    "Parameter": Rule(plain("name", "value")),
    "Queue": Rule(
        {"url": Check(is_url, 14211, fatal=True), "method": Check(METHOD, 14210),
         **plain("reservationSid", "postWorkActivitySid")}, text=True,
    ),
    "Conference": Rule(
        {"muted": Check(BOOLEAN, 13230), "endConferenceOnExit": Check(BOOLEAN, 13231),
         "startConferenceOnEnter": Check(BOOLEAN, 13232), "waitUrl": Check(is_url, 13233),
         "waitMethod": Check(METHOD, 13234), "beep": Check(one_of("true", "false", "onEnter", "onExit"), 13235),
         "maxParticipants": Check(is_number(1, 250)), "participantLabel": Check(matches(r".{1,128}")),
         "coach": Check(matches(r"CA[0-9a-f]{32}")), "record": Check(RECORDINGS),
         "statusCallback": Check(is_callback_url, 11100), "statusCallbackMethod": Check(METHOD),
         "statusCallbackEvent": Check(
             all_of("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")),
         **plain("region", "jitterBufferSize", "eventCallbackUrl"), **RECORDING}, text=True,
    ),
    "Sip": Rule({**CALLED_SIDE, **plain("username", "password")}, text=True),
    "Redirect": Rule({"method": Check(METHOD, 13710)}, text=True),
    "Hangup": Rule(),
    "Reject": Rule({"reason": Check(one_of("rejected", "busy"))}),
}  # fmt: skip

TOP_VERBS = frozenset(
    {"Say", "Play", "Pause", "Gather", "Record", "Enqueue", "Leave", "Dial", "Redirect", "Hangup", "Reject"}
)
