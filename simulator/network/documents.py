"""A document as it comes from the product, read by the provider's grammar: verbs to execute, and what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element, ParseError, fromstring

from simulator.network.grammar import SCHEMA, TOP_VERBS, VERBS, Rule
from simulator.network.voices import faults_of_say

LARGEST_BYTES = 64 * 1024
MARKUP_TYPES = frozenset({"text/xml", "application/xml", "text/html"})
LONGEST_QUEUE_NAME = 64
LONGEST_IDENTITY = 256
MOST_CALLED = 10

Fault = tuple[int, str]


class Unusable(Exception):  # noqa: N818 - it tells what came
    """An answer that is no document: the call goes on with the fallback address, or ends."""

    def __init__(self, code: int, message: str, url: str = "") -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message, self.url = code, message, url


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, or a noun inside one.

    Attributes:
        attributes: only those the provider takes notice of.
        broken: the number of the fault for which the provider would not execute it.
    """

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple["Verb", ...] = ()
    broken: int | None = None

    def all(self, name: str) -> list["Verb"]:
        return [child for child in self.children if child.name == name]


@dataclass(frozen=True, slots=True)
class Document:
    """Verbs in order, and the faults of the whole."""

    verbs: tuple[Verb, ...]
    faults: tuple[Fault, ...] = ()


