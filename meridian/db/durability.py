"""A server that may lose what it has committed is refused: an answer given on it would be no decision."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from meridian.db.engine import transaction
from meridian.errors import NotReady

MUST_BE_ON = {
    "fsync": "the power fails, and the whole database may be torn",
    "full_page_writes": "the power fails in the middle of a page, and the page may be beyond repair",
    "synchronous_commit": "the server is killed, and decisions that were answered may be gone",
}
"""Each setting, and what may happen while it is off. (Of `synchronous_commit` every other value waits for the disk.)"""

# Of this very connection: a database and a role may have settings of their own, and each place has its remedy.
WHAT_IS_OFF = f"""
SELECT name, source, quote_ident(current_database()), quote_ident(session_user)
FROM pg_settings WHERE name IN ({", ".join(f"'{name}'" for name in MUST_BE_ON)}) AND setting = 'off' ORDER BY name
"""  # noqa: S608 (the names above, nobody's input)
REMEDIES = {
    "global": "ALTER ROLE ALL RESET {name}",
    "database": "ALTER DATABASE {database} RESET {name}",
    "user": "ALTER ROLE {role} RESET {name}",
    "database user": "ALTER ROLE {role} IN DATABASE {database} RESET {name}",
}
STATED_AT_THE_START = ("command line", "client", "environment variable")


def check_durable(engine: Engine) -> None:
    """Raises `NotReady`, naming each setting and its remedy, where a commit may be lost; `Unavailable` where none
    answers."""
    with transaction(engine) as connection:
        _refuse([tuple(row) for row in connection.exec_driver_sql(WHAT_IS_OFF)])


def keep_durable(engine: Engine) -> Engine:
    """The same engine; each new connection of its pool is asked, and refused as `check_durable` does.

    Once at the start is not enough: a server may be away then, and one that is there may be set up anew and started
    again under a service that goes on.
    """
    event.listen(engine, "connect", _refuse_connection)
    return engine


def _refuse_connection(dbapi: Any, _record: Any) -> None:
    with dbapi.cursor() as cursor:
        cursor.execute(WHAT_IS_OFF)
        found = cursor.fetchall()
    dbapi.rollback()
    try:
        _refuse(found)
    except NotReady:
        dbapi.close()
        raise


def _refuse(found: list[tuple[str, str, str, str]]) -> None:
    if found:
        named = "; ".join(f"{name} is off ({MUST_BE_ON[name]})" for name, *_ in found)
        remedies = " ".join(_remedy(*one) for one in found)
        raise NotReady(f"Nothing is recorded, because the database may lose it: {named}. {remedies}")


def _remedy(name: str, source: str, database: str, role: str) -> str:
    if source in REMEDIES:
        statement = REMEDIES[source].format(name=name, database=database, role=role)
        return f"As its administrator: `{statement}`; connections made from then on have it."
    if source in STATED_AT_THE_START:
        return f"It comes from the {source}: take it out there."
    return f"As its administrator: `ALTER SYSTEM SET {name} = on`, then `SELECT pg_reload_conf()`."
