"""Alembic's entry: runs as the schema's owner, with a lock time-out so that a migration never queues behind traffic."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from meridian.db.engine import open_engine
from meridian.settings import load_settings

LOCK_TIMEOUT = "SET lock_timeout = '5s'"
# Any constant. Held until the connection closes; taken before the lock time-out, because to wait for somebody
# else's migration is right, however long it takes.
ONE_AT_A_TIME = "SELECT pg_advisory_lock(7305502)"


def run_offline() -> None:
    """Print the SQL, for reading and for the lint."""
    context.configure(
        dialect_name="postgresql", literal_binds=True, version_table="schema_version", transaction_per_migration=True
    )
    with context.begin_transaction():
        context.execute(LOCK_TIMEOUT)
        context.run_migrations()


def run_online() -> None:
    """Run on the database that the settings name."""
    url = context.config.attributes.get("url") or load_settings().admin_url
    engine = open_engine(url, role=None, name="migrate")
    try:
        with engine.connect() as connection:
            connection.execute(text(ONE_AT_A_TIME))
            connection.execute(text(LOCK_TIMEOUT))
            connection.commit()
            context.configure(connection=connection, version_table="schema_version", transaction_per_migration=True)
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
