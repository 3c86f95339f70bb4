"""One run of one job: a line in the log when it did something, an alarm when it failed."""

import contextlib

import structlog
from sqlalchemy.exc import DBAPIError

from booking_core.alarms import raise_alarm
from booking_core.db import in_transaction
from tasks.schedule import Job
from tasks.wiring import JobWiring

log = structlog.get_logger("job")


def run(job: Job, wiring: JobWiring) -> None:
    """Run a job. A failure is raised again after an alarm was: the next tick tries afresh."""
    try:
        outcome = job.run(wiring)
    except Exception as error:
        log.error("job.failed", job=job.name, error=type(error).__name__)  # noqa: TRY400 - Celery logs the trace
        with contextlib.suppress(DBAPIError):  # without the database there is nowhere to raise it
            _alarm(job, wiring, error)
        raise
    if any(outcome.values()):
        log.info("job.done", job=job.name, **outcome)


def _alarm(job: Job, wiring: JobWiring, error: Exception) -> None:
    message = f"自動処理「{job.name}」が失敗しました（{type(error).__name__}）。記録を確かめてください。"
    in_transaction(wiring.engine, lambda db: raise_alarm(db, f"job.{job.name}", message, now=wiring.clock.now()))
