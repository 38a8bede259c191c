"""Connections: each with its role, its time limits, and a guard against use across a fork."""

from __future__ import annotations

import os
import re
import select
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from meridian.errors import NotReady, Unavailable

APP_ROLE = "meridian_app"
WORKER_ROLE = "meridian_worker"
ANALYST_ROLE = "meridian_analyst"
AUDIT_ROLE = "meridian_audit"
BROKER_ROLE = "meridian_broker"
REGISTRAR_ROLE = "meridian_registrar"

ROLE_REFUSED = re.compile(r'permission denied to set role "(\w+)"')
QUERY_CANCELED = "57014"
SERVER_TROUBLE = ("08", "53", "57", "58", "XX")
"""Classes of PostgreSQL's error codes: connection, resources, operator intervention, system, internal."""


def open_engine(
    url: str,
    *,
    role: str | None,
    name: str,
    statement_timeout_ms: int = 0,
    pool_size: int = 5,
    each_by_itself: bool = False,
) -> Engine:
    """An engine whose every connection runs as `role` and is known to the server as `meridian-<name>`.

    Nothing is connected until first use, so an engine made before a fork is harmless; a connection
    made before one is forgotten in the child (two processes on one connection read each other's rows).
    With `each_by_itself` each statement is a transaction of its own: no round trips to begin and to commit.
    """
    options = [f"-c role={role}"] if role else []
    if statement_timeout_ms:
        options.append(f"-c statement_timeout={statement_timeout_ms}")
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        isolation_level="AUTOCOMMIT" if each_by_itself else None,
        # What an applicant stated must not come into a log by way of an error's text.
        hide_parameters=True,
        connect_args={
            "application_name": f"meridian-{name}",
            "connect_timeout": 2,
            # A peer that vanishes without a word must not hold a thread for the kernel's quarter of an hour.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "options": " ".join([*options, "-c timezone=UTC"]),
        },
    )
    event.listen(engine, "connect", _note_process)
    event.listen(engine, "checkout", _refuse_other_process)
    event.listen(engine, "checkout", _refuse_closed)
    _forget_after_fork(engine)
    return engine


def _forget_after_fork(engine: Engine) -> None:
    """In a child the pool is empty again. To refuse at checkout would be too late: the pool's ping comes before it."""
    reference = weakref.ref(engine)

    def forget() -> None:
        if (inherited := reference()) is not None:
            inherited.dispose(close=False)

    os.register_at_fork(after_in_child=forget)


def _note_process(_dbapi: Any, record: Any) -> None:
    record.info["pid"] = os.getpid()


def _refuse_other_process(_dbapi: Any, record: Any, proxy: Any) -> None:
    if record.info["pid"] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError("the connection belongs to another process")


def _refuse_closed(dbapi: Any, _record: Any, _proxy: Any) -> None:
    """A server that went away has closed its end. Only where something has come unasked is it asked: a ping each
    time would cost every request a round trip."""
    readable, _, _ = select.select([dbapi.fileno()], [], [], 0)
    if not readable:
        return
    try:
        with dbapi.cursor() as cursor:
            cursor.execute("SELECT 1")
        dbapi.rollback()
    except dbapi.Error as error:
        raise DisconnectionError("the server has closed the connection") from error


def is_cut(error: Unavailable) -> bool:
    """Whether the connection broke, so that a new one may do; not so where the server cannot be reached or refuses."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and cause.connection_invalidated


def concerns_all(error: Exception) -> bool:
    """Whether another statement would have met the same: the server is away, full or stopping, or we refuse."""
    if not isinstance(error, Unavailable):
        return isinstance(error, NotReady)
    code = getattr(getattr(error.__cause__, "orig", None), "pgcode", None)
    return code is None or (code != QUERY_CANCELED and code[:2] in SERVER_TROUBLE)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction. `Unavailable` where the database cannot be reached, or does not say whether it was committed."""
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        role = ROLE_REFUSED.search(str(error))
        if role is not None:
            raise NotReady(
                f"The database's login may not act as {role[1]}. As its administrator: GRANT {role[1]} TO the login."
            ) from error
        raise Unavailable from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable from error
        raise


def open_pool(engine: Engine) -> None:
    """Make all connections of the engine's pool. Raises `Unavailable` where they cannot be made."""
    with ExitStack() as held:
        for _ in range(engine.pool.size()):  # type: ignore[attr-defined]
            held.enter_context(transaction(engine))


def lock_application(connection: Connection, application_id: object) -> None:
    """Until the transaction ends, nobody else adds a version to this application."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": str(application_id)})
