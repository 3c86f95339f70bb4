"""Bring a database to the newest schema, as its owner."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

FOLDER = Path(__file__).parent
LOCK = 0x4D41444F  # one migration at a time, however many releases start


def upgrade(owner_url: str) -> str:
    """Run every step the database has not had yet and return the newest revision.

    A step that cannot get its locks within a few seconds gives up and leaves the database as it was: the running system
    goes on, and the release is tried again.
    """
    engine = create_engine(owner_url, connect_args={"options": "-c lock_timeout=5000"})
    try:
        with engine.connect() as db:
            db.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            db.commit()
            config = configuration()
            config.attributes["connection"] = db
            command.upgrade(config, "head")
            db.commit()
    finally:
        engine.dispose()
    return newest_revision()


def newest_revision() -> str:
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    return head or ""


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(rev)s_%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    return config
