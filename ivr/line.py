"""The line: makes offers, sends the redirects, fires what is due, and looks whether the provider sees it alike.

A plain loop of a process of its own. It wakes when the queue changes (LISTEN) and every second in any case. Two may
run: every move is a conditional update, so whoever is second changes nothing. It can be killed at any moment: all it
knows stands in rows, and the next one goes on from there.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import psycopg
import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from booking_core.clock import Clock, real_now
from booking_core.db import in_transaction
from booking_core.refusal import Refusal
from ivr import health, reconcile
from ivr.provider import Provider, ProviderDown
from ivr.queue import presence, progress, redirects, timers
from ivr.queue.assignment import assign
from ivr.queue.calls import await_turn
from ivr.queue.models import Redirect
from ivr.queue.redirects import RedirectDue
from ivr.queue.timers import OverdueOffer
from ivr.queue.wake import CHANNEL
from ivr.reconcile import LiveCall

log = structlog.get_logger("line")

EVERY_SECOND = 1.0
LOOK_FOR_SESSIONS_EVERY = timedelta(seconds=15)
RECONCILE_EVERY = timedelta(seconds=30)
AFTER_A_FAILURE_SECONDS = 1.0
SENDERS = 24
"""How many requests to the provider may be under way at once."""

T = TypeVar("T")


@dataclass
class Line:
    """One line process.

    Attributes:
        engine: with the application's rights.
        clock: business time.
        provider: who holds the callers.
        name: of this process, by which others see whether it lives.
        senders: send what is asked of the provider, beside the loop; a stepped clock needs them to do it at once.
    """

    engine: Engine
    clock: Clock
    provider: Provider
    name: str
    senders: Executor = field(default_factory=lambda: ThreadPoolExecutor(SENDERS, "provider"))
    _in_hand: set[int] = field(default_factory=set, init=False)
    _sessions_at: datetime | None = field(default=None, init=False)
    _reconciled_at: datetime | None = field(default=None, init=False)
    _reconciling: threading.Lock = field(default_factory=threading.Lock, init=False)
    _has_queue: bool = field(default=False, init=False)
    _unknown_before: set[str] = field(default_factory=set, init=False)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. A database that is away is waited for; nothing else stops the line."""
        while not stop.is_set():
            try:
                with self._ears() as heard:
                    while not stop.is_set():
                        self.tick()
                        heard()
            except (DBAPIError, psycopg.Error) as error:
                log.error("line.database", error=type(error).__name__)  # noqa: TRY400 - the error may quote what was typed
                stop.wait(AFTER_A_FAILURE_SECONDS)
        self.senders.shutdown(wait=True, cancel_futures=True)

    def tick(self) -> None:
        """Do once all there is to do now."""
        while self.make_offers():
            pass
        self.send_redirects()
        self.fire_timers()
        self._now_and_then()

    def make_offers(self) -> int:
        """Pair callers with operators; return how many pairs there were."""
        made = self._do(lambda db: assign(db, self.clock, real_now=real_now())) or []
        for offer_id in made:
            log.info("line.offer", offer=offer_id)
        self.send_redirects()
        return len(made)

    def send_redirects(self) -> None:
        """Send what is due, each once: it is written down as sent before it leaves."""
        while due := self._do(lambda db: redirects.claim_redirects(db, now=self.clock.now())) or []:
            for each in due:
                self.senders.submit(self._guarded, self._redirect, each)

    def fire_timers(self) -> None:
        """End wrap-ups that have lasted long enough, look after silent offers and silent desks."""
        now = self.clock.now()
        with self.engine.connect() as db:
            wrap_ups = timers.list_wrap_ups_due(db, now=now)
            overdue = timers.list_overdue(db, now=now)
            unheard = presence.list_unheard(db, real_now=real_now())
        for offer_id, call_id in wrap_ups:
            self._in_turn(call_id, partial(timers.end_wrap_up, offer_id=offer_id))
        for account_id in unheard:
            self._do(partial(presence.park_unheard, account_id=account_id, real_now=real_now(), now=self.clock.now()))
        for each in overdue:
            if each.offer_id not in self._in_hand:
                self._in_hand.add(each.offer_id)
                self.senders.submit(self._guarded, self._look_after, each)

    def reconcile(self) -> None:
        """Compare all live calls with the provider's list, once."""
        with self._reconciling:
            try:
                at_provider = {each.sid for each in self.provider.list_live_calls()}
            except ProviderDown as down:
                log.warning("line.reconcile", error=str(down))
                return
            self._do(lambda db: health.note_provider(db, self.name, real_now=real_now()))
            with self.engine.connect() as db:
                ours = reconcile.list_live(db)
                unknown = reconcile.list_unknown(db, at_provider)
            for call in ours:
                if call.call_sid not in at_provider:
                    self._ask_about(call)
            for call_sid in unknown & self._unknown_before:
                reconcile.bring_back(self.provider, call_sid)
            self._unknown_before = unknown - self._unknown_before

    def _now_and_then(self) -> None:
        now = real_now()
        if self._sessions_at is None or now - self._sessions_at >= LOOK_FOR_SESSIONS_EVERY:
            self._sessions_at = now
            self._do(lambda db: db.execute(_SEEN, {"name": self.name, "now": now}))
            with self.engine.connect() as db:
                gone = presence.list_signed_out(db, real_now=now)
            for account_id in gone:
                self._do(partial(presence.end_work, account_id=account_id, now=self.clock.now()))
        if self._reconciled_at is None or now - self._reconciled_at >= RECONCILE_EVERY:
            self._reconciled_at = now
            # Beside the loop: while the provider does not answer, callers come to their operators by their documents.
            if not self._has_queue:
                self.senders.submit(self._guarded, lambda _: self._make_queue(), None)
            if not self._reconciling.locked():
                self.senders.submit(self._guarded, lambda _: self.reconcile(), None)

    def _make_queue(self) -> None:
        """Let the provider have the queue in its size; until it has, each such look asks again."""
        self.provider.make_queue()
        self._has_queue = True

    def _redirect(self, due: RedirectDue) -> None:
        answer = self.provider.redirect(due.call_sid, due.offer_id)
        self._do(lambda db: redirects.record_redirect(db, due.offer_id, answer))
        log.info("line.redirect", offer=due.offer_id, answer=answer)
        if answer is Redirect.REFUSED:
            self._end_if_over(due.call_sid)

    def _look_after(self, overdue: OverdueOffer) -> None:
        """Ask the provider how caller and operator stand before an offer is given up."""
        now = self.clock.now()
        try:
            if self._end_if_over(overdue.call_sid):
                return
            leg = self.provider.find_call(overdue.leg_sid) if overdue.leg_sid else None
            if leg and leg.status == "in-progress":
                self._in_turn(overdue.call_id, partial(self._answered, overdue=overdue))
            elif leg and leg.is_live:
                self._do(lambda db: timers.put_off(db, overdue.offer_id, now=now))
            else:
                self._in_turn(overdue.call_id, partial(timers.give_up, overdue=overdue))
        except ProviderDown:
            if overdue.is_past_hope(now):
                self._in_turn(overdue.call_id, partial(timers.give_up, overdue=overdue))
            else:
                self._do(lambda db: timers.put_off(db, overdue.offer_id, now=now))
        finally:
            self._in_hand.discard(overdue.offer_id)

    @staticmethod
    def _answered(db: Connection, overdue: OverdueOffer, *, now: datetime) -> bool:
        return progress.answered(db, overdue.call_id, overdue.offer_id, at=now)

    def _end_if_over(self, call_sid: str) -> bool:
        """End a call of which the provider says that it is over; tell whether it is.

        Raises:
            ProviderDown
        """
        found = self.provider.find_call(call_sid)
        if found is None or found.is_live:
            return False
        self._end(call_sid)
        return True

    def _ask_about(self, call: LiveCall) -> None:
        now = self.clock.now()
        if now - call.received_at < reconcile.YOUNG:
            return
        try:
            over = reconcile.is_over(call, self.provider, now=now)
        except ProviderDown:
            return  # the next look asks again
        if over and self._end(call.call_sid):
            log.info("line.mended", call=call.id, state=call.state)

    def _end(self, call_sid: str) -> bool:
        """End a call; tell whether that was news."""

        def work(db: Connection) -> bool:
            progress.lock_call(db, call_sid)
            return reconcile.end_call(db, call_sid, now=self.clock.now())

        return bool(self._do(work))

    def _in_turn(self, call_id: int, work: Callable[..., bool]) -> None:
        """Run work about a call when its turn has come, by the time it is then: the provider may have been slow."""

        def in_turn(db: Connection) -> bool:
            await_turn(db, call_id)
            return work(db, now=self.clock.now())

        self._do(in_turn)

    def _guarded(self, work: Callable[[T], None], subject: T) -> None:
        """Run what a sender does; what goes wrong there is said once and must not be swallowed by the pool."""
        try:
            work(subject)
        except ProviderDown as down:
            log.warning("line.provider", error=str(down))
        except Exception as error:  # noqa: BLE001 - whatever it is, the line goes on, and its rows are looked at again
            log.error("line.failed", error=type(error).__name__)  # noqa: TRY400 - the error may quote what was typed

    def _do(self, work: Callable[[Connection], T]) -> T | None:
        """Run work in a transaction of its own; None when the book was busy, the next tick comes back to it."""
        answer = in_transaction(self.engine, work)
        return None if isinstance(answer, Refusal) else answer

    @contextmanager
    def _ears(self) -> Iterator[Callable[[], None]]:
        """Listen for changes of the queue; the returned function waits for one, a second at most."""
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
            db.execute(text(f"LISTEN {CHANNEL}"))
            driver = db.connection.driver_connection
            if not isinstance(driver, psycopg.Connection):
                raise TypeError("the line listens through psycopg")

            def heard() -> None:
                for _ in driver.notifies(timeout=EVERY_SECOND, stop_after=1):
                    pass

            try:
                yield heard
            finally:
                db.invalidate()  # a connection that listens must not go back to the others


_SEEN = text("""
    INSERT INTO line_process (name, seen_at) VALUES (:name, :now)
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at""")
