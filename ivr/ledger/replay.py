"""A day's stored events, told to the code again: the line's own functions, in tables of their own, leaving nothing.

What is told: every word of the provider (`call_event`), every offer, answer, refusal and status of an operator as it
was written down when it happened (`operator_event`), how each redirect went (`offer`), every closing of a call
(`audit`). What comes of them (states, outcomes, times, ledger rows, operators' changes) is made anew by the same code
that made it then, and can be compared.

Temporary tables stand before the real ones for the rest of the transaction, which the caller rolls back; the calls and
offers have their old numbers in them. Things of one instant have no order between the logs: what an operator did is
told as soon as the calls have come so far, the provider's words in their own order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, text

from booking_core.actors import Actor
from ivr.conversation import LineEvent, hear
from ivr.flow.next_step import Happening
from ivr.queue import calls, operators, progress, timers
from ivr.queue.assignment import make_offer
from ivr.queue.models import AwayReason, CallState, MainReason, OfferState, Status
from ivr.queue.progress import Arrival
from ivr.reconcile import MENDED, end_call

SHADOWED = (
    "call",
    "offer",
    "call_event",
    "call_facts",
    "operator_state",
    "operator_event",
    "seat",
    "seat_event",
    "slot_hold",
    "audit",
    "audit_personal",
)
NUMBERED = ("call", "offer")
BEGINS = frozenset({OfferState.PENDING, OfferState.ACCEPTED})
CAME_TO_NOTHING = frozenset({OfferState.DECLINED, OfferState.TIMED_OUT, OfferState.FAILED})


@dataclass(frozen=True, slots=True)
class Told:
    """How much was told again, and what the code did not take although it did then."""

    events: int
    refused: Sequence[str]


def replay(db: Connection, since: datetime, until: datetime) -> Told:
    """Tell the code everything about the calls that arrived in a span, and about operators meanwhile.

    From then on, until the transaction is rolled back, every look at the line's tables sees what came of it.
    """
    _shadow(db, since)
    logs = _read_logs(db, since, until)
    refused: list[str] = []
    for _, moment in groupby(logs, key=lambda row: row.at):
        refused += _Instant(db, list(moment)).tell()
    db.execute(_KEEP_SEATS_AS_TOLD, {"until": until})
    db.execute(_KEEP_IMPORTED, {"since": since, "until": until})
    return Told(len(logs), tuple(refused))


def _shadow(db: Connection, since: datetime) -> None:
    for table in SHADOWED:
        identity = "EXCLUDING IDENTITY" if table in NUMBERED else ""
        db.execute(text(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL {identity}) ON COMMIT DROP"))
    for table in NUMBERED:
        db.execute(text(f"CREATE TEMP SEQUENCE {table}_number"))
        db.execute(text(f"ALTER TABLE pg_temp.{table} ALTER id SET DEFAULT nextval('pg_temp.{table}_number')"))
    for statement in (_OPERATORS_BEFORE, _STATUS_BEFORE, _SEATS_BEFORE):
        db.execute(statement, {"since": since})


def _read_logs(db: Connection, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    return db.execute(_LOGS, {"since": since, "until": until}).all()


def _next_number(db: Connection, table: str, number: int) -> None:
    db.execute(text(f"SELECT setval('pg_temp.{table}_number', :number, false)"), {"number": number})


class _Instant:
    """All that was written down for one instant."""

    def __init__(self, db: Connection, rows: Sequence[Row[Any]]) -> None:
        self.db = db
        self.provider = [row for row in rows if row.log == "provider"]
        self.operators = [row for row in rows if row.log == "operator"]
        self.closings = [row for row in rows if row.log == "closing"]

    def tell(self) -> Iterator[str]:
        """Tell it, and yield what the code refused."""
        while self.provider or self.operators:
            if self.operators and (self._is_ripe(self.operators[0]) or not self.provider):
                yield from self._tell_operator(self.operators.pop(0))
            else:
                self._tell_provider(self.provider.pop(0))
        for row in self.closings:
            yield from self._close(row)

    def _is_ripe(self, row: Row[Any]) -> bool:
        """Whether the calls have come as far as they had when this was done."""
        match row.offer_state:
            case OfferState.PENDING:
                offer = self._offer(row.offer_id)
                return offer is not None or self._state(row.call_id) == CallState.QUEUED
            case OfferState.ACCEPTED | OfferState.COMPLETED | OfferState.WRAPPING | OfferState.RESCINDED:
                offer = self._offer(row.offer_id)
                return offer is None or offer.state == row.offer_state or self._can_follow(offer, row.offer_state)
            case state if state in CAME_TO_NOTHING:  # an answer that only a desk had given is taken back first
                offer = self._offer(row.offer_id)
                return offer is None or offer.state != OfferState.ACCEPTED
        return True

    @staticmethod
    def _can_follow(offer: Row[Any], state: str) -> bool:
        if state == OfferState.ACCEPTED:
            return offer.state == OfferState.PENDING and offer.dialled_at is not None
        return state == OfferState.COMPLETED and offer.state == OfferState.WRAPPING

    def _tell_provider(self, row: Row[Any]) -> None:
        if self._state(row.call_id) is None:
            _next_number(self.db, "call", row.call_id)
        if row.event == MENDED:
            end_call(self.db, row.call_sid, now=row.at)
            return
        detail = row.detail
        own_leg = row.leg == row.call_sid
        event = LineEvent(
            Happening(row.event),
            Arrival(row.call_sid, "", "") if own_leg else None,
            leg=row.leg,
            token=row.token,
            result=detail.get("result", ""),
            call_status=detail.get("call_status", ""),
            offer_id=detail.get("offer"),
            talk_seconds=detail.get("talk_seconds", 0),
            bridged={"yes": True, "no": False}.get(detail.get("bridged", "")),
        )
        hear(self.db, event, now=row.at)

    def _tell_operator(self, row: Row[Any]) -> Iterator[str]:
        self.db.execute(_ENROL, {"account_id": row.account_id, "now": row.at})
        about_a_call = row.offer_id is not None and self._state(row.call_id) is not None
        if about_a_call and row.offer_state not in BEGINS:
            yield from self._tell_offer(row)
        self._tell_status(row)
        if about_a_call and row.offer_state in BEGINS:
            yield from self._tell_offer(row)

    def _tell_status(self, row: Row[Any]) -> None:
        known = operators.get_operator(self.db, row.account_id)
        if (known.status, known.reason) != (row.status, row.reason):
            reason = AwayReason(row.reason) if row.reason else None
            by = Actor.operator(row.account_id)
            operators.set_status(self.db, row.account_id, Status(row.status), reason, by=by, now=row.at)

    def _tell_offer(self, row: Row[Any]) -> Iterator[str]:
        offer = self._offer(row.offer_id)
        if offer is None:
            if row.offer_state != OfferState.PENDING or self._state(row.call_id) != CallState.QUEUED:
                yield f"offer {row.offer_id}: call {row.call_id} does not wait at {row.at.isoformat()}"
                return
            _next_number(self.db, "offer", row.offer_id)
            make_offer(self.db, row.call_id, row.account_id, now=row.at)
            self.db.execute(_HOW_REDIRECTED, {"id": row.offer_id})
        elif offer.state != row.offer_state and not self._change_offer(row):
            yield f"offer {row.offer_id}: {offer.state} does not become {row.offer_state} at {row.at.isoformat()}"

    def _change_offer(self, row: Row[Any]) -> bool:
        state = OfferState(row.offer_state)
        if state is OfferState.ACCEPTED:
            return progress.answered(self.db, row.call_id, row.offer_id, at=row.at)
        if state in CAME_TO_NOTHING:
            return progress.operator_not_reached(self.db, row.call_id, row.offer_id, state, now=row.at)
        if state is OfferState.COMPLETED:
            closing = next((each for each in self.closings if each.call_id == row.call_id), None)
            if closing is not None:
                self.closings.remove(closing)
                return not list(self._close(closing))
            self.db.execute(_IS_DUE, {"id": row.offer_id, "now": row.at})
            return timers.end_wrap_up(self.db, row.offer_id, now=row.at)
        return False

    def _close(self, row: Row[Any]) -> Iterator[str]:
        if self._state(row.call_id) is None:
            return
        by = Actor.operator(row.account_id)
        reason = MainReason(row.detail["reason"])
        answer = calls.close_call(self.db, row.call_id, reason, account_id=row.account_id, by=by, now=row.at)
        if not isinstance(answer, calls.CallView):
            yield f"call {row.call_id}: not closed at {row.at.isoformat()} ({answer.reason})"

    def _state(self, call_id: int) -> str | None:
        found: str | None = self.db.execute(_STATE, {"id": call_id}).scalar_one_or_none()
        return found

    def _offer(self, offer_id: int) -> Row[Any] | None:
        return self.db.execute(_OFFER, {"id": offer_id}).one_or_none()


_STATE = text("SELECT state FROM call WHERE id = :id")
_OFFER = text("SELECT state, dialled_at FROM offer WHERE id = :id")
_HOW_REDIRECTED = text("""
    UPDATE offer SET redirect = was.redirect, redirected_at = was.redirected_at
    FROM public.offer was WHERE was.id = offer.id AND offer.id = :id""")
_IS_DUE = text("UPDATE offer SET due_at = :now WHERE id = :id AND state = 'wrapping'")
_ENROL = text("""
    INSERT INTO operator_state (account_id, status, since, idle_since) VALUES (:account_id, 'offline', :now, :now)
    ON CONFLICT (account_id) DO NOTHING""")
_OPERATORS_BEFORE = text("""
    INSERT INTO operator_event (account_id, at, status, reason)
    SELECT DISTINCT ON (account_id) account_id, at, status, reason
    FROM public.operator_event WHERE at < :since ORDER BY account_id, id DESC""")
_STATUS_BEFORE = text("""
    INSERT INTO operator_state (account_id, status, reason, since, idle_since)
    SELECT account_id, status, reason, at, at FROM operator_event WHERE at < :since""")
_SEATS_BEFORE = text("""
    INSERT INTO seat (number, account_id)
    SELECT row_number() OVER (ORDER BY account_id), account_id FROM (
        SELECT DISTINCT ON (account_id) account_id, change
        FROM public.seat_event WHERE at < :since ORDER BY account_id, id DESC) s WHERE change = 'opened'""")
_KEEP_SEATS_AS_TOLD = text("""
    WITH gone AS (DELETE FROM seat_event)
    INSERT INTO seat_event (seat_id, change, account_id, by_account_id, reason, at)
    SELECT seat_id, change, account_id, by_account_id, reason, at
    FROM public.seat_event WHERE at < :until ORDER BY id""")
_KEEP_IMPORTED = text("""
    INSERT INTO call_facts OVERRIDING SYSTEM VALUE SELECT * FROM public.call_facts
    WHERE call_id IS NULL AND received_at >= :since AND received_at < :until""")
_LOGS = text("""
    WITH own AS (
        SELECT id, call_sid FROM public.call WHERE received_at >= :since AND received_at < :until
    )
    SELECT at, 'provider' AS log, e.id, own.id AS call_id, e.call_sid, leg, event, token, detail,
           NULL AS account_id, NULL AS status, NULL AS reason, NULL AS offer_id, NULL AS offer_state
    FROM public.call_event e JOIN own ON own.call_sid = e.call_sid
    UNION ALL
    SELECT at, 'operator', id, call_id, NULL, NULL, NULL, NULL, NULL, account_id, status, reason, offer_id, offer_state
    FROM public.operator_event
    WHERE at >= :since AND (at < :until OR call_id IN (SELECT id FROM own))
    UNION ALL
    SELECT at, 'closing', a.id, own.id, NULL, NULL, NULL, NULL, a.detail, a.actor_id, NULL, NULL, NULL, NULL
    FROM public.audit a JOIN own ON a.target = 'call:' || own.id
    WHERE a.verb = 'call.close'
    ORDER BY at, id""")