def read_answer(body: bytes, content_type: str, url: str) -> Document:
    """Read an answer.

    Raises:
        Unusable: too large, empty, of another type, not well-formed, or with another root than Response.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if len(body) > LARGEST_BYTES:
        raise Unusable(11750, f"the document has {len(body)} bytes, 65536 are taken", url)
    if kind.startswith("audio/"):
        return Document((Verb("Play", text=url), Verb("Hangup")))
    if not body:
        raise Unusable(11770, "the document is empty", url)
    if kind == "text/plain":
        return _read_plain(body, url)
    if kind not in MARKUP_TYPES:
        raise Unusable(12300, f"Invalid Content-Type: {kind or 'none'}", url)
    return read_markup(body, url)


def read_markup(markup: bytes | str, url: str = "") -> Document:
    """Read markup; raises Unusable as `read_answer` does."""
    try:
        root = fromstring(markup)  # noqa: S314 - the product under our own hands, at most 64 kB
    except (ParseError, ValueError) as error:
        raise Unusable(12100, f"Document parse failure: {error}", url) from None
    if root.tag != "Response":
        raise Unusable(12102, f"The root element must be Response, not {root.tag}", url)
    faults: list[Fault] = [(SCHEMA, f"Response has no attribute {name}") for name in root.attrib]
    faults += _stray_text(root)
    return Document(tuple(_read_children(root, TOP_VERBS, SCHEMA, faults)), tuple(faults))


def only(document: Document, allowed: frozenset[str], code: int, where: str) -> Document:
    """Leave out the verbs that may not stand in a document for this place."""
    wrong = [(code, f"{verb.name} may not stand in a document {where}") for verb in document.verbs
             if verb.name not in allowed]  # fmt: skip
    verbs = tuple(verb for verb in document.verbs if verb.name in allowed)
    return replace(document, verbs=verbs, faults=document.faults + tuple(wrong))


def _read_plain(body: bytes, url: str) -> Document:
    try:
        return read_markup(body, url)
    except Unusable:
        return Document((Verb("Say", {}, body.decode(errors="replace")),))


def _read_children(parent: Element, allowed: frozenset[str], code: int, faults: list[Fault]) -> Iterator[Verb]:
    for element in parent:
        if element.tag in allowed:
            yield _read_verb(element, faults)
        else:
            told = f"{element.tag} is unknown" if element.tag not in VERBS else f"{element.tag} may not stand here"
            faults.append((code if element.tag in VERBS else SCHEMA, f"{parent.tag}: {told}"))


def _read_verb(element: Element, faults: list[Fault]) -> Verb:
    rule = VERBS.get(element.tag, Rule(text=True))
    attributes, broken = _read_attributes(element, rule, faults)
    if element.tag == "Say":
        _check_nesting_of_say(element, faults)
        verb = Verb("Say", attributes, "".join(element.itertext()).strip())
    else:
        if not rule.text:
            faults += _stray_text(element)
        children = tuple(_read_children(element, rule.children, rule.nesting_code, faults))
        verb = Verb(element.tag, attributes, (element.text or "").strip(), children)
    wrong = list(_faults_of(verb))
    faults += wrong
    return replace(verb, broken=broken or (wrong[0][0] if wrong else None))


def _read_attributes(element: Element, rule: Rule, faults: list[Fault]) -> tuple[dict[str, str], int | None]:
    attributes: dict[str, str] = {}
    broken = None
    for name, value in element.attrib.items():
        check = rule.attributes.get(name)
        if check is None:
            faults.append((SCHEMA, f"{element.tag} has no attribute {name}"))
        elif check.allows(value):
            attributes[name] = value
        else:
            faults.append((check.code, f"{element.tag}: Invalid {name} value {value!r}"))
            broken = check.code if check.fatal else broken
    return attributes, broken


def _check_nesting_of_say(element: Element, faults: list[Fault]) -> None:
    allowed = VERBS["Say"].children
    wrong = [each.tag for each in element.iter() if each is not element and each.tag not in allowed]
    faults += [(13520, f"Say: {tag} may not stand in a text") for tag in wrong]


def _stray_text(element: Element) -> list[Fault]:
    texts = [element.text, *(child.tail for child in element)]
    return [(SCHEMA, f"{element.tag}: stray text {text.strip()!r}") for text in texts if text and text.strip()]


def _faults_of(verb: Verb) -> Iterator[Fault]:
    """Yield what makes a verb impossible to execute although each of its attributes is right."""
    match verb.name:
        case "Say":
            yield from faults_of_say(verb.text, verb.attributes)
        case "Play" if not verb.text and "digits" not in verb.attributes:
            yield 13420, "Play: nothing to play"
        case "Enqueue":
            yield from _faults_of_name(verb, 14204, 14205, least=0 if "workflowSid" in verb.attributes else 1)
        case "Queue":
            yield from _faults_of_name(verb, 14212, 14213)
        case "Conference" if not verb.text:
            yield 13237, "Dial->Conference: Invalid Conference Name"
        case "Redirect" if not verb.text:
            yield 11100, "Redirect: no address"
        case "Client":
            yield from _faults_of_client(verb)
        case "Dial":
            yield from _faults_of_dial(verb)


def _faults_of_name(verb: Verb, short: int, long: int, least: int = 1) -> Iterator[Fault]:
    if len(verb.text) < least:
        yield short, f"{verb.name}: Queue name too short"
    if len(verb.text) > LONGEST_QUEUE_NAME:
        yield long, f"{verb.name}: Queue name too long"


def _faults_of_client(verb: Verb) -> Iterator[Fault]:
    identities = verb.all("Identity")
    name = identities[0].text if identities else verb.text
    if not name or len(name) > LONGEST_IDENTITY or len(identities) > 1 or (identities and verb.text):
        yield 13223, f"Dial->Client: one identity of 1 to {LONGEST_IDENTITY} signs is wanted"
    for parameter in verb.all("Parameter"):
        if not parameter.attributes.get("name"):
            yield SCHEMA, "Parameter: no name"


def _faults_of_dial(verb: Verb) -> Iterator[Fault]:
    rooms = verb.all("Conference") + verb.all("Queue")
    called = verb.all("Number") + verb.all("Client") + verb.all("Sip")
    if len(rooms) > 1 or (rooms and (called or verb.text)):
        yield 13000, "Dial: a conference or queue stands alone"
    if len(called) > MOST_CALLED:
        yield 13215, f"Dial: at most {MOST_CALLED} are called at once"
    if not rooms and not called and not verb.text:
        yield 13223, "Dial: nobody to call"
