"""Connections: each with its role, its time limits, and a guard against use across a fork."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from meridian.errors import Unavailable

APP_ROLE = "meridian_app"
AUDIT_ROLE = "meridian_audit"
BROKER_ROLE = "meridian_broker"


def open_engine(
    url: str,
    *,
    role: str | None,
    name: str,
    statement_timeout_ms: int = 0,
    pool_size: int = 5,
) -> Engine:
    """An engine whose every connection runs as `role` and is known to the server as `meridian-<name>`.

    Nothing is connected until first use, so an engine made before a fork is harmless; a connection
    made before one is forgotten in the child (two processes on one connection read each other's rows).
    """
    options = [f"-c role={role}"] if role else []
    if statement_timeout_ms:
        options.append(f"-c statement_timeout={statement_timeout_ms}")
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
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


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction. `Unavailable` where the database cannot be reached, or does not say whether it was committed."""
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeout) as error:
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
