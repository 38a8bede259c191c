"""Celery's queue in PostgreSQL: the SQL of pgmq, installed without a server extension."""

from __future__ import annotations

from collections.abc import Sequence

import pgmq
import psycopg
from psycopg import sql

from meridian.errors import NotReady

# Any constant: all who install into one database must come by the same lock.
INSTALL_LOCK = 0x6D657269


def install_pgmq(dsn: str, owner: str | None = None, queues: Sequence[str] = ()) -> None:
    """Have pgmq's tables and functions and these queues in the database at `dsn`.

    Safe to repeat, and safe when two do it at once. `dsn` is a libpq connection string. The schema
    and all in it belong to `owner`, a role that the user of `dsn` may act as and lend a right to;
    default that user, who must then be allowed to create schemas. Raises NotReady with the server's
    words where it fails; nothing is left half-done.
    """
    try:
        with psycopg.connect(dsn) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (INSTALL_LOCK,))
            if not _one(connection, "SELECT to_regclass('pgmq.meta') IS NOT NULL"):
                _install(connection, owner)
            if owner:
                connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
            for queue in queues:
                # Made beforehand, so that a message sent before the first worker's start has a place.
                connection.execute("SELECT pgmq.create(%s)", (queue,))
    except (psycopg.Error, pgmq.PGMQInstallError) as error:
        raise NotReady(f"The queue could not be installed: {error}") from error


def _install(connection: psycopg.Connection, owner: str | None) -> None:
    """Run the script as `owner`. It says CREATE SCHEMA, which takes a right on the whole database: lent."""
    if owner is None:
        pgmq.install_pgmq_from_sql(conn=connection)
        return
    names = {"database": sql.Identifier(connection.info.dbname), "owner": sql.Identifier(owner)}
    lend = not _one(connection, "SELECT has_database_privilege(%s, current_database(), 'CREATE')", (owner,))
    if lend:
        connection.execute(sql.SQL("GRANT CREATE ON DATABASE {database} TO {owner}").format(**names))
    connection.execute(sql.SQL("SET LOCAL ROLE {owner}").format(**names))
    pgmq.install_pgmq_from_sql(conn=connection)
    connection.execute("RESET ROLE")
    if lend:
        connection.execute(sql.SQL("REVOKE CREATE ON DATABASE {database} FROM {owner}").format(**names))


def _one(connection: psycopg.Connection, query: str, parameters: tuple[str, ...] = ()) -> object:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None
