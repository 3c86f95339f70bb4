"""The schedule and what Celery makes of it; and that no task decides or reaches for what was not handed to it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app import create_celery
from booking_core.clock import Clock
from config import load_settings
from tasks.celery_app import LONGEST_TASK_SECONDS, VISIBILITY_SECONDS, make_celery, task_name
from tasks.schedule import SCHEDULE
from tasks.senders.choice import NoSender
from tasks.wiring import JobWiring
from tests.conftest import PEPPER

TASKS = Path(__file__).parents[2] / "tasks"
NOT_FOR_TASKS = {"flask", "redis", "twilio", "web", "citizen_ui", "operator_ui", "admin_ui", "app", "config", "cli"}


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("file", sorted(TASKS.rglob("*.py")), ids=lambda file: str(file.relative_to(TASKS)))
def test_a_task_holds_no_statement_and_knows_no_door(file: Path) -> None:
    named = set(imports(file))
    assert not {name.partition(".")[0] for name in named} & NOT_FOR_TASKS
    assert not named & {"sqlalchemy.text", "sqlalchemy.select", "sqlalchemy.insert", "sqlalchemy.update"}
    assert file.name == "celery_app.py" or not any(name.startswith("celery") for name in named)


def test_every_job_is_ticked_and_its_stale_ticks_expire(engine: Engine) -> None:
    celery = make_celery("redis://127.0.0.1:1/0", JobWiring(engine, Clock(), NoSender()))
    entries = celery.conf.beat_schedule
    assert {entry["task"] for entry in entries.values()} == {task_name(job.name) for job in SCHEDULE}
    for job in SCHEDULE:
        assert entries[job.name]["schedule"] == job.every_seconds
        assert entries[job.name]["options"]["expires"] <= job.every_seconds
        assert task_name(job.name) in celery.tasks
    assert len({job.name for job in SCHEDULE}) == len(SCHEDULE)


def test_a_task_that_still_runs_never_becomes_visible_again(engine: Engine) -> None:
    conf = make_celery("redis://127.0.0.1:1/0", JobWiring(engine, Clock(), NoSender())).conf
    assert conf.task_time_limit == LONGEST_TASK_SECONDS
    assert conf.broker_transport_options["visibility_timeout"] == VISIBILITY_SECONDS > LONGEST_TASK_SECONDS
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost, conf.task_ignore_result) == (True, True, True)
    assert list(conf.accept_content) == ["json"]


def test_the_composition_root_builds_it_from_the_settings_and_its_tasks_run(
    kyoto: Engine, redis_url: str, tmp_path: Path
) -> None:
    settings = load_settings(
        {
            "DATABASE_URL": kyoto.url.render_as_string(hide_password=False),
            "REDIS_URL": redis_url,
            "SECRET_KEY": "a secret key for tests, at least thirty-two characters",
            "PEPPER": PEPPER,
            "SMTP_URL": tmp_path.as_uri(),
            "REPORT_TO": "city@localhost",
            "TWILIO_AUTH_TOKEN": "12345678901234567890123456789012",
        }
    )
    celery = create_celery(settings)
    for job in SCHEDULE:
        celery.tasks[task_name(job.name)].apply(throw=True)
    with kyoto.connect() as db:
        assert db.execute(text("SELECT count(*) FROM alarm WHERE kind LIKE 'job.%'")).scalar_one() == 0
        assert db.execute(text("SELECT count(*) FROM job_run WHERE kind = 'cut_slots'")).scalar_one() == 1
