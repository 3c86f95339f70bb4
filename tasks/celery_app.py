"""Celery around the schedule: it ticks and fetches; what has to be done and whether it was stands in PostgreSQL.

So a lost broker costs a delay and no work. There are no results, no countdowns and no arguments in messages.
"""

from functools import partial
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

from tasks.running import run
from tasks.schedule import SCHEDULE, Job
from tasks.wiring import JobWiring

LONGEST_TASK_SECONDS = 300
VISIBILITY_SECONDS = 900
"""After this the unfinished message of a dead worker comes back. Longer than any task, or one would run twice."""


def make_celery(broker_url: str, wiring: JobWiring) -> Celery:
    """Return the Celery application for `celery worker` and `celery beat`."""
    celery = Celery("madoguchi", broker=broker_url, set_as_current=False)
    celery.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_soft_time_limit=LONGEST_TASK_SECONDS - 60,
        task_time_limit=LONGEST_TASK_SECONDS,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=1_000,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_interval": 30,
            "unacked_restore_throttle": 1,
        },
        timezone="Asia/Tokyo",
        enable_utc=True,
        beat_schedule={job.name: _tick(job.name, job.every_seconds) for job in SCHEDULE},
    )
    for job in SCHEDULE:
        _add(celery, job, wiring)
    worker_process_init.connect(partial(_begin_process, wiring), weak=False)
    return celery


def task_name(job: str) -> str:
    return f"tasks.{job}"


def _add(celery: Celery, job: Job, wiring: JobWiring) -> None:
    def tick() -> None:
        run(job, wiring)

    celery.task(tick, name=task_name(job.name), shared=False)  # of this application alone, were there two


def _tick(job: str, every_seconds: int) -> dict[str, Any]:
    """Return beat's entry. A tick nobody fetched before the next one is worth nothing and expires."""
    return {"task": task_name(job), "schedule": float(every_seconds), "options": {"expires": every_seconds}}


def _begin_process(wiring: JobWiring, **_: object) -> None:
    """Forget the parent's connections: a child that used them too would garble both their talks."""
    wiring.engine.dispose(close=False)
