"""Bring a database to the present schema, and say whether it is there."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, TextIO

from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from meridian.db.engine import transaction
from meridian.errors import NotReady

if TYPE_CHECKING:
    # Alembic is imported where it is used: most commands neither migrate nor ask for the newest revision.
    from alembic.config import Config


def migrate(url: str) -> None:
    """Run what is missing, as a role that may create schemas and roles.

    Raises `NotReady` for a database of a version that this one cannot carry over.
    """
    from alembic import command
    from alembic.util.exc import CommandError

    config = _config()
    config.attributes["url"] = url
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        if "Can't locate revision" not in str(error):
            raise
        raise NotReady(
            "The database was made by another Meridian, older than the first release or newer than this one, and "
            "cannot be brought to this schema. Use the version that made it, or start with an empty database "
            "(an embedded one: move the folder MERIDIAN_HOME away)."
        ) from error


def migration_sql(out: TextIO) -> None:
    """Write every migration's SQL, without a database."""
    from alembic import command

    config = _config()
    config.output_buffer = out
    command.upgrade(config, "head", sql=True)


def head_revision() -> str:
    """The newest migration's number."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current_revision(engine: Engine) -> str | None:
    """The number of the last migration that ran on this database; None before the first."""
    try:
        with transaction(engine) as connection:
            return connection.execute(text("SELECT version_num FROM schema_version")).scalar()
    except ProgrammingError:
        return None


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("meridian.migrations")).replace("%", "%%"))
    return config
