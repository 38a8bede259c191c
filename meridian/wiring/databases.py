"""Settings -> engines: each part reaches the decisions' database in its own role."""

from __future__ import annotations

from sqlalchemy import Engine

from meridian.db.durability import keep_durable
from meridian.db.engine import ANALYST_ROLE, REGISTRAR_ROLE, WORKER_ROLE, open_engine
from meridian.errors import NotReady
from meridian.settings import Settings

STATEMENT_TIMEOUT_MS = 10_000


def open_database(settings: Settings, role: str, name: str, *, each_by_itself: bool = False) -> Engine:
    """The decisions' database in a role, known to the server by a name. Raises `NotReady` where none is configured.

    With `each_by_itself` each statement is a transaction: for what takes one, as all that a decision does.
    """
    engine = open_engine(
        _url(settings, role),
        role=role,
        name=name,
        # A statement that hangs behind somebody's lock ends in a 503, not in a thread that is gone.
        statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        pool_size=settings.api_threads + 1,
        each_by_itself=each_by_itself,
    )
    return keep_durable(engine)


def _url(settings: Settings, role: str) -> str:
    own = {
        WORKER_ROLE: settings.worker_database_url,
        ANALYST_ROLE: settings.desk_database_url,
        REGISTRAR_ROLE: settings.registry_database_url,
    }
    url = own.get(role) or settings.database_url
    if not url:
        raise NotReady(
            "No database is configured. Run `meridian up`, or set DATABASE_URL, "
            "e.g. postgresql://user:password@host/meridian."
        )
    return url
