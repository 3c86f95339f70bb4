"""One day, played from midnight to midnight, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from booking_core import jobs
from booking_core.catalogue import list_services
from booking_core.db import make_engine
from simulator.day.cast import Props, make_cast
from simulator.day.figures import Figures, figures_of
from simulator.day.ledger import LedgerAlarm
from simulator.day.mismatches import find_mismatches
from simulator.day.plan import DayPlan
from simulator.day.record import Record
from simulator.day.site import Site
from simulator.day.telephones import TelephoneInside
from simulator.day.town import Town
from simulator.network.orders import hang_up
from simulator.opening_time import TOKYO
from tasks import daily_report
from tasks.running import run
from tasks.schedule import SCHEDULE
from tasks.senders.choice import sender_for
from tasks.wiring import JobWiring
from whole_day.ledger import read_ledger
from whole_day.mailed import MailedReport, beside, read_mailed_report, should_say
from whole_day.stage import Stage
from whole_day.stepping import Ears, Regular, Stepper

JOBS_EVERY = timedelta(hours=1)
LINE_LOOKS_EVERY = timedelta(minutes=15)
"""The line looks by itself, too, as it does every second of real time."""

HOURS = 24
REPORT_LOOKED_FOR_FROM, REPORT_LOOKED_FOR_EVERY = time(17), timedelta(minutes=1)


@dataclass
class PlayedDay:
    """What came of it.

    Attributes:
        mailed: the figures of the mailed report, as it says them.
        mailed_at: when it was drawn up.
        alarms: what a person was told to look at, in order.
    """

    plan: DayPlan
    seats: int
    record: Record
    figures: Figures
    mailed: MailedReport
    mailed_at: datetime | None
    alarms: Sequence[LedgerAlarm]
    mismatches: list[str]
    requests: int
    steps: int
    looks: int


@dataclass
class _Office:
    """The jobs of the day, as the worker runs them, and the moment at which the report was drawn up."""

    wiring: JobWiring
    day: date
    record: Record
    reported_at: datetime | None = None
    should_say: MailedReport = field(default_factory=MailedReport)

    def run_all(self) -> None:
        for job in SCHEDULE:
            run(job, self.wiring)
        self._look_for_the_report()

    def run_until_reported(self) -> None:
        """Run them more often after closing, so that the report is drawn up as soon as it may be."""
        if self.reported_at is None:
            self.run_all()

    def _look_for_the_report(self) -> None:
        if self.reported_at is None and self._is_reported():
            self.reported_at = self.wiring.clock.now()
            with self.wiring.engine.connect() as db:
                names = {each.code: each.name for each in list_services(db)}
            self.should_say = should_say(self.record, names)

    def _is_reported(self) -> bool:
        with self.wiring.engine.connect() as db:
            return jobs.is_done(db, daily_report.KIND, self.day.isoformat())


def play(plan: DayPlan, props: Props, stage: Stage, folder: Path, say: Callable[[str], None]) -> PlayedDay:
    """Play a day on a stage that stands at its first moment, and compare all that is known of it."""
    site = Site(stage.site)
    town = Town(
        stage.timeline,
        site,
        telephone=lambda identity, _token, tell: TelephoneInside.register(stage.network, identity, tell),
        puts_down=lambda sid: _put_down(stage, sid),
    )
    cast = make_cast(plan, props, town, stage.network)
    office = _office(stage, plan, town.record)
    ears = Ears.at(stage.settings.database_url.get_secret_value())
    midnight = datetime.combine(plan.day, time(0), TOKYO)
    closing = datetime.combine(plan.day, REPORT_LOOKED_FOR_FROM, TOKYO)
    regular = [
        Regular(LINE_LOOKS_EVERY, midnight + LINE_LOOKS_EVERY, stage.line.tick),
        Regular(JOBS_EVERY, midnight + JOBS_EVERY, office.run_all),
        Regular(REPORT_LOOKED_FOR_EVERY, closing, office.run_until_reported),
    ]
    asked = lambda: site.requests + stage.sending.done  # noqa: E731 - two counters as one
    stepper = Stepper(stage.timeline, stage.sending, ears, stage.line.tick, asked, regular)
    cast.begin()
    for hour in range(1, HOURS + 1):
        stepper.run_until(midnight + timedelta(hours=hour) - timedelta(microseconds=hour == HOURS))
        say(_so_far(hour, town.record))
    office.run_all()
    report = read_mailed_report(folder / "mail")
    mailed = report or MailedReport()
    with office.wiring.engine.connect() as db:
        ledger = read_ledger(db, plan.day, stage.network, now=stage.clock.now())
        db.rollback()
    ears.connection.close()
    office.wiring.engine.dispose()
    return PlayedDay(
        plan=plan,
        seats=len(props.operators),
        record=town.record,
        figures=figures_of(town.record),
        mailed=mailed,
        mailed_at=office.reported_at,
        alarms=ledger.alarms,
        mismatches=[
            *find_mismatches(town.record, ledger, cast.supervisor.looks, beside(office.should_say, mailed)),
            *([] if report else ["no daily report was mailed"]),
        ],
        requests=stepper.asked(),
        steps=stepper.steps,
        looks=len(cast.supervisor.looks),
    )


def _office(stage: Stage, plan: DayPlan, record: Record) -> _Office:
    settings = stage.settings
    smtp_url = settings.smtp_url.get_secret_value() if settings.smtp_url else None
    wiring = JobWiring(
        engine=make_engine(settings.database_url.get_secret_value(), pool_size=2),
        clock=stage.clock,
        mail=sender_for(smtp_url, mail_from=settings.mail_from),
        report_to=settings.report_to,
    )
    return _Office(wiring, plan.day, record)


def _put_down(stage: Stage, sid: str) -> bool:
    exchange = stage.network.exchange
    with exchange.entered():
        call = exchange.calls.get(sid)
        return call is not None and not call.over and hang_up(exchange, call)


def _so_far(hour: int, record: Record) -> str:
    calls = list(record.calls.values())
    answered = sum(call.answered_at is not None for call in calls)
    waiting = sum(call.waits for call in calls)
    return f"{hour:02d}:00  calls {len(calls)}, answered {answered}, waiting {waiting}, bookings {len(record.deeds)}"
