"""How a call follows documents: ask for one, execute its verbs, go where they say, until nothing is left to do."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from urllib.parse import urljoin

from simulator.network.calls import Ask, Call, Redirected
from simulator.network.debugger import ERROR, WARNING
from simulator.network.documents import Document, Unusable, Verb, only, read_answer, read_markup
from simulator.network.exchange import Exchange
from simulator.network.grammar import SCHEMA

MOST_DOCUMENTS_AT_ONCE = 100
"""A call that is given more documents than this while no time passes goes round in a circle."""

APOLOGY = "We are sorry, an application error has occurred. Goodbye."


class Ending(Enum):
    """What a document may come to, besides the address of the next and its own end (None)."""

    HANG_UP = "hang up"
    LEAVE = "leave"


Next = Ask | Ending | None
VerbStory = Callable[["Program", Verb], Awaitable[Next]]


class Program:
    """The documents of one call. `verbs` says what each verb does."""

    def __init__(self, exchange: Exchange, call: Call, verbs: Mapping[str, VerbStory]) -> None:
        self.exchange, self.call, self._verbs = exchange, call, verbs
        self._documents_at, self._documents = exchange.now(), 0

    def of(self, call: Call) -> "Program":
        """Return the program of another call that knows the same verbs."""
        return Program(self.exchange, call, self._verbs)

    async def live(self, ask: Ask) -> None:
        """Follow documents until the call is over. A redirect over REST takes the place of whatever goes on."""
        following: Next = ask
        while isinstance(following, Ask):
            asked = following
            try:
                following = await self.follow(asked)
            except Redirected as redirected:
                following = redirected.to
            except Unusable as unusable:
                following = await self._after_failure(unusable, asked)
        self.exchange.end(self.call)

    async def follow(
        self, ask: Ask, *, among: frozenset[str] | None = None, where: str = "", code: int = SCHEMA
    ) -> Next:
        """Ask for one document and execute it; only verbs `among` these, if any are given."""
        document = await self.fetch(ask)
        if among is not None:
            document = only(document, among, code, where)
        return await self.run(document)

    async def fetch(self, ask: Ask) -> Document:
        """Return a document.

        Raises:
            Unusable: none came that could be executed.
        """
        if ask.markup is not None:
            return read_markup(ask.markup)
        self._count(ask.url)
        url = urljoin(self.call.base_url, ask.url)
        answer = await self.exchange.ask(self.call, url, ask.fields, method=ask.method)
        if not answer.fine:
            raise Unusable(answer.failure or 11200, answer.message, url)
        self.call.base_url = answer.url
        return read_answer(answer.body, answer.content_type, answer.url)

    async def run(self, document: Document) -> Next:
        """Execute verbs from top to bottom until one says where to go."""
        for code, message in document.faults:
            self.exchange.fault(self.call, code, message, self.call.base_url, level=WARNING)
        for verb in document.verbs:
            story = self._verbs.get(verb.name)
            if story is None:
                continue
            going = await story(self, verb)
            if going is not None:
                return going
        return None

    def action(self, verb: Verb, fields: dict[str, str], *, default: str | None = None) -> Ask | None:
        """Return the request a verb's action asks for; without an action the document goes on."""
        url = verb.attributes.get("action", default)
        if url is None:
            return None
        return Ask(url or self.call.base_url, verb.attributes.get("method", "POST"), fields)

    def tell_action(self, verb: Verb, fields: dict[str, str]) -> None:
        """Tell a verb's action what happened, though its answer can no longer be executed."""
        if asked := self.action(verb, fields):
            self.exchange.tell(self.call, asked.url, asked.fields, method=asked.method, why=f"{verb.name} action")

    async def _after_failure(self, unusable: Unusable, asked: Ask) -> Next:
        self.exchange.fault(self.call, unusable.code, unusable.message, unusable.url, level=ERROR)
        fallback = self.call.fallback_url if asked.fallback_url is None else asked.fallback_url
        if fallback:
            fields = {"ErrorCode": str(unusable.code), "ErrorUrl": unusable.url}
            return Ask(fallback, fields=fields, fallback_url="")
        self.exchange.answer(self.call)
        self.exchange.note(self.call, "heard", verb="Say", text=APOLOGY)
        await self.exchange.pause(self.exchange.speech.seconds(APOLOGY))
        return Ending.HANG_UP

    def _count(self, url: str) -> None:
        if self._documents_at != self.exchange.now():
            self._documents_at, self._documents = self.exchange.now(), 0
        self._documents += 1
        if self._documents > MOST_DOCUMENTS_AT_ONCE:
            raise Unusable(12400, f"{MOST_DOCUMENTS_AT_ONCE} documents and no time has passed", url)
