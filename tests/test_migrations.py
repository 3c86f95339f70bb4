"""The numbered steps lead to exactly what the models say, forwards and backwards."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from booking_core.models import Base
from migrations.upgrade import FOLDER, configuration, newest_revision, upgrade

ROOT = Path(__file__).parents[1]
CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity, identity_generation
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


@pytest.fixture(autouse=True)
def every_room_has_named_its_tables() -> None:
    """Import each `models.py`, so that tables of other rooms than the core are compared as well."""
    for file in ROOT.glob("[a-z]*/**/models.py"):
        importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))


@pytest.fixture
def owner(new_database: Callable[[str], str]) -> Engine:
    """The owner of a database to which every step has been applied."""
    return create_engine(new_database("empty"), poolclass=NullPool)


def catalogue(engine: Engine) -> dict[str, set[tuple[object, ...]]]:
    """Return what a database holds, in PostgreSQL's own words; the book-keeping of the steps left out."""
    with engine.connect() as db:
        found = {name: {tuple(row) for row in db.execute(text(query))} for name, query in CATALOGUE.items()}
    return {name: {row for row in found_rows if row[0] != "alembic_version"} for name, found_rows in found.items()}


def step(engine: Engine, direction: Callable[..., None], target: str) -> None:
    config = configuration()
    with engine.connect() as db:
        config.attributes["connection"] = db
        direction(config, target)
        db.commit()


def test_autogeneration_finds_nothing_to_add(owner: Engine) -> None:
    with owner.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_steps_lead_to_exactly_the_models_checks_and_partial_indexes_included(
    owner: Engine, new_database: Callable[[str], str]
) -> None:
    modelled = create_engine(new_database("template1"), poolclass=NullPool)
    Base.metadata.create_all(modelled)
    assert catalogue(owner) == catalogue(modelled)


def test_there_is_one_newest_step_and_a_fresh_database_has_it(owner: Engine) -> None:
    assert len(ScriptDirectory.from_config(configuration()).get_heads()) == 1
    with owner.connect() as db:
        assert db.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == newest_revision()


def test_the_steps_are_numbered_dated_and_named() -> None:
    names = sorted(file.stem for file in (FOLDER / "versions").glob("*.py"))
    assert all(re.fullmatch(r"\d{4}_20\d{6}_[a-z0-9_]+", name) for name in names), names
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_all_the_way_back_and_forth_again_comes_out_the_same(owner: Engine) -> None:
    before = catalogue(owner)
    step(owner, command.downgrade, "base")
    assert catalogue(owner) == {"columns": set(), "constraints": set(), "indexes": set()}
    step(owner, command.upgrade, "head")
    assert catalogue(owner) == before


def test_each_step_can_be_taken_back_and_taken_again(owner: Engine) -> None:
    steps = [each.revision for each in ScriptDirectory.from_config(configuration()).walk_revisions()]  # newest first
    for revision, earlier in zip(steps, [*steps[1:], "base"], strict=True):
        after = catalogue(owner)
        step(owner, command.downgrade, earlier)
        step(owner, command.upgrade, revision)
        assert catalogue(owner) == after, revision
        step(owner, command.downgrade, earlier)


def test_an_upgrade_of_what_is_already_newest_changes_nothing(owner: Engine) -> None:
    before = catalogue(owner)
    assert upgrade(owner.url.render_as_string(hide_password=False)) == newest_revision()
    assert catalogue(owner) == before


def test_an_owner_who_may_not_create_roles_migrates_once_the_role_is_there(
    administrator: Engine, new_database: Callable[[str], str]
) -> None:
    url = make_url(new_database("template1"))
    with administrator.connect() as db:
        db.execute(text("DROP ROLE IF EXISTS plain_owner"))
        db.execute(text("CREATE ROLE plain_owner LOGIN NOCREATEROLE NOSUPERUSER"))
        db.execute(text("GRANT madoguchi_app TO plain_owner"))
        db.execute(text(f'ALTER DATABASE "{url.database}" OWNER TO plain_owner'))
    try:
        assert upgrade(url.set(username="plain_owner").render_as_string(hide_password=False)) == newest_revision()
    finally:
        with administrator.connect() as db:
            db.execute(text(f'DROP DATABASE "{url.database}" WITH (FORCE)'))
            db.execute(text("DROP ROLE plain_owner"))
