"""Whatever happens in whatever order: one outcome a call, one live offer, the order kept, nobody lost, no talk cut."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from booking_core.actors import Actor
from booking_core.clock import Clock
from booking_core.db import in_transaction
from booking_core.refusal import Refusal
from ivr.ledger.call_facts import list_misposted
from ivr.line import Line
from ivr.queue.calls import close_call, decline, list_waiting
from ivr.queue.models import AwayReason, MainReason, Status
from ivr.queue.operators import get_operator, set_status
from tests.conftest import MONDAY_MORNING
from tests.desk import available_operator
from tests.factories import owner_of
from tests.ivr.network_model import Leg, NetworkModel, Phase

STEPS = 45
MOST_CALLERS = 5
OPERATORS = 2


class AtOnce(ThreadPoolExecutor):
    """Does what it is given there and then, so that a walk is the same each time for the same seed."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **options))
        return future


class Walk:
    """One interleaving: operators, callers, a line and a network, moved at random by a seed."""

    steps = STEPS
    most_callers = MOST_CALLERS
    impatience = 0.12
    pauses: Sequence[int] = (1, 2, 4, 8, 15, 40)

    def __init__(self, engine: Engine, operators: list[int], clock_file: Path, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same walk for the same seed
        self.engine, self.operators, self.clock_file = engine, operators, clock_file
        self.now = MONDAY_MORNING
        self.clock = Clock(clock_file)
        self._step_to(self.now)
        self.network = NetworkModel(engine, self.clock, self.random)
        self.line = Line(engine, self.clock, self.network, "walk")
        self.line.senders.shutdown()
        self.line.senders = AtOnce()
        self.trace: list[str] = []

    def run(self) -> None:
        for _ in range(self.steps):
            self.move()
        self.finish()

    def move(self) -> None:
        moves: list[tuple[Callable[[], object], int]] = [
            (self._time_passes, 3),
            (self._line_looks, 4),
            (self._line_reconciles, 1),
            (self._operator_changes, 2),
            (self._operator_at_desk, 3),
        ]
        if len(self.network.legs) < self.most_callers:
            moves.append((self.network.dial, 4))
        moves += [(lambda leg=leg: self._caller_moves(leg), 3) for leg in self._live()]  # type: ignore[misc] # bound now
        if self.network.bag:
            moves += [(self.network.deliver, 4), (self.network.lose, 1)]
        if self.network.told:
            moves.append((self.network.replay, 1))
        chosen = self.random.choices([move for move, _ in moves], [weight for _, weight in moves])[0]
        self.trace.append(getattr(chosen, "__name__", "caller"))
        chosen()
        self.check()

    def finish(self) -> None:
        """Let everybody hang up, whatever was told come in or be lost, and time mend the rest."""
        for leg in self._live():
            if leg.redirect:
                self.network.carry_out_redirect(leg)
        for leg in self._live():
            self.network.hang_up(leg)
        while self.network.bag:
            self.random.choice([self.network.deliver, self.network.lose])()
        self.network.fails = 0  # four failures in a row would do in one of ten thousand walks what no time can mend
        for _ in range(4):
            self._step_to(self.now + timedelta(minutes=3))
            self.line.make_offers()
            self.line.fire_timers()
            self.line.reconcile()
        self.check_end()

    def check(self) -> None:
        with self.engine.connect() as db:
            wrong = [tuple(row) for row in db.execute(_WRONG)]
        assert wrong == [], f"{self.trace}"
        assert all(leg.cut == 0 for leg in self.network.legs.values()), f"a talk was cut: {self.trace}"

    def check_end(self) -> None:
        with self.engine.connect() as db:
            calls = {row.call_sid: row for row in db.execute(text("SELECT * FROM call"))}
            busy = [who for who in self.operators if get_operator(db, who).call_id is not None]
            posted = set(db.execute(text("SELECT call_sid FROM call_facts WHERE call_id IS NOT NULL")).scalars())
            misposted, unnoted = list_misposted(db), db.execute(_UNNOTED).scalars().all()
        assert (posted, misposted) == (set(calls), []), f"the ledger differs from the calls: {self.trace}"
        assert unnoted == [], f"an operator changed and it was not written down: {self.trace}"
        assert set(calls) == set(self.network.legs), self.trace
        for sid, leg in self.network.legs.items():
            call = calls[sid]
            assert (call.state, call.outcome is not None) == ("ended", True), (sid, call.state, self.trace)
            assert (call.outcome == "answered") is (leg.connected > 0), (sid, call.outcome, self.trace)
        assert busy == [], self.trace

    def _live(self) -> list[Leg]:
        return [leg for leg in self.network.legs.values() if leg.phase is not Phase.OVER]

    def _caller_moves(self, leg: Leg) -> None:
        if leg.redirect is not None and self.random.random() < 0.4:
            return self.network.carry_out_redirect(leg)
        if self.random.random() < self.impatience:
            return self.network.hang_up(leg)
        match leg.phase:
            case Phase.MENU:
                self.network.press(leg, self.random.choice(["1", "3", "0", "", "7", "#"]))
            case Phase.QUEUE:
                self.network.ask_what_to_hear(leg)
            case Phase.RINGING:
                how = self.random.choice(["picks up", "picks up", "picks up", "no-answer", "busy", "failed"])
                if how == "picks up":
                    self.network.operator_picks_up(leg)
                else:
                    self.network.operator_misses(leg, how)
            case Phase.TALKING:
                self.network.operator_hangs_up(leg)
        return None

    def _line_looks(self) -> None:
        """Let the line pair callers with operators; whoever has waited longest must be among the chosen."""
        with self.engine.connect() as db:
            order = [call.id for call in list_waiting(db)]
            before = set(db.execute(text("SELECT id FROM offer")).scalars())
        self.line.make_offers()
        with self.engine.connect() as db:
            fresh = [row.call_id for row in db.execute(text("SELECT id, call_id FROM offer ORDER BY id"))
                     if row.id not in before]  # fmt: skip
        assert fresh == order[: len(fresh)], f"the order was not kept: {self.trace}"
        self.line.fire_timers()

    def _line_reconciles(self) -> None:
        self.line.reconcile()

    def _operator_changes(self) -> None:
        who = self.random.choice(self.operators)
        status = self.random.choice([Status.AVAILABLE, Status.AVAILABLE, Status.AVAILABLE, Status.AWAY, Status.OFFLINE])
        reason = AwayReason.BREAK if status is Status.AWAY else None
        by = Actor.operator(who)
        in_transaction(self.engine, lambda db: set_status(db, who, status, reason, by=by, now=self.now))

    def _operator_at_desk(self) -> None:
        """Close what can be closed, or now and then decline what rings."""
        who = self.random.choice(self.operators)
        with self.engine.connect() as db:
            stands = get_operator(db, who)
        if stands.call_id is None:
            return
        call_id, by = stands.call_id, Actor.operator(who)
        if stands.activity == "ringing" and self.random.random() < 0.3:
            answer = in_transaction(self.engine, lambda db: decline(db, call_id, account_id=who, by=by, now=self.now))
            assert not isinstance(answer, Refusal), answer
        elif stands.activity in {"acw", "on_call"}:
            reason = MainReason.QUESTION
            in_transaction(self.engine, lambda db: close_call(db, call_id, reason, account_id=who, by=by, now=self.now))

    def _time_passes(self) -> None:
        """Let some seconds go by; a redirect that the network has taken on is carried out within a second or two."""
        for leg in self._live():
            if leg.redirect is not None:
                self.network.carry_out_redirect(leg)
        self._step_to(self.now + timedelta(seconds=self.random.choice(self.pauses)))

    def _step_to(self, now: datetime) -> None:
        self.now = now
        fresh = self.clock_file.with_suffix(".part")
        fresh.write_text(json.dumps({"mode": "stepped", "now": now.isoformat()}), encoding="utf-8")
        fresh.replace(self.clock_file)


def empty(engine: Engine) -> None:
    """Forget the calls of the walk before, so that its operators are free and its callers gone."""
    with owner_of(engine).begin() as db:
        db.execute(text("DELETE FROM call_facts"))
        db.execute(text("DELETE FROM operator_event"))
        db.execute(text("DELETE FROM call_event"))
        db.execute(text("DELETE FROM offer"))
        db.execute(text("DELETE FROM call"))
        db.execute(text("UPDATE operator_state SET status = 'available', reason = NULL, next_status = NULL, "
                        "next_reason = NULL, since = :now, idle_since = :now"), {"now": MONDAY_MORNING})  # fmt: skip


def walk_all(engine: Engine, tmp_path: Path, seeds: range) -> None:
    operators = [available_operator(engine, f"operator{n}") for n in range(OPERATORS)]
    for seed in seeds:
        empty(engine)
        walk = Walk(engine, operators, tmp_path / "clock.json", seed)
        try:
            walk.run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


# Twenty walks a test, so that workers share them.
@pytest.mark.parametrize("block", range(25))
def test_in_500_interleavings_nobody_is_lost_and_nothing_is_doubled(engine: Engine, tmp_path: Path, block: int) -> None:
    walk_all(engine, tmp_path, range(block * 20, block * 20 + 20))


@pytest.mark.long
@pytest.mark.parametrize("block", range(40))
def test_in_20_000_interleavings_nobody_is_lost_and_nothing_is_doubled(
    engine: Engine, tmp_path: Path, block: int
) -> None:
    walk_all(engine, tmp_path, range(1_000 + block * 500, 1_000 + block * 500 + 500))


_UNNOTED = text("""
    SELECT s.account_id FROM operator_state s
    LEFT JOIN LATERAL (SELECT id, state FROM offer WHERE account_id = s.account_id ORDER BY id DESC LIMIT 1) o ON true
    JOIN LATERAL (SELECT * FROM operator_event WHERE account_id = s.account_id ORDER BY id DESC LIMIT 1) e ON true
    WHERE (e.status, e.reason, e.offer_id, e.offer_state) IS DISTINCT FROM (s.status, s.reason, o.id, o.state)
    UNION ALL
    SELECT account_id FROM offer WHERE id NOT IN (SELECT offer_id FROM operator_event WHERE offer_id IS NOT NULL)""")
_WRONG = text("""
    SELECT 'offered to two at once' AS what, call_id FROM offer WHERE state IN ('pending', 'accepted')
    GROUP BY call_id HAVING count(*) > 1
    UNION ALL
    SELECT 'an operator with two offers', account_id FROM offer WHERE state IN ('pending', 'accepted', 'wrapping')
    GROUP BY account_id HAVING count(*) > 1
    UNION ALL
    SELECT 'a state that does not fit the offers', c.id
    FROM call c LEFT JOIN offer o ON o.call_id = c.id AND o.state IN ('pending', 'accepted')
    WHERE (c.state IN ('offering', 'connected')) <> (o.id IS NOT NULL)
       OR (c.state = 'connected') <> (o.state IS NOT DISTINCT FROM 'accepted')""")
