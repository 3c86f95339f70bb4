"""Is the process alive, and can it do its work? For probes and proxies; says nothing about anybody."""

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from web.wiring import wired

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    return jsonify(alive=True)


@health.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 when a booking could be made: the database answers. Redis may be away: then throttles are open."""
    try:
        with wired().reading() as db:
            revision = db.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except SQLAlchemyError:
        return jsonify(ready=False, database=False), 503
    return jsonify(ready=True, database=True, schema=revision), 200
