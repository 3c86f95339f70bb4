"""One run of one job: a line in the log when it did something, an alarm when it failed."""

import contextlib
from traceback import extract_tb

import structlog
from sqlalchemy.exc import DBAPIError

from booking_core.alarms import raise_alarm
from booking_core.db import in_transaction
from tasks.schedule import Job
from tasks.wiring import JobWiring

log = structlog.get_logger("job")


class JobFailed(Exception):  # noqa: N818 - what failed is its name
    """A job failed; the alarm and the log say where. It carries no word of the error, and no trace to it."""


def run(job: Job, wiring: JobWiring) -> None:
    """Run a job; the next tick tries a failed one afresh.

    Raises:
        JobFailed: after an alarm was raised. Celery logs what it is given whole, and the message of a database error
            may quote what a citizen typed: so the log says where it happened, not what the error says.
    """
    failed = ""
    try:
        outcome = job.run(wiring)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again below, without its words
        failed = type(error).__name__
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
        log.error("job.failed", job=job.name, error=failed, where=where)  # noqa: TRY400 - see above
        with contextlib.suppress(DBAPIError):  # without the database there is nowhere to raise it
            _alarm(job, wiring, error)
    if failed:  # raised outside of `except`, so that the first error does not hang on to it
        raise JobFailed(f"{job.name}: {failed}")
    if any(outcome.values()):
        log.info("job.done", job=job.name, **outcome)


def _alarm(job: Job, wiring: JobWiring, error: Exception) -> None:
    message = f"自動処理「{job.name}」が失敗しました（{type(error).__name__}）。記録を確かめてください。"
    in_transaction(wiring.engine, lambda db: raise_alarm(db, f"job.{job.name}", message, now=wiring.clock.now()))
