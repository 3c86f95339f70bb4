"""The exchange: every call, queue and conference of the network, one lock over them, and the way to the product."""

import itertools
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urljoin

from simulator.network.account import Account
from simulator.network.callback_delivery import CallbackDelivery
from simulator.network.calls import OVER, Call, HungUp, Place, Status
from simulator.network.clients import Clients
from simulator.network.conferences import Room
from simulator.network.debugger import ERROR, MESSAGES, WARNING, Debugger, Violation
from simulator.network.documents import Unusable
from simulator.network.journal import Journal
from simulator.network.messages import Message
from simulator.network.outside import Outside
from simulator.network.queues import Queue
from simulator.network.request_fields import call_fields, progress_fields
from simulator.network.speech import Speech
from simulator.network.timeline import Timeline, Timer
from simulator.network.waiting import Interruption, Promise, Task, first_of
from simulator.network.webhook import Answer, Request, Transport

T = TypeVar("T")

EVENTS = {Status.INITIATED: "initiated", Status.RINGING: "ringing", Status.IN_PROGRESS: "answered"} | dict.fromkeys(
    OVER, "completed"
)
SHOWN_BODY_SIGNS = 20_000
MOST_REQUESTS_AT_ONCE = 64


class Exchange:
    """Everything below happens under one lock: enter with `entered()`; requests travel outside of it.

    Attributes:
        failures: stories that broke by a fault of this program; a test asserts that there are none.
    """

    def __init__(
        self,
        account: Account,
        timeline: Timeline,
        transport: Transport,
        *,
        speech: Speech | None = None,
        senders: Executor | None = None,
    ) -> None:
        """Make an exchange without calls; requests leave in threads of their own unless `senders` says otherwise."""
        self.account, self.timeline, self.transport = account, timeline, transport
        self.fallback_url = account.fallback_url
        self.speech = speech or Speech()
        self.calls: dict[str, Call] = {}
        self.queues: dict[str, Queue] = {}
        self.rooms: dict[str, Room] = {}
        self.messages: dict[str, Message] = {}
        self.opted_out: set[str] = set()
        self.clients = Clients()
        self.outside = Outside()
        self.delivery = CallbackDelivery()
        self.debugger = Debugger()
        self.journal = Journal()
        self.failures: list[str] = []
        self.numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._depth = 0
        self._ready: deque[Task[Any]] = deque()
        self._pool = senders or ThreadPoolExecutor(MOST_REQUESTS_AT_ONCE, "network-request")
        self._open = True

    # -- time and stories ---------------------------------------------------------------------------------------

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Hold the lock; on the way out every task that has become ready goes on."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                while self._depth == 1 and self._ready:
                    self._ready.popleft().go_on()
                self._depth -= 1

    def start(self, story: Coroutine[Any, Any, T]) -> Task[T]:
        """Let a story go on by itself. An unusable document in it is for whoever awaits it."""
        task = Task(story, self._ready, (Unusable,))
        task.ended.when_done(lambda: self._note_failure(task))
        return task

    def now(self) -> datetime:
        return self.timeline.now()

    def later(self, seconds: float, happen: Callable[[], object]) -> Timer:
        """Let something happen under the lock."""

        def locked() -> None:
            try:
                with self.entered():
                    happen()
            except Exception:  # noqa: BLE001 - the thread of the timers has to go on
                self._fail(traceback.format_exc())

        return self.timeline.call_later(seconds, locked)

    async def pause(self, seconds: float, *unless: Promise[Any]) -> None:
        """Wait so many seconds, or less if one of the promises is there earlier."""
        due: Promise[None] = Promise()
        timer = self.later(seconds, lambda: due.resolve(None))
        try:
            await first_of(due, *unless)
        finally:
            timer.cancel()

    def close(self) -> None:
        """Stop: nothing is sent any more, nobody is waited for."""
        self._open = False
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.timeline.close()

    # -- requests to the product --------------------------------------------------------------------------------

    def ask(
        self, call: Call, url: str, fields: dict[str, str], *, method: str = "POST", why: str = "document"
    ) -> Promise[Answer]:
        """Send a request about a call and return the answer to come; it is never raised, whatever it is."""
        return self.send(call, url, call_fields(call) | fields, method=method, why=why)

    def send(self, call: Call | None, url: str, fields: dict[str, str], *, method: str, why: str) -> Promise[Answer]:
        """Send exactly these fields; `call` is whose story the request belongs to, if any's."""
        absolute = urljoin(call.base_url, url) if call else url
        request = Request(absolute, fields, method, call.cookies if call else {})
        number = next(self.numbers)
        self.note(call, "request", number=number, url=absolute, method=method, fields=request.fields, why=why)
        answer: Promise[Answer] = Promise()
        if not self._open:
            return answer
        self.timeline.begin()
        self._pool.submit(self._send, call, request, number, answer)
        return answer

    def _send(self, call: Call | None, request: Request, number: int, promise: Promise[Answer]) -> None:
        try:
            answer = self.transport.send(request)
            with self.entered():
                body = answer.body[:SHOWN_BODY_SIGNS].decode(errors="replace")
                self.note(
                    call, "answer", number=number, status=answer.status, body=body, failure=answer.failure,
                    milliseconds=answer.milliseconds,
                )  # fmt: skip
                promise.resolve(answer)
        except Exception:  # noqa: BLE001 - a thread of a pool would swallow it
            self._fail(traceback.format_exc())
        finally:
            self.timeline.end()

    def tell(self, call: Call, url: str, fields: dict[str, str], *, method: str = "POST", why: str) -> None:
        """Send a request whose answer is not looked at, as long as there is one."""
        answer = self.ask(call, url, fields, method=method, why=why)
        answer.when_done(lambda: self._note_unheard(call, answer.value()))

    def _note_unheard(self, call: Call, answer: Answer) -> None:
        if not answer.fine:
            self.fault(call, answer.failure or 11200, answer.message, answer.url, level=WARNING)

    # -- what becomes of a call ---------------------------------------------------------------------------------

    def add(self, call: Call) -> None:
        self.calls[call.sid] = call

    def move(self, call: Call, place: Place, **details: object) -> None:
        """Note where a caller stands now, and wake whoever waits for it."""
        if call.place is Place.ENDED:
            return
        call.place = place
        self.note(call, "place", place=place.value, **details)
        for told in list(call.on_place):
            told()

    def set_status(self, call: Call, status: Status) -> None:
        """Change a call's status and send the callback that was asked for."""
        was_queued = call.status is Status.QUEUED
        call.status, call.changed_at = status, self.now()
        self.note(call, "status", status=status.value, to=call.to, parent=call.parent_sid)
        event, callback = EVENTS.get(status), call.callback
        if callback is None or event not in callback.events or (was_queued and status is Status.CANCELED):
            return
        fields = call_fields(call) | progress_fields(call, self.now(), call.told)
        call.told += 1
        self.call_back(call, callback.url, callback.method, fields)

    def call_back(self, call: Call | None, url: str, method: str, fields: dict[str, str]) -> None:
        """Send a status callback, as it is delivered at present: its fields are of now, whenever it comes."""
        self.delivery.deliver(lambda: self._send_back(call, url, method, fields), self.later)

    def _send_back(self, call: Call | None, url: str, method: str, fields: dict[str, str]) -> None:
        answer = self.send(call, url, fields, method=method, why="status callback")

        def look() -> None:
            if not answer.value().fine:
                self.fault(call, 15003, MESSAGES[15003], url, level=WARNING)

        answer.when_done(look)

    def answer(self, call: Call) -> None:
        """Let a ringing call be answered; nothing for one that is already."""
        if call.status in {Status.QUEUED, Status.INITIATED, Status.RINGING}:
            call.answered_at = self.now()
            self.set_status(call, Status.IN_PROGRESS)

    def end(self, call: Call, status: Status = Status.COMPLETED, sip_code: int | None = None) -> bool:
        """End a call, whoever did it; return False if it is over already."""
        if call.over:
            return False
        call.ended_at, call.sip_code = self.now(), sip_code
        self.set_status(call, status)
        self.move(call, Place.ENDED)
        self.clients.forget_leg(call)
        call.ended.resolve(None)
        if call.task:
            call.task.interrupt(HungUp())
        return True

    def press(self, call: Call, keys: str) -> None:
        """Press keys on a caller's telephone, one after another."""
        for key in () if call.over else keys:
            self.note(call, "pressed", key=key, heard=call.keypad is not None)
            if call.keypad:
                call.keypad.press(key)

    # -- what is noted ------------------------------------------------------------------------------------------

    def note(self, call: Call | None, kind: str, **details: object) -> None:
        self.journal.add(self.now(), call.sid if call else "", kind, **details)

    def fault(self, call: Call | None, code: int, message: str, url: str, *, level: str = ERROR) -> None:
        sid = call.sid if call else None
        self.debugger.add(Violation(code, level, message, sid, url, self.now()))
        if call:
            self.note(call, "fault", code=code, message=message, url=url)

    def _note_failure(self, task: Task[Any]) -> None:
        try:
            task.ended.value()
        except Interruption:
            pass
        except Exception as error:  # noqa: BLE001 - a broken story must not be overlooked
            if not task.expected(error):
                self._fail("".join(traceback.format_exception(error)))

    def _fail(self, told: str) -> None:
        self.failures.append(told)
        print(told, file=sys.stderr)
